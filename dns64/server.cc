// SPDX-License-Identifier: Apache-2.0
#include "dns64/server.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace isthmus::dns64 {

namespace {

constexpr int kSocketBuffer = 4 << 20;
constexpr unsigned kBurstsMost = 4;  // of one socket in one turn: others wait

void set_flag(int fd, int level, int name) {
    const int on = 1;
    ::setsockopt(fd, level, name, &on, sizeof on);
}

/// What an answer needs from the control messages of its query: the local address, as the kernel
/// wants it back. The interface is named for link-local addresses only: the route may be another.
std::uint8_t answer_control(msghdr& in, std::uint8_t* out, std::size_t room) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&in); c != nullptr; c = CMSG_NXTHDR(&in, c)) {
        msghdr h{};
        h.msg_control = out;
        h.msg_controllen = room;
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            info.ipi_ifindex = 0;
            std::memset(out, 0, CMSG_SPACE(sizeof info));
            cmsghdr* o = CMSG_FIRSTHDR(&h);
            *o = {CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO};
            std::memcpy(CMSG_DATA(o), &info, sizeof info);
            return CMSG_SPACE(sizeof info);
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
            std::memset(out, 0, CMSG_SPACE(sizeof info));
            cmsghdr* o = CMSG_FIRSTHDR(&h);
            *o = {CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO};
            std::memcpy(CMSG_DATA(o), &info, sizeof info);
            return CMSG_SPACE(sizeof info);
        }
    }
    return 0;
}

Error bind_error(const config::Endpoint& e, int type) {
    std::string what = std::strerror(errno);
    if (errno == EADDRINUSE) what += ": another program has this port; see ss -lp";
    if (errno == EACCES) what += ": ports below 1024 need root or CAP_NET_BIND_SERVICE";
    if (errno == EADDRNOTAVAIL) what += ": no interface has this address";
    return Error{"dns64.listen " + e.text() + (type == SOCK_STREAM ? " (TCP)" : " (UDP)"), what};
}

Expected<int> bind_with(const config::Endpoint& e, int type, bool share) {
    const SocketAddress a = SocketAddress::of(e);
    const int fd = ::socket(a.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return bind_error(e, type);
    if (type == SOCK_STREAM) set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
    if (share) set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
    if (a.is_v6()) set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (::bind(fd, a.raw(), a.size()) != 0) {
        Error error = bind_error(e, type);
        ::close(fd);
        return error;
    }
    return fd;
}

}  // namespace

Status check_free(const config::Endpoint& e, int type) {
    const auto fd = bind_with(e, type, false);
    if (!fd) return fd.error();
    // A listening TCP socket of somebody with SO_REUSEADDR is found here only.
    const int rc = type == SOCK_STREAM ? ::listen(*fd, 1) : 0;
    Status out = rc == 0 ? Status(Done{}) : Status(bind_error(e, type));
    ::close(*fd);
    return out;
}

Expected<int> bind_socket(const config::Endpoint& e, int type) { return bind_with(e, type, true); }

Expected<std::unique_ptr<UdpListener>> UdpListener::open(Worker& worker,
                                                         const config::Endpoint& e) {
    const auto fd = bind_socket(e, SOCK_DGRAM);
    if (!fd) return fd.error();
    const bool wildcard = e.is_v6 ? e.v6 == Ipv6Addr{} : e.v4 == Ipv4Addr{};
    if (wildcard) {
        set_flag(*fd, e.is_v6 ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP),
                 e.is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
    }
    if (e.is_v6) {
        // A flow label is a hash over each answer's addresses: one datagram is no flow.
        const int off = 0;
        ::setsockopt(*fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, &off, sizeof off);
    }
    ::setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
    ::setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
    return std::unique_ptr<UdpListener>(new UdpListener(worker, *fd, wildcard));
}

UdpListener::UdpListener(Worker& worker, int fd, bool wildcard)
    : worker_(worker),
      fd_(fd),
      watch_(worker.loop(), fd, *this),
      wildcard_(wildcard),
      in_(std::size_t{kBurst} * kReceiveStride),
      out_(std::size_t{kBurst} * kUdpMost) {
    for (unsigned i = 0; i < kBurst; i++) {
        in_part_[i] = {in_.data() + i * kReceiveStride, kReceiveMost};
        in_message_[i].msg_hdr.msg_iov = &in_part_[i];
        in_message_[i].msg_hdr.msg_iovlen = 1;
        in_message_[i].msg_hdr.msg_name = in_peer_[i].raw();
        out_part_[i] = {out_.data() + i * std::size_t{kUdpMost}, 0};
        out_message_[i].msg_hdr.msg_iov = &out_part_[i];
        out_message_[i].msg_hdr.msg_iovlen = 1;
        out_message_[i].msg_hdr.msg_name = out_peer_[i].raw();
    }
    hook_ = worker_.loop().before_sleep([this] { flush(); });
}

UdpListener::~UdpListener() {
    flush();
    worker_.loop().unhook(hook_);
    watch_.end();
    ::close(fd_);
}

unsigned UdpListener::receive() {
    // The kernel has changed those that it filled the last time.
    for (unsigned i = 0; i < n_in_; i++) {
        msghdr& h = in_message_[i].msg_hdr;
        h.msg_namelen = sizeof(sockaddr_in6);
        h.msg_control = wildcard_ ? in_control_[i].data() : nullptr;
        h.msg_controllen = wildcard_ ? kControlMost : 0;
        h.msg_flags = 0;
    }
    const int n = ::recvmmsg(fd_, in_message_.data(), kBurst, MSG_DONTWAIT, nullptr);
    n_in_ = n > 0 ? static_cast<unsigned>(n) : 0;
    return n_in_;
}

/// What the queries of a burst will look at, asked for before the first of them is.
void UdpListener::foresee(unsigned n) {
    for (unsigned i = 0; i < n; i++) hash_[i] = worker_.foresee(received(i));
    for (unsigned i = 0; i < n; i++) worker_.prefetch_entry(hash_[i]);
}

void UdpListener::take(unsigned i) {
    msghdr& h = in_message_[i].msg_hdr;
    Origin from;
    from.transport = this;
    from.peer = in_peer_[i];
    if (wildcard_) from.control_bytes = answer_control(h, from.control, sizeof from.control);
    if (n_out_ == kBurst) flush();
    // A query as long as kReceiveMost is none; it is cut, so it gets FORMERR.
    const std::size_t n = worker_.query(received(i), from, slot(), hash_[i]);
    if (n > 0) queue(from.peer, {from.control, from.control_bytes}, n);
}

void UdpListener::on_ready(std::uint32_t) {
    unsigned all = 0;
    bool more = true;
    for (unsigned burst = 0; burst < kBurstsMost && more; burst++) {
        errno = 0;
        const unsigned n = receive();
        // A burst that was not full has emptied the socket.
        more = n == kBurst || (n == 0 && errno != EAGAIN);
        all += n;
        foresee(n);
        for (unsigned i = 0; i < n; i++) take(i);
        flush();
    }
    watch_.did(all, more);
}

/// The answer lies in slot().
void UdpListener::queue(const SocketAddress& to, Bytes control, std::size_t size) {
    const unsigned i = n_out_++;
    out_peer_[i] = to;
    out_part_[i].iov_len = size;
    msghdr& h = out_message_[i].msg_hdr;
    h.msg_namelen = to.size();
    std::copy(control.begin(), control.end(), out_control_[i].begin());
    h.msg_control = control.empty() ? nullptr : out_control_[i].data();
    h.msg_controllen = control.size();
}

void UdpListener::reply(const Origin& to, Bytes message) {
    if (message.size() > kUdpMost) return;
    if (n_out_ == kBurst) flush();
    std::copy(message.begin(), message.end(), slot().begin());
    queue(to.peer, {to.control, to.control_bytes}, message.size());
}

void UdpListener::flush() {
    unsigned at = 0;
    while (at < n_out_) {
        const int n = ::sendmmsg(fd_, &out_message_[at], n_out_ - at, MSG_DONTWAIT);
        if (n > 0) {
            at += static_cast<unsigned>(n);
            continue;
        }
        if (errno == EINTR) continue;
        worker_.counters().send_failed += 1;  // this one; the others have other ways to go
        at++;
    }
    n_out_ = 0;
}

}  // namespace isthmus::dns64
