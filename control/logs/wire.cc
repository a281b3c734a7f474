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

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace isthmus::control {

namespace {

/// Nobody else waits meanwhile; long enough for a lost segment or two by satellite.
constexpr int kConnectMs = 3000, kSendMs = 3000, kFlushMs = 5000;
constexpr int kSliceMs = 20, kVerdictMs = 500;
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
    const char* const how = transport_ == config::LogTransport::tls   ? "tls:"
                            : transport_ == config::LogTransport::tcp ? "tcp:"
                                                                      : "udp:";
    return std::string(how) + (is6 ? "[" + address_ + "]" : address_) + ":" + std::to_string(port_);
}

void Wire::close() {
    tls_.reset();
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Error Wire::failed(const std::string& what) {
    const std::string why = std::strerror(errno);
    close();
    return Error{text(), what + ": " + why};
}

Error Wire::failed_tls(const std::string& what) {
    const std::string why = tls_->why();
    close();
    return Error{text(), what + ": " + why};
}

bool Wire::wait(short events, int timeout_ms) const {
    pollfd p{fd_, events, 0};
    for (int left = timeout_ms; left > 0; left -= kSliceMs) {
        const int n = ::poll(&p, 1, std::min(left, kSliceMs));
        if (n > 0) return true;
        if (n < 0 && errno != EINTR) return false;
        if (has_patience()) continue;
        errno = ECANCELED;
        return false;
    }
    errno = ETIMEDOUT;
    return false;
}

bool Wire::wait(TlsClient::Outcome what, int timeout_ms) const {
    return wait(what == TlsClient::Outcome::want_read ? short{POLLIN} : short{POLLOUT}, timeout_ms);
}

/// TLS on a connection that stands.
Status Wire::greet() {
    using Outcome = TlsClient::Outcome;
    auto made = TlsClient::create(settings_, address_, fd_);
    if (!made) {
        close();
        return made.error();
    }
    tls_ = std::move(*made);
    for (;;) {
        const Outcome o = tls_->handshake();
        if (o == Outcome::done) break;
        if (o == Outcome::closed || o == Outcome::failed) return failed_tls("no TLS");
        if (!wait(o, kConnectMs)) return failed("no TLS");
    }
    // Whether it takes our certificate a TLS 1.3 server says only now; a good one sends tickets.
    (void)wait(POLLIN, kVerdictMs);
    return has_closed() ? Status(failed_tls("no TLS")) : Done{};
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
    if (transport_ == config::LogTransport::tls) {
        if (Status greeted = greet(); !greeted) return greeted;
    }
    connections_++;
    return Done{};
}

Status Wire::send_tls(std::string_view bytes) {
    using Outcome = TlsClient::Outcome;
    while (!bytes.empty()) {
        std::size_t n = 0;
        const Outcome o = tls_->write(bytes, n);
        if (o == Outcome::closed || o == Outcome::failed) return failed_tls("cannot send");
        bytes.remove_prefix(n);
        if (o != Outcome::done && !wait(o, kSendMs)) return failed("takes nothing");
    }
    return Done{};
}

Status Wire::send(const std::string& bytes) {
    if (tls_) return send_tls(bytes);
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
    // Bytes that are acknowledged raise no event: looked at again and again, at first often.
    for (int waited = 0, step = 1;; waited += step) {
        int left = 0;
        if (::ioctl(fd_, SIOCOUTQ, &left) != 0) return failed("lost");
        if (left == 0) break;
        errno = ETIMEDOUT;
        if (waited >= kFlushMs) return failed("does not acknowledge");
        if (waited >= kSliceMs) step = kSliceMs / 2;
        if (wait(POLLHUP | POLLERR | POLLRDHUP, step)) {
            errno = ECONNRESET;
            return failed("closed the connection");
        }
        if (errno == ECANCELED) return failed("does not acknowledge");
    }
    return look();
}

/// A collector that closes has said so before the next record, or says it then; one that does not
/// like our certificate says so after the handshake (TLS 1.3).
Status Wire::look() {
    if (fd_ < 0 || !is_stream() || !has_closed()) return Done{};
    if (tls_) return failed_tls("lost");
    errno = ECONNRESET;
    return failed("closed the connection");
}

/// What it says is not for us, and thrown away, to see whether it ends.
bool Wire::has_closed() {
    if (tls_) {
        const auto o = tls_->read_away();
        return o == TlsClient::Outcome::closed || o == TlsClient::Outcome::failed;
    }
    std::array<char, 1024> unread{};
    ssize_t n = 0;
    while ((n = ::recv(fd_, unread.data(), unread.size(), MSG_DONTWAIT)) > 0) {
    }
    return n == 0;
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
