// SPDX-License-Identifier: Apache-2.0
// Translation of the steady packet: TCP or UDP, whole, no options, no extension headers, with a
// transport checksum. The same result as rewrite_64() and rewrite_46() (rewrite.h), byte for byte,
// for what they have in common; here nothing is left to decide, and the change of the transport
// checksum comes ready-made, because addresses and ids of a flow do not change.
//
// Inline: each is called from one place, the innermost loop.
#pragma once

#include "common/base/prefetch.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "common/net/tuple.h"
#include "dataplane/xlat/params.h"

namespace isthmus::xlat {

inline constexpr std::uint32_t kSteadyGrows = kIpv6Bytes - kIpv4Bytes;

/// A sum of up to seven 32-bit words of a header, folded: 16 bits, in memory's order.
[[nodiscard]] constexpr std::uint32_t fold_header(std::uint64_t sum) noexcept {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum + (sum >> 16));
}

/// The checksum of the IPv4 header at `ip`, which has no options, is right (RFC 1071).
[[nodiscard]] inline bool is_header4_sum_right(const std::uint8_t* ip) noexcept {
    const std::uint64_t sum =
        std::uint64_t{raw32(ip)} + raw32(ip + 4) + raw32(ip + 8) + raw32(ip + 12) + raw32(ip + 16);
    return fold_header(sum) == 0xffff;
}

/// RFC 1624 eqn. 3 with the difference known: HC' = ~(~HC + m). `m`: not 0, which is 0xffff here
/// (a sum of nothing but zeros would fold differently).
inline void adjust_checksum(std::uint8_t* l4, Proto proto, std::uint32_t m) noexcept {
    const bool tcp = proto == Proto::tcp;
    std::uint8_t* const field = l4 + (tcp ? tcp_at::kChecksum : udp_at::kChecksum);
    const std::uint32_t sum = (raw16(field) ^ 0xffffU) + m;
    auto checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16)));
    if (is_unlikely(checksum == 0) && !tcp) checksum = 0xffff;  // RFC 768
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
[[gnu::always_inline]] inline std::uint8_t* translate_steady_64(std::uint8_t* ip6,
                                                                std::uint32_t payload,
                                                                const Steady64& to,
                                                                const XlatParams& params) noexcept {
    constexpr std::uint32_t kNoDfMost = 1260;  // RFC 7915 s5.1: larger ones carry DF
    std::uint8_t* const l4 = ip6 + kIpv6Bytes;
    store(l4, to.t_id);
    adjust_checksum(l4, to.proto, to.sum_64);
    const std::uint32_t tos =
        params.copy_traffic_class ? (load_be32(ip6).host() >> 20) & 0xff : params.override_tos;
    const std::uint32_t total = kIpv4Bytes + payload;
    const std::uint32_t df = total > kNoDfMost ? Be16{ipv4_at::kDf}.wire() : 0U;
    // The header in words as they will lie in memory: its sum and its bytes come from the same five
    // numbers. Protocol and hop limit change places; the hop limit is 2 at least.
    const std::uint32_t w0 =
        0x45U | tos << 8 | std::uint32_t{Be16{static_cast<std::uint16_t>(total)}.wire()} << 16;
    const std::uint32_t w1 = Be16{to.ip_id}.wire() | df << 16;
    const std::uint32_t w2 = load_be16(ip6 + ipv6_at::kNextHeader).host() - 1U;
    const std::uint32_t t = to.t.be.wire(), z = to.z.be.wire();
    const std::uint32_t sum = fold_header(std::uint64_t{w0} + w1 + w2 + t + z) ^ 0xffff;
    std::uint8_t* const ip4 = ip6 + kSteadyGrows;
    store_raw64(ip4, w0 | std::uint64_t{w1} << 32);
    store_raw64(ip4 + 8, w2 | sum << 16 | std::uint64_t{t} << 32);
    store(ip4 + ipv4_at::kDestination, to.z);
    return ip4;
}

struct Steady46 {
    std::array<std::uint64_t, 2> x, y;  // words of the addresses
    Be16 x_id;
    std::uint16_t sum_64 = 0;  // of the flow: taken from the transport checksum
    Proto proto = Proto::udp;
};

/// The IPv4 header at `ip4`, with `payload` bytes behind it, becomes an IPv6 header kSteadyGrows
/// before it (RFC 7915 s4.1). Where that is.
[[gnu::always_inline]] inline std::uint8_t* translate_steady_46(std::uint8_t* ip4,
                                                                std::uint32_t payload,
                                                                const Steady46& to,
                                                                const XlatParams& params) noexcept {
    std::uint8_t* const l4 = ip4 + kIpv4Bytes;
    store(l4 + 2, to.x_id);
    adjust_checksum(l4, to.proto, to.sum_64 == 0xffff ? 0xffffU : to.sum_64 ^ 0xffffU);
    const std::uint32_t tos = params.reset_traffic_class ? 0U : ip4[ipv4_at::kTos];
    // Hop limit and protocol change places; the hop limit is 2 at least.
    const std::uint32_t next = load_be16(ip4 + ipv4_at::kTtl).host() - 0x100U;
    const auto length = static_cast<std::uint16_t>(payload);
    std::uint8_t* const ip6 = ip4 - kSteadyGrows;
    store_raw64(ip6, std::uint64_t{Be32{6U << 28 | tos << 20}.wire()} |
                         std::uint64_t{Be16{length}.wire()} << 32 | std::uint64_t{next} << 48);
    // In words: loaded as such they are stored without a detour.
    store_raw64(ip6 + ipv6_at::kSource, to.y[0]);
    store_raw64(ip6 + ipv6_at::kSource + 8, to.y[1]);
    store_raw64(ip6 + ipv6_at::kDestination, to.x[0]);
    store_raw64(ip6 + ipv6_at::kDestination + 8, to.x[1]);
    return ip6;
}

}  // namespace isthmus::xlat
