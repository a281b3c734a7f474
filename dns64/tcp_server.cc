// SPDX-License-Identifier: Apache-2.0
#include "dns64/tcp_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dns64/server.h"

namespace isthmus::dns64 {

namespace {

constexpr int kBacklog = 1024;
constexpr unsigned kAcceptsMost = 64;  // in one turn

}  // namespace

bool ConnectionCount::enter(const std::string& client, std::uint32_t most) {
    const std::lock_guard guard(lock_);
    std::uint32_t& n = by_client_[client];
    if (n >= most) return false;
    n++;
    return true;
}

void ConnectionCount::leave(const std::string& client) {
    const std::lock_guard guard(lock_);
    const auto at = by_client_.find(client);
    if (at != by_client_.end() && --at->second == 0) by_client_.erase(at);
}

Expected<std::unique_ptr<TcpListener>> TcpListener::open(Worker& worker, const config::Endpoint& e,
                                                         ConnectionCount& count, Places& places,
                                                         std::shared_ptr<TlsContext> tls) {
    const auto fd = bind_socket(e, SOCK_STREAM);
    if (!fd) return fd.error();
    if (::listen(*fd, kBacklog) != 0) {
        Error error{"dns64.listen " + e.text() + " (TCP)", std::strerror(errno)};
        ::close(*fd);
        return error;
    }
    return std::unique_ptr<TcpListener>(
        new TcpListener(worker, *fd, count, places, std::move(tls)));
}

TcpListener::TcpListener(Worker& worker, int fd, ConnectionCount& count, Places& places,
                         std::shared_ptr<TlsContext> tls)
    : worker_(worker),
      fd_(fd),
      count_(count),
      tls_(std::move(tls)),
      by_silence_(places),
      answer_(kMessageMost) {
    worker_.loop().watch(fd_, *this, EPOLLIN);
}

TcpListener::~TcpListener() {
    for (auto& [number, c] : connection_) {
        count_.leave(c->client);
        by_silence_.erase(c->place);
    }
    worker_.loop().close_watch(fd_, *this);
}

/// The place of the connection that has been silent longest; one that waits for an answer is kept.
bool TcpListener::make_room() {
    for (Connection* c : by_silence_) {
        if (c->pending > 0) continue;
        c->owner.drop(*c);
        return true;
    }
    return false;
}

void TcpListener::on_ready(std::uint32_t) {
    for (unsigned i = 0; i < kAcceptsMost; i++) {
        SocketAddress peer;
        socklen_t n = sizeof(sockaddr_in6);
        const int fd = ::accept4(fd_, peer.raw(), &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(fd, peer);
        } else if ((errno != EMFILE && errno != ENFILE) || !make_room()) {
            return;
        }
    }
}

void TcpListener::accept_one(int fd, const SocketAddress& peer) {
    const config::Dns64Limits& l = worker_.config().limits;
    const std::string client = peer.host_text();
    const bool room = by_silence_.size() < l.tcp_connections || make_room();
    if (!room || !count_.enter(client, l.tcp_per_client)) {
        worker_.counters().tcp_refused += 1;
        ::close(fd);
        return;
    }
    no_delay(fd);
    worker_.counters().tcp_accepted += 1;
    worker_.counters().connections += 1;
    auto c = std::make_unique<Connection>(*this);
    c->client = client;
    c->origin.transport = this;
    c->origin.via = tls_ ? Via::tls : Via::tcp;
    c->origin.peer = peer;
    c->origin.connection = ++last_number_;
    std::unique_ptr<TlsSession> session;
    if (tls_) session = std::make_unique<TlsSession>(*tls_, fd);
    c->stream = std::make_unique<Stream>(worker_.loop(), fd, *this, false, std::move(session));
    c->stream->tag = last_number_;
    c->place = by_silence_.insert(by_silence_.end(), c.get());
    worker_.loop().arm(*c, std::uint64_t{l.tcp_idle} * 1000);
    connection_.emplace(last_number_, std::move(c));
}

void TcpListener::touch(Connection& c) {
    by_silence_.splice(by_silence_.end(), by_silence_, c.place);
    worker_.loop().arm(c, std::uint64_t{worker_.config().limits.tcp_idle} * 1000);
}

void TcpListener::idle(Connection& c) {
    if (c.pending > 0) {  // it waits for us
        worker_.loop().arm(c, std::uint64_t{worker_.config().limits.tcp_idle} * 1000);
        return;
    }
    worker_.counters().tcp_idle_closed += 1;
    drop(c);
}

void TcpListener::drop(Connection& c) {
    c.stream->close();
    c.disarm();
    by_silence_.erase(c.place);
    count_.leave(c.client);
    worker_.counters().connections -= 1;
    worker_.loop().bury(std::move(c.stream));
    connection_.erase(c.origin.connection);
}

void TcpListener::on_message(Stream& s, std::span<const std::uint8_t> message) {
    const auto at = connection_.find(s.tag);
    if (at == connection_.end()) return;
    Connection& c = *at->second;
    touch(c);
    const std::uint64_t dropped = worker_.counters().dropped;
    c.pending++;  // a job may answer before query() returns
    const std::size_t n = worker_.query(message, c.origin, answer_);
    if (n > 0) (void)s.send({answer_.data(), n});
    if (n > 0 || worker_.counters().dropped != dropped) c.pending--;
}

void TcpListener::reply(const Origin& to, Bytes message) {
    const auto at = connection_.find(to.connection);
    if (at == connection_.end()) return;  // the client has gone (RFC 7766 s6.2.4)
    Connection& c = *at->second;
    if (c.pending > 0) c.pending--;
    (void)c.stream->send(message);
}

void TcpListener::on_closed(Stream& s, const std::string& why) {
    const auto at = connection_.find(s.tag);
    if (at == connection_.end()) return;
    if (why.starts_with("TLS")) worker_.counters().tls_failed += 1;
    drop(*at->second);
}

}  // namespace isthmus::dns64
