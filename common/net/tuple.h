// SPDX-License-Identifier: Apache-2.0
// What xlat and nat say to each other: transport addresses and flows, never bytes.
//
// An id is a port (TCP, UDP) or a query identifier (ICMP): RFC 6146 s2 treats them alike.
// Inside state the RFC's letters are used: X',x the IPv6 host; Y',y the peer as IPv6 sees it;
// T,t the pool address and port; Z,z the IPv4 peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/net/addr.h"
#include "common/net/be.h"

namespace isthmus {

/// The three BIBs (RFC 6146 s3.1). ICMP means ICMP queries: echo, in both families.
enum class Proto : std::uint8_t { udp, tcp, icmp, count_ };
inline constexpr unsigned kProtos = static_cast<unsigned>(Proto::count_);

[[nodiscard]] constexpr const char* name_of(Proto p) {
    return p == Proto::udp ? "udp" : p == Proto::tcp ? "tcp" : "icmp";
}
/// The protocol with that name; none: there is no such protocol.
[[nodiscard]] constexpr std::optional<Proto> proto_named(std::string_view name) {
    for (const Proto p : {Proto::udp, Proto::tcp, Proto::icmp}) {
        if (name == name_of(p)) return p;
    }
    return std::nullopt;
}
static_assert(proto_named("tcp") == Proto::tcp && !proto_named("sctp"));

/// Which way a packet is translated: from IPv6 to IPv4, or back.
enum class Direction : std::uint8_t { d64, d46 };

struct Endpoint6 {
    Ipv6Addr addr;
    Be16 id;
    friend constexpr bool operator==(const Endpoint6&, const Endpoint6&) = default;
};

struct Endpoint4 {
    Ipv4Addr addr;
    Be16 id;
    friend constexpr bool operator==(const Endpoint4&, const Endpoint4&) = default;
};

/// A flow as a packet carries it. For an ICMP query both ids are the query identifier.
struct Tuple6 {
    Endpoint6 src, dst;
    Proto proto = Proto::udp;
    friend constexpr bool operator==(const Tuple6&, const Tuple6&) = default;
};

struct Tuple4 {
    Endpoint4 src, dst;
    Proto proto = Proto::udp;
    friend constexpr bool operator==(const Tuple4&, const Tuple4&) = default;
};

/// The segment's flags that RFC 6146 s3.5.2 looks at.
struct TcpFlags {
    std::uint8_t bits = 0;
    [[nodiscard]] constexpr bool fin() const { return (bits & 0x01) != 0; }
    [[nodiscard]] constexpr bool syn() const { return (bits & 0x02) != 0; }
    [[nodiscard]] constexpr bool rst() const { return (bits & 0x04) != 0; }
    [[nodiscard]] constexpr bool ack() const { return (bits & 0x10) != 0; }
};

}  // namespace isthmus
