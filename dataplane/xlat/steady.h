// SPDX-License-Identifier: Apache-2.0
// Translation of the steady packet: TCP or UDP, whole, no options, no extension headers, with a
// transport checksum. The same result as rewrite_64() and rewrite_46() (rewrite.h), byte for byte,
// for what they have in common; here nothing is left to decide, and the change of the transport
// checksum comes ready-made, because addresses and ids of a flow do not change.
//
// Inline: each is called from one place, the innermost loop.
#pragma once

#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "common/net/tuple.h"
#include "dataplane/xlat/params.h"

namespace isthmus::xlat {

inline constexpr std::uint32_t kSteadyGrows = kIpv6Bytes - kIpv4Bytes;

/// RFC 1624 eqn. 3 with the difference known: HC' = ~(~HC + m), never both zero.
inline void adjust_checksum(std::uint8_t* l4, Proto proto, std::uint32_t difference) noexcept {
    const bool tcp = proto == Proto::tcp;
    std::uint8_t* const field = l4 + (tcp ? tcp_at::kChecksum : udp_at::kChecksum);
    std::uint32_t sum = (raw16(field) ^ 0xffffU) + difference;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    auto checksum = static_cast<std::uint16_t>(~sum);
    if (checksum == 0 && !tcp) checksum = 0xffff;  // RFC 768
    store_raw16(field, checksum);
}

struct Steady64 {
    Ipv4Addr t, z;
    Be16 t_id;
    std::uint16_t ip_id = 0;   // host order
    std::uint16_t sum_64 = 0;  // of the flow: added to the transport checksum
    Proto proto = Proto::udp;
};

/// The IPv6 header at `ip6`, with `payload` bytes behind it, becomes an IPv4 header kSteadyGrows
/// further on (RFC 7915 s5.1). Where that is.
inline std::uint8_t* translate_steady_64(std::uint8_t* ip6, std::uint32_t payload,
                                         const Steady64& to, const XlatParams& params) noexcept {
    constexpr std::uint32_t kNoDfMost = 1260;  // RFC 7915 s5.1: larger ones carry DF
    std::uint8_t* const l4 = ip6 + kIpv6Bytes;
    store(l4, to.t_id);
    adjust_checksum(l4, to.proto, to.sum_64);
    const std::uint32_t first = load_be32(ip6).host();
    const std::uint32_t tos =
        params.copy_traffic_class ? (first >> 20) & 0xff : params.override_tos;
    const std::uint32_t hops = ip6[ipv6_at::kHopLimit] - 1U;
    const std::uint32_t total = kIpv4Bytes + payload;
    const std::uint32_t df = total > kNoDfMost ? ipv4_at::kDf : 0U;
    const std::uint32_t protocol = to.proto == Proto::tcp ? ip_proto::kTcp : ip_proto::kUdp;
    // The header as host-order words: its sum and its bytes come from the same five numbers.
    const std::uint32_t w0 = (0x4500U | tos) << 16 | total;
    const std::uint32_t w1 = std::uint32_t{to.ip_id} << 16 | df;
    const std::uint32_t w2 = (hops << 8 | protocol) << 16;
    const std::uint32_t t = to.t.host(), z = to.z.host();
    std::uint64_t sum = std::uint64_t{w0} + w1 + w2 + t + z;
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    std::uint8_t* const ip4 = ip6 + kSteadyGrows;
    store(ip4, Be32{w0});
    store(ip4 + 4, Be32{w1});
    store(ip4 + 8, Be32{w2 | (static_cast<std::uint32_t>(~sum) & 0xffff)});
    store(ip4 + ipv4_at::kSource, to.t);
    store(ip4 + ipv4_at::kDestination, to.z);
    return ip4;
}

struct Steady46 {
    Ipv6Addr x, y;
    Be16 x_id;
    std::uint16_t sum_64 = 0;  // of the flow: taken from the transport checksum
    Proto proto = Proto::udp;
};

/// The IPv4 header at `ip4`, with `payload` bytes behind it, becomes an IPv6 header kSteadyGrows
/// before it (RFC 7915 s4.1). Where that is.
inline std::uint8_t* translate_steady_46(std::uint8_t* ip4, std::uint32_t payload,
                                         const Steady46& to, const XlatParams& params) noexcept {
    std::uint8_t* const l4 = ip4 + kIpv4Bytes;
    store(l4 + 2, to.x_id);
    // 0xffff is zero in one's complement; it keeps the sum from being 0, which folds differently.
    adjust_checksum(l4, to.proto, (to.sum_64 ^ 0xffffU) + 0xffffU);
    const std::uint32_t tos = params.reset_traffic_class ? 0U : ip4[ipv4_at::kTos];
    const std::uint32_t hops = ip4[ipv4_at::kTtl] - 1U;
    const std::uint32_t next = to.proto == Proto::tcp ? ip_proto::kTcp : ip_proto::kUdp;
    std::uint8_t* const ip6 = ip4 - kSteadyGrows;
    store(ip6, Be32{6U << 28 | tos << 20});
    store(ip6 + ipv6_at::kPayloadLength, Be32{payload << 16 | next << 8 | hops});
    store(ip6 + ipv6_at::kSource, to.y);
    store(ip6 + ipv6_at::kDestination, to.x);
    return ip6;
}

}  // namespace isthmus::xlat
