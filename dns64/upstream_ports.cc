// SPDX-License-Identifier: Apache-2.0
// The forwarder's sockets: ports drawn and renewed, queries sent in batches, answers received.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "common/log/log.h"
#include "dns64/socket.h"
#include "dns64/upstream_forward.h"

namespace isthmus::dns64 {

namespace {

constexpr unsigned kBindTries = 16;
constexpr std::uint64_t kStreamIdleMs = 20000;
constexpr std::size_t kQueryMost = kHeaderBytes + kNameMost + 4 + kOptFixed + 4 + kCookieMost;

/// A number for the address that a connected socket sends from.
std::uint64_t own_address_of(int fd) {
    SocketAddress own = SocketAddress::any(AF_INET6, 0);
    socklen_t n = sizeof(sockaddr_in6);
    if (::getsockname(fd, own.raw(), &n) != 0) return 0;
    if (!own.is_v6()) return own.v4().host();
    std::uint64_t out = 0xcbf29ce484222325ULL;  // FNV-1a
    for (const std::uint8_t b : own.v6().octet) out = (out ^ b) * 0x100000001b3ULL;
    return out;
}

}  // namespace

Port::~Port() {
    if (fd >= 0) ::close(fd);
}

void Port::on_ready(std::uint32_t events) { owner_.on_port(*this, events); }

bool Forwarder::open_port(Port& p) {
    const SocketAddress remote = SocketAddress::of(p.server.endpoint);
    const int fd = ::socket(remote.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool bound = false;
    for (unsigned i = 0; i < kBindTries && !bound; i++) {
        const SocketAddress local = source_.draw(remote.family(), random_);
        bound = ::bind(fd, local.raw(), local.size()) == 0;
    }
    if (!bound || ::connect(fd, remote.raw(), remote.size()) != 0) {
        ::close(fd);
        return false;
    }
    const int room = 1 << 20;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    p.fd = fd;
    p.uses = p.in_flight = 0;
    p.own_address = own_address_of(fd);
    return loop_.watch(fd, p, EPOLLIN);
}

/// The next place of the shuffled pool: no place is used twice before all were used once.
Port* Forwarder::draw_port(Server& s) {
    if (s.next_in_order >= s.order.size()) {
        s.order.resize(kPorts);
        std::iota(s.order.begin(), s.order.end(), std::uint16_t{0});
        for (unsigned i = kPorts - 1; i > 0; i--)
            std::swap(s.order[i], s.order[random_.below(i + 1)]);
        s.next_in_order = 0;
        sweep_retiring(s);
    }
    std::unique_ptr<Port>& place = s.ports[s.order[s.next_in_order++]];
    if (place && place->uses >= kUsesOfPort) {
        if (place->in_flight > 0) {
            s.retiring.push_back(std::move(place));
        } else {
            loop_.close_watch(place->fd, *place);
            place->fd = -1;
            loop_.bury(std::move(place));
        }
        place.reset();
    }
    if (!place) {
        place = std::make_unique<Port>(*this, s);
        if (!open_port(*place)) {
            log::warn("no socket towards upstream " + s.endpoint.text() + ": " +
                      std::strerror(errno));
            place.reset();
            return nullptr;
        }
    }
    place->uses++;
    return place.get();
}

void Forwarder::sweep_retiring(Server& s) {
    for (auto& p : s.retiring) {
        if (p->in_flight > 0) continue;
        loop_.close_watch(p->fd, *p);
        p->fd = -1;
        loop_.bury(std::move(p));
    }
    std::erase_if(s.retiring, [](const auto& p) { return !p; });
}

bool Forwarder::take_id(ForwardFetch& f, unsigned i) {
    for (unsigned tries = 0; tries < 64; tries++) {
        const std::uint16_t id = random_.u16();
        if (by_id_[id].fetch != nullptr) continue;
        by_id_[id] = {&f, static_cast<std::uint8_t>(i)};
        f.attempt[i].id = id;
        return true;
    }
    return false;
}

void Forwarder::end_attempt(Attempt& a) {
    if (!a.is_live) return;
    a.is_live = false;
    by_id_[a.id] = {};
    a.server->in_flight--;
    if (a.port != nullptr) a.port->in_flight--;
}

void Forwarder::end_attempts(ForwardFetch& f) {
    for (unsigned i = 0; i < f.n_attempts; i++) end_attempt(f.attempt[i]);
}

void Forwarder::begin_attempt(ForwardFetch& f, Server& s, bool with_edns) {
    if (f.n_attempts >= ForwardFetch::kAttempts) return give_up(f, Fetched::Outcome::unreachable);
    const unsigned i = f.n_attempts;
    Attempt& a = f.attempt[i];
    a = Attempt{};
    if (!take_id(f, i)) return give_up(f, Fetched::Outcome::unreachable);
    f.n_attempts++;
    a.server = &s;
    a.with_edns = with_edns;
    a.is_live = true;
    s.in_flight++;
    const bool over_stream = f.over_tcp || s.endpoint.transport != config::Transport::udp;
    if (over_stream) {
        send_over_stream(f, a);
    } else {
        s.queue.push_back({&f, static_cast<std::uint8_t>(i)});
    }
    if (a.is_live) arm_retransmission(f, s);
}

void Forwarder::send_again(ForwardFetch& f, unsigned i) {
    f.attempt[i].server->queue.push_back({&f, static_cast<std::uint8_t>(i)});
}

std::size_t Forwarder::write_query(const ForwardFetch& f, const Attempt& a,
                                   std::span<std::uint8_t> out) const {
    Writer w(out);
    w.header(a.id, static_cast<std::uint16_t>(flag::rd | (f.checking_disabled ? flag::cd : 0)));
    w.patch16(4, 1);
    w.bytes(f.sent_name.view());
    w.u16(f.type);
    w.u16(f.cls);
    if (a.with_edns) {
        w.u8(0);  // root
        w.u16(rr::opt);
        w.u16(kUdpMost);
        w.u32(0x8000);  // version 0, DO (RFC 3225): signatures are kept for those who want them
        const Bytes cookie = a.cookie.bytes();
        w.u16(cookie.empty() ? 0 : static_cast<unsigned>(4 + cookie.size()));
        if (!cookie.empty()) {
            w.u16(option::cookie);
            w.u16(static_cast<unsigned>(cookie.size()));
            w.bytes(cookie);
        }
        w.patch16(10, 1);
    }
    return w.size();
}

void Forwarder::flush() {
    for (const auto& s : servers_) {
        if (!s->queue.empty()) flush(*s);
        if (s->stream && s->stream->is_open() && s->in_flight == 0 &&
            loop_.now_ms() - s->stream_used_ms > kStreamIdleMs) {
            s->stream->close();
            loop_.bury(std::move(s->stream));
        }
    }
}

void Forwarder::flush(Server& s) {
    const std::vector<Server::Queued> queue = std::move(s.queue);
    s.queue.clear();
    const std::span<const Server::Queued> all(queue);
    for (std::size_t i = 0; i < all.size(); i += kBatch)
        send_batch(s, all.subspan(i, std::min<std::size_t>(kBatch, all.size() - i)));
}

/// One system call for each port: the new queries of a turn share one, repetitions keep theirs.
void Forwarder::send_batch(Server& s, std::span<const Server::Queued> queued) {
    std::uint8_t bytes[kBatch][kQueryMost];
    iovec part[kBatch];
    mmsghdr message[kBatch] = {};
    Port* port_of[kBatch];
    Port* fresh = nullptr;
    unsigned n = 0;
    for (const auto& [fetch, i] : queued) {
        Attempt& a = fetch->attempt[i];
        if (!a.is_live || a.server != &s) continue;  // answered, or given up, in the same turn
        if (a.port == nullptr) {
            if (fresh == nullptr) fresh = draw_port(s);
            if (fresh == nullptr) continue;  // the timer tries again
            a.port = fresh;
            fresh->in_flight++;
        }
        if (a.sent == 0 && a.with_edns && config_.upstream_cookies)
            a.cookie = s.cookie_of(a.port->own_address)
                           .for_query(a.port->own_address, loop_.now_ms(), random_);
        part[n] = {bytes[n], write_query(*fetch, a, bytes[n])};
        message[n].msg_hdr.msg_iov = &part[n];
        message[n].msg_hdr.msg_iovlen = 1;
        port_of[n++] = a.port;
        if (a.sent++ == 0) a.sent_ns = loop_.now_ns();
        s.queries++;
        stats_.queries_udp++;
    }
    bool refused = false;
    for (unsigned begin = 0; begin < n;) {
        unsigned end = begin;
        while (end < n && port_of[end] == port_of[begin]) end++;
        const int sent = ::sendmmsg(port_of[begin]->fd, message + begin, end - begin, 0);
        if (sent > 0) {
            // Fewer than all: the kernel kept the reason to itself, the rest is tried again.
            begin += static_cast<unsigned>(sent);
        } else if (sent < 0 && errno == ECONNREFUSED && !refused) {
            refused = true;  // of an earlier datagram; these did not leave
        } else {
            begin = end;  // what did not fit into the kernel is lost like any datagram
        }
    }
    if (refused) note_refusal(s);
}

void Forwarder::on_port(Port& p, std::uint32_t) {
    mmsghdr message[kBatch] = {};
    iovec part[kBatch];
    for (unsigned i = 0; i < kBatch; i++) {
        part[i] = {receive_.data() + std::size_t{i} * kReceiveMost, kReceiveMost};
        message[i].msg_hdr.msg_iov = &part[i];
        message[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = ::recvmmsg(p.fd, message, kBatch, MSG_DONTWAIT, nullptr);
    if (n < 0) {
        if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH)
            note_refusal(p.server);
        return;
    }
    loop_.did(static_cast<unsigned>(n));
    for (int i = 0; i < n; i++) {
        const bool cut = (message[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        if (message[i].msg_len > kUdpMost) count(UpstreamFault::oversize);
        on_answer(p.server, &p, nullptr,
                  {static_cast<const std::uint8_t*>(part[i].iov_base), message[i].msg_len}, cut);
    }
}

/// A connection's own address, where one was named; its port is the kernel's to draw.
bool Forwarder::leave_from_source(int fd, int family) {
    if (!source_.has_address(family)) return true;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    const SocketAddress local = source_.draw_address(family, random_);
    return ::bind(fd, local.raw(), local.size()) == 0;
}

void Forwarder::send_over_stream(ForwardFetch& f, Attempt& a) {
    Server& s = *a.server;
    const bool tls = s.endpoint.transport == config::Transport::tls;
    if (!s.stream) {
        const SocketAddress remote = SocketAddress::of(s.endpoint);
        const int fd = ::socket(remote.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0 || !leave_from_source(fd, remote.family()) ||
            (::connect(fd, remote.raw(), remote.size()) != 0 && errno != EINPROGRESS)) {
            if (fd >= 0) ::close(fd);
            count(UpstreamFault::refused_port);
            end_attempt(a);
            a.sent = kSendsMost;
            return advance(f);
        }
        no_delay(fd);
        std::unique_ptr<TlsSession> session;
        if (tls) {
            const std::string& name = s.endpoint.name;
            const std::string address =
                s.endpoint.is_v6 ? s.endpoint.v6.text() : s.endpoint.v4.text();
            session = std::make_unique<TlsSession>(*tls_, fd, name.empty() ? address : name);
        }
        s.stream = std::make_unique<Stream>(loop_, fd, s, true, std::move(session));
    }
    a.stream = s.stream.get();
    std::uint8_t bytes[kQueryMost];
    a.sent++;
    a.sent_ns = loop_.now_ns();
    s.queries++;
    (tls ? stats_.queries_tls : stats_.queries_tcp)++;
    s.stream_used_ms = loop_.now_ms();
    if (s.stream->send({bytes, write_query(f, a, bytes)})) return;
    end_attempt(a);
    advance(f);
}

void Server::on_message(Stream& s, std::span<const std::uint8_t> message) {
    stream_used_ms = owner.loop_.now_ms();
    owner.on_answer(*this, nullptr, &s, message, false);
}

void Server::on_open(Stream&) {}

void Server::on_closed(Stream&, const std::string& why) { owner.stream_closed(*this, why); }

/// Queries that were on the connection go to a new one, once, or to another server
/// (RFC 7766 s6.2.4).
void Forwarder::stream_closed(Server& s, const std::string& why) {
    const bool tls_failed = why.starts_with("TLS");
    std::unique_ptr<Stream> gone = std::move(s.stream);
    const std::vector<ForwardFetch*> waiting =
        end_lost(why != "closed", [&](const Attempt& a) { return a.stream == gone.get(); });
    loop_.bury(std::move(gone));
    if (waiting.empty()) return;
    count(tls_failed ? UpstreamFault::tls : UpstreamFault::closed);
    s.failures++;
    if (why != "closed") {
        log::warn("upstream " + s.endpoint.text() + ": " + why);
        mark_down(s);
    }
    for (ForwardFetch* f : waiting) advance(*f);
}

}  // namespace isthmus::dns64
