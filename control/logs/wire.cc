// SPDX-License-Identifier: Apache-2.0
#include "control/logs/wire.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace isthmus::control {

namespace {

/// One thread serves all logs: while one waits, the workers' rings fill. Long enough for a round
/// trip by satellite.
constexpr int kConnectMs = 900, kSendMs = 500, kFlushMs = 900;
constexpr std::size_t kUnknownPath = 512;  // RFC 7011 s10.3.3, RFC 5426 s3.2

union Address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
};

socklen_t fill(Address& a, const std::string& text, std::uint16_t port) {
    a = {};
    if (::inet_pton(AF_INET, text.c_str(), &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(port);
        return sizeof a.v4;
    }
    if (::inet_pton(AF_INET6, text.c_str(), &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(port);
        return sizeof a.v6;
    }
    a.local.sun_family = AF_UNIX;
    text.copy(a.local.sun_path, sizeof a.local.sun_path - 1);
    return sizeof a.local;
}

}  // namespace

std::string Wire::text() const {
    if (transport_ == config::LogTransport::unix_socket) return address_;
    const bool is6 = address_.find(':') != std::string::npos;
    return std::string(is_stream() ? "tcp:" : "udp:") + (is6 ? "[" + address_ + "]" : address_) +
           ":" + std::to_string(port_);
}

void Wire::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Error Wire::failed(const std::string& what) {
    const std::string why = std::strerror(errno);
    close();
    return Error{text(), what + ": " + why};
}

bool Wire::wait(short events, int timeout_ms) const {
    pollfd p{fd_, events, 0};
    const int n = ::poll(&p, 1, timeout_ms);
    if (n == 0) errno = ETIMEDOUT;
    return n > 0;
}

Status Wire::open() {
    if (fd_ >= 0) return Done{};
    Address to;
    const socklen_t length = fill(to, address_, port_);
    const int type = is_stream() ? SOCK_STREAM : SOCK_DGRAM;
    fd_ = ::socket(to.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return failed("no socket");
    if (::connect(fd_, &to.any, length) != 0) {
        if (errno != EINPROGRESS || !wait(POLLOUT, kConnectMs)) return failed("cannot connect");
        int error = 0;
        socklen_t size = sizeof error;
        (void)::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
        errno = error;
        if (error != 0) return failed("cannot connect");
    }
    const int on = 1;
    if (is_stream()) (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_++;
    return Done{};
}

Status Wire::send(const std::string& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t n = ::send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return failed("cannot send");
        if (!wait(POLLOUT, kSendMs)) return failed("takes nothing");
    }
    return Done{};
}

Status Wire::flush() {
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error != 0) return failed("lost");
    if (!is_stream()) return Done{};
    for (int waited = 0;; waited++) {
        int left = 0;
        if (::ioctl(fd_, SIOCOUTQ, &left) != 0) return failed("lost");
        if (left == 0) break;
        errno = ETIMEDOUT;
        if (waited >= kFlushMs) return failed("does not acknowledge");
        if (wait(POLLHUP | POLLERR | POLLRDHUP, 1)) {
            errno = ECONNRESET;
            return failed("closed the connection");
        }
    }
    // A collector that closes has said so before the next record, or says it then.
    char byte = 0;
    const ssize_t n = ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (n != 0) return Done{};
    errno = ECONNRESET;
    return failed("closed the connection");
}

std::size_t Wire::datagram_bytes() const {
    if (transport_ == config::LogTransport::unix_socket) return 65000;
    int mtu = 0;
    socklen_t size = sizeof mtu;
    const bool is6 = address_.find(':') != std::string::npos;
    const int got = is6 ? ::getsockopt(fd_, IPPROTO_IPV6, IPV6_MTU, &mtu, &size)
                        : ::getsockopt(fd_, IPPROTO_IP, IP_MTU, &mtu, &size);
    if (got != 0 || mtu < 576) return kUnknownPath;
    return static_cast<std::size_t>(mtu > 1500 ? 1500 : mtu) - 48;  // IPv6 and UDP headers
}

}  // namespace isthmus::control
