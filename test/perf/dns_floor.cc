// SPDX-License-Identifier: Apache-2.0
// What DNS servers are measured against and with (scripts/bench dns64): the least that a program
// can spend on a query here, and an upstream that is never what is waited for.
//
//   dns_floor echo PORT [ADDRESS]    on ::1, or there: bursts in, bursts out, one bit set: the
//                                    kernel's share
//   dns_floor forward PORT UPSTREAM  on ::1: asks 127.0.0.1 for AAAA and A, then answers: no cache,
//                                    no rules, no checks; the share of a cold query that nobody
//                                    avoids
//   dns_floor authority PORT         on 127.0.0.1: each name has one A record and no AAAA
//
// Two system calls for a burst (recvmmsg waits for its first datagram), three with an upstream.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace {

constexpr unsigned kBurst = 64;
constexpr std::size_t kRoom = 1500, kHeader = 12;
constexpr std::uint32_t kTtl = 3600;  // seconds: nothing expires while it is measured
constexpr unsigned kTypeA = 1, kTypeSoa = 6, kTypeAaaa = 28;

struct Burst {
    std::array<mmsghdr, kBurst> message{};
    std::array<iovec, kBurst> part{};
    std::array<sockaddr_in6, kBurst> peer{};
    std::array<std::array<std::uint8_t, kRoom>, kBurst> bytes{};

    Burst() {
        for (unsigned i = 0; i < kBurst; i++) {
            part[i] = {bytes[i].data(), kRoom};
            message[i].msg_hdr.msg_iov = &part[i];
            message[i].msg_hdr.msg_iovlen = 1;
            message[i].msg_hdr.msg_name = &peer[i];
        }
    }
    unsigned receive(int fd, int flags) {
        for (unsigned i = 0; i < kBurst; i++) {
            message[i].msg_hdr.msg_namelen = sizeof peer[i];
            part[i].iov_len = kRoom;
        }
        const int n = ::recvmmsg(fd, message.data(), kBurst, flags, nullptr);
        return n > 0 ? static_cast<unsigned>(n) : 0;
    }
    void send(int fd, unsigned n) {
        for (unsigned done = 0; done < n;) {
            const int sent = ::sendmmsg(fd, &message[done], n - done, 0);
            done += sent > 0 ? static_cast<unsigned>(sent) : 1;
        }
    }
    void set_size(unsigned i, std::size_t n) { part[i].iov_len = n; }
};

int bound(int family, std::uint16_t port, const char* address) {
    const int fd = ::socket(family, SOCK_DGRAM, 0);
    const int room = 4 << 20;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    if (::inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
        std::fprintf(stderr, "dns_floor: %s is no IPv6 address\n", address);
        return -1;
    }
    v6.sin6_port = htons(port);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4.sin_port = htons(port);
    const int rc = family == AF_INET6 ? ::bind(fd, reinterpret_cast<sockaddr*>(&v6), sizeof v6)
                                      : ::bind(fd, reinterpret_cast<sockaddr*>(&v4), sizeof v4);
    if (rc == 0) return fd;
    std::perror("dns_floor: bind");
    return -1;
}

[[noreturn]] void echo(int fd) {
    auto burst = std::make_unique<Burst>();
    for (;;) {
        const unsigned n = burst->receive(fd, MSG_WAITFORONE);
        for (unsigned i = 0; i < n; i++) {
            burst->bytes[i][2] |= 0x80;  // QR
            burst->set_size(i, burst->message[i].msg_len);
        }
        burst->send(fd, n);
    }
}

void put16(std::uint8_t*& p, unsigned v) {
    *p++ = static_cast<std::uint8_t>(v >> 8);
    *p++ = static_cast<std::uint8_t>(v);
}
void put32(std::uint8_t*& p, std::uint32_t v) {
    put16(p, v >> 16);
    put16(p, v & 0xffff);
}
void head(std::uint8_t*& p, unsigned owner, unsigned type, unsigned size) {
    put16(p, 0xc000U | owner);
    put16(p, type);
    put16(p, 1);
    put32(p, kTtl);
    put16(p, size);
}

/// Offset behind the first question, 0: none. `zone`: of the name without its first label.
std::size_t question_end(const std::uint8_t* b, std::size_t size, std::size_t& zone) {
    if (size < kHeader + 5) return 0;
    std::size_t at = kHeader;
    zone = kHeader + 1U + b[kHeader];
    while (at < size && b[at] != 0) {
        if (b[at] > 63) return 0;
        at += 1U + b[at];
    }
    if (zone > at) zone = at;  // the root has no first label
    return at + 5 <= size ? at + 5 : 0;
}

/// Makes the answer in place; its size.
std::size_t answer(std::uint8_t* b, std::size_t size) {
    std::size_t zone = 0;
    const std::size_t end = question_end(b, size, zone);
    if (end == 0) return 0;
    const unsigned type = (unsigned{b[end - 4]} << 8) | b[end - 3];
    const bool edns = b[11] != 0;
    const bool address = type == kTypeA && zone != end - 5;
    std::uint8_t* p = b + 2;
    put16(p, 0x8180);  // QR, RD, RA
    put16(p, 1);
    put16(p, address ? 1 : 0);
    put16(p, address ? 0 : 1);
    put16(p, edns ? 1 : 0);
    p = b + end;
    if (address) {
        std::uint32_t h = 0;
        for (std::size_t i = kHeader; i < end; i++) h = h * 31 + b[i];
        head(p, kHeader, kTypeA, 4);
        put32(p, 0x08000000U | (h & 0xffffffU));  // a global address: 8.0.0.0/8
    } else {
        head(p, static_cast<unsigned>(zone), kTypeSoa, 5 + 13 + 20);
        for (const char* text : {"\2ns", "\12hostmaster"}) {
            const std::size_t n = std::strlen(text);
            std::memcpy(p, text, n);
            p += n;
            put16(p, 0xc000U | static_cast<unsigned>(zone));
        }
        for (const std::uint32_t v : {1U, 7200U, 3600U, 1209600U, kTtl}) put32(p, v);
    }
    if (edns) {
        *p++ = 0;
        put16(p, 41);
        put16(p, 1232);
        put32(p, 0);
        put16(p, 0);
    }
    return static_cast<std::size_t>(p - b);
}

[[noreturn]] void authority(int fd) {
    auto burst = std::make_unique<Burst>();
    for (;;) {
        const unsigned n = burst->receive(fd, MSG_WAITFORONE);
        for (unsigned i = 0; i < n; i++)
            burst->set_size(i, answer(burst->bytes[i].data(), burst->message[i].msg_len));
        burst->send(fd, n);
    }
}

/// A query that waits for two answers, under two neighbouring IDs.
struct Waiting {
    sockaddr_in6 peer{};
    std::uint16_t id = 0;
    std::uint8_t missing = 0;
};

class BareForwarder {
public:
    BareForwarder(int fd, int up) : fd_(fd), up_(up), waiting_(kSlots) {}
    [[noreturn]] void run() {
        std::array<pollfd, 2> wait{pollfd{fd_, POLLIN, 0}, pollfd{up_, POLLIN, 0}};
        for (;;) {
            ::poll(wait.data(), wait.size(), -1);
            if (wait[0].revents != 0) queries();
            if (wait[1].revents != 0) answers();
        }
    }

private:
    void queries() {
        const unsigned n = in_->receive(fd_, MSG_DONTWAIT);
        unsigned out = 0;
        for (unsigned i = 0; i < n; i++) {
            std::uint8_t* b = in_->bytes[i].data();
            const std::size_t size = in_->message[i].msg_len;
            std::size_t zone = 0;
            const std::size_t end = question_end(b, size, zone);
            if (end == 0) continue;
            const unsigned slot = next_++ % kSlots;
            waiting_[slot] = {in_->peer[i], static_cast<std::uint16_t>((b[0] << 8) | b[1]), 2};
            for (const unsigned type : {kTypeAaaa, kTypeA}) {
                std::memcpy(out_->bytes[out].data(), b, size);
                std::uint8_t* p = out_->bytes[out].data();
                put16(p, 2 * slot + (type == kTypeA ? 1 : 0));
                p = out_->bytes[out].data() + end - 4;
                put16(p, type);
                out_->message[out].msg_hdr.msg_name = nullptr;
                out_->message[out].msg_hdr.msg_namelen = 0;
                out_->set_size(out++, size);
                if (out == kBurst) {
                    out_->send(up_, out);
                    out = 0;
                }
            }
        }
        out_->send(up_, out);
    }
    void answers() {
        const unsigned n = in_->receive(up_, MSG_DONTWAIT);
        unsigned out = 0;
        for (unsigned i = 0; i < n; i++) {
            const std::uint8_t* b = in_->bytes[i].data();
            Waiting& w = waiting_[static_cast<std::size_t>((b[0] << 8) | b[1]) / 2];
            if (w.missing == 0 || --w.missing > 0) continue;
            std::memcpy(back_->bytes[out].data(), b, in_->message[i].msg_len);
            std::uint8_t* p = back_->bytes[out].data();
            put16(p, w.id);
            back_->peer[out] = w.peer;
            back_->message[out].msg_hdr.msg_namelen = sizeof w.peer;
            back_->set_size(out++, in_->message[i].msg_len);
        }
        back_->send(fd_, out);
    }

    static constexpr unsigned kSlots = 32768;
    int fd_, up_;
    std::vector<Waiting> waiting_;
    unsigned next_ = 0;
    std::unique_ptr<Burst> in_ = std::make_unique<Burst>(), out_ = std::make_unique<Burst>(),
                           back_ = std::make_unique<Burst>();
};

bool port_of(std::string_view text, std::uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

int usage() {
    std::fputs(
        "usage: dns_floor echo PORT [ADDRESS] | forward PORT UPSTREAM-PORT | authority PORT\n",
        stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0, upstream = 0;
    if (argc < 3 || !port_of(argv[2], port)) return usage();
    const std::string_view mode = argv[1];
    const char* address = mode == "echo" && argc > 3 ? argv[3] : "::1";
    const int fd = bound(mode == "authority" ? AF_INET : AF_INET6, port, address);
    if (fd < 0) return 1;
    if (mode == "echo") echo(fd);
    if (mode == "authority") authority(fd);
    if (mode != "forward" || argc < 4 || !port_of(argv[3], upstream)) return usage();
    const int up = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(upstream);
    if (::connect(up, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 1;
    BareForwarder(fd, up).run();
}
