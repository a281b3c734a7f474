// SPDX-License-Identifier: Apache-2.0
// Socket addresses of both families, and the few socket options that everybody sets.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "common/config/dns64.h"
#include "common/net/addr.h"

namespace isthmus::dns64 {

class SocketAddress {
public:
    [[nodiscard]] static SocketAddress of(const Ipv4Addr& a, std::uint16_t port) {
        SocketAddress out;
        out.in4().sin_family = AF_INET;
        out.in4().sin_addr.s_addr = a.be.wire();
        out.in4().sin_port = htons(port);
        return out;
    }
    [[nodiscard]] static SocketAddress of(const Ipv6Addr& a, std::uint16_t port) {
        SocketAddress out;
        out.in6().sin6_family = AF_INET6;
        std::memcpy(&out.in6().sin6_addr, a.octet.data(), 16);
        out.in6().sin6_port = htons(port);
        return out;
    }
    [[nodiscard]] static SocketAddress of(const config::Endpoint& e) {
        return e.is_v6 ? of(e.v6, e.port) : of(e.v4, e.port);
    }
    [[nodiscard]] static SocketAddress any(int family, std::uint16_t port) {
        return family == AF_INET6 ? of(Ipv6Addr{}, port) : of(Ipv4Addr{}, port);
    }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    [[nodiscard]] socklen_t size() const {
        return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    }
    [[nodiscard]] const sockaddr* raw() const {
        return reinterpret_cast<const sockaddr*>(&storage_);
    }
    [[nodiscard]] sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage_); }
    [[nodiscard]] bool is_v6() const { return family() == AF_INET6; }
    [[nodiscard]] Ipv4Addr v4() const {
        return Ipv4Addr{
            Be32::from_wire(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr)};
    }
    [[nodiscard]] Ipv6Addr v6() const {
        Ipv6Addr a;
        std::memcpy(a.octet.data(), &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, 16);
        return a;
    }
    [[nodiscard]] std::uint16_t port() const {
        return ntohs(is_v6() ? reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port
                             : reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
    }
    void set_port(std::uint16_t port) {
        (is_v6() ? in6().sin6_port : in4().sin_port) = htons(port);
    }
    /// "192.0.2.1", "2001:db8::1"
    [[nodiscard]] std::string host_text() const { return is_v6() ? v6().text() : v4().text(); }

private:
    sockaddr_in& in4() { return reinterpret_cast<sockaddr_in&>(storage_); }
    sockaddr_in6& in6() { return reinterpret_cast<sockaddr_in6&>(storage_); }
    // As large as the larger of the two: one lies in each pending query.
    struct Storage {
        sa_family_t ss_family;
        char rest[sizeof(sockaddr_in6) - sizeof(sa_family_t)];
    };
    alignas(sockaddr_in6) Storage storage_{};
};

inline void no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace isthmus::dns64
