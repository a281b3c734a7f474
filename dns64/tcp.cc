// SPDX-License-Identifier: Apache-2.0
#include "dns64/tcp.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace isthmus::dns64 {

namespace {

constexpr std::size_t kReadMost = std::size_t{64} << 10;
thread_local std::uint8_t read_buffer[kReadMost];

std::size_t length_at(std::span<const std::uint8_t> b) {
    return static_cast<std::size_t>((b[0] << 8) | b[1]);
}

}  // namespace

Stream::Stream(Loop& loop, int fd, StreamOwner& owner, bool connecting,
               std::unique_ptr<TlsSession> tls)
    : loop_(loop), owner_(owner), fd_(fd), tls_(std::move(tls)) {
    state_ = connecting ? State::connecting : (tls_ ? State::handshake : State::open);
    wanted_ =
        connecting ? static_cast<std::uint32_t>(EPOLLOUT) : static_cast<std::uint32_t>(EPOLLIN);
    loop_.watch(fd_, *this, wanted_);
}

Stream::~Stream() { close(); }

void Stream::close() {
    if (fd_ < 0) return;
    if (tls_) tls_->shut_down();
    loop_.close_watch(fd_, *this);
    fd_ = -1;
    in_ = {};
    out_ = {};
}

void Stream::fail(const std::string& why) {
    if (fd_ < 0) return;
    close();
    owner_.on_closed(*this, why);
}

void Stream::want(std::uint32_t events) {
    if (fd_ < 0 || events == wanted_) return;
    wanted_ = events;
    loop_.rewatch(fd_, *this, events);
}

void Stream::update_want() {
    if (state_ != State::open) return;
    std::uint32_t events = 0;
    if (out_.size() - out_at_ < kUnsentMost) events |= EPOLLIN;
    if (out_.size() > out_at_ || read_wants_write_) events |= EPOLLOUT;
    want(events);
}

void Stream::on_ready(std::uint32_t events) {
    if (fd_ < 0) return;
    if (state_ == State::connecting) return advance_connect();
    if (state_ == State::handshake) return advance_handshake();
    if ((events & EPOLLOUT) != 0 && !flush()) return fail("write failed");
    const bool may_read = (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0 ||
                          (read_wants_write_ && (events & EPOLLOUT) != 0);
    if (may_read) read_some();
    if (fd_ >= 0) update_want();
}

void Stream::advance_connect() {
    int error = 0;
    socklen_t n = sizeof error;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)
        return fail(std::strerror(error != 0 ? error : errno));
    state_ = tls_ ? State::handshake : State::open;
    if (tls_) return advance_handshake();
    owner_.on_open(*this);
    if (fd_ >= 0 && !flush()) return fail("write failed");
    update_want();
}

void Stream::advance_handshake() {
    switch (tls_->handshake()) {
        case TlsSession::Outcome::done:
            break;
        case TlsSession::Outcome::want_read:
            return want(EPOLLIN);
        case TlsSession::Outcome::want_write:
            return want(EPOLLOUT);
        default:
            return fail("TLS: " + tls_->why());
    }
    state_ = State::open;
    owner_.on_open(*this);
    if (fd_ < 0) return;
    if (!flush()) return fail("write failed");
    if (tls_->has_pending()) read_some();
    if (fd_ >= 0) update_want();
}

/// One buffer of bytes at a time, so that one busy connection does not hold up the others; under
/// TLS as long as decrypted bytes are left, of which no event would tell.
void Stream::read_some() {
    do {
        std::size_t n = 0;
        if (tls_) {
            const auto io = tls_->read(read_buffer);
            read_wants_write_ = io.outcome == TlsSession::Outcome::want_write;
            if (io.outcome == TlsSession::Outcome::want_read || read_wants_write_) return;
            if (io.outcome == TlsSession::Outcome::closed) return fail("closed");
            if (io.outcome == TlsSession::Outcome::failed) return fail("TLS: " + tls_->why());
            n = io.n;
        } else {
            const ssize_t got = ::recv(fd_, read_buffer, sizeof read_buffer, 0);
            if (got == 0) return fail("closed");
            if (got < 0) {
                if (errno == EAGAIN || errno == EINTR) return;
                return fail(std::strerror(errno));
            }
            n = static_cast<std::size_t>(got);
        }
        take({read_buffer, n});
        if (broken_) return fail("write failed");
    } while (fd_ >= 0 && tls_ && tls_->has_pending());
}

void Stream::take(std::span<const std::uint8_t> bytes) {
    reading_ = true;
    while (fd_ >= 0 && !bytes.empty()) {
        if (in_.empty()) {
            if (bytes.size() >= 2 && bytes.size() >= 2 + length_at(bytes)) {
                const std::size_t n = length_at(bytes);
                owner_.on_message(*this, bytes.subspan(2, n));
                bytes = bytes.subspan(2 + n);
                continue;
            }
            in_.assign(bytes.begin(), bytes.end());
            break;
        }
        // A message in pieces: first its length, then what is missing.
        const std::size_t need = in_.size() < 2 ? 2 : 2 + length_at(in_);
        const std::size_t n = std::min(need - in_.size(), bytes.size());
        in_.insert(in_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
        bytes = bytes.subspan(n);
        if (in_.size() < 2 || in_.size() < 2 + length_at(in_)) continue;
        std::vector<std::uint8_t> whole;
        whole.swap(in_);
        owner_.on_message(*this, std::span<const std::uint8_t>(whole).subspan(2));
    }
    reading_ = false;
}

bool Stream::send(std::span<const std::uint8_t> message) {
    if (fd_ < 0 || broken_ || message.size() > 0xffff) return false;
    if (out_.size() - out_at_ > kUnsentMost) return false;
    const std::uint8_t length[2] = {static_cast<std::uint8_t>(message.size() >> 8),
                                    static_cast<std::uint8_t>(message.size() & 0xff)};
    if (state_ == State::open && !tls_ && out_.empty()) {
        // Length and message leave in one write (RFC 7766 s8).
        iovec part[2] = {{const_cast<std::uint8_t*>(length), 2},
                         {const_cast<std::uint8_t*>(message.data()), message.size()}};
        msghdr h{};
        h.msg_iov = part;
        h.msg_iovlen = 2;
        ssize_t n = ::sendmsg(fd_, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            broken_ = reading_;
            if (!reading_) ::shutdown(fd_, SHUT_RDWR);  // the loop finds it closed
            return false;
        }
        if (n < 0) n = 0;
        const auto sent = static_cast<std::size_t>(n);
        if (sent == message.size() + 2) return true;
        if (sent < 2) out_.insert(out_.end(), length + sent, length + 2);
        const std::size_t from = sent < 2 ? 0 : sent - 2;
        out_.insert(out_.end(), message.begin() + static_cast<std::ptrdiff_t>(from), message.end());
    } else {
        out_.insert(out_.end(), length, length + 2);
        out_.insert(out_.end(), message.begin(), message.end());
        if (state_ == State::open && !flush()) {
            broken_ = reading_;
            if (!reading_) ::shutdown(fd_, SHUT_RDWR);
            return false;
        }
    }
    update_want();
    return true;
}

bool Stream::flush() {
    while (out_at_ < out_.size()) {
        const auto rest = std::span<const std::uint8_t>(out_).subspan(out_at_);
        if (tls_) {
            const auto io = tls_->write(rest);
            if (io.outcome == TlsSession::Outcome::want_read ||
                io.outcome == TlsSession::Outcome::want_write)
                return true;
            if (io.outcome != TlsSession::Outcome::done) return false;
            out_at_ += io.n;
        } else {
            const ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0) return errno == EAGAIN || errno == EINTR;
            out_at_ += static_cast<std::size_t>(n);
        }
    }
    out_ = {};
    out_at_ = 0;
    return true;
}

}  // namespace isthmus::dns64
