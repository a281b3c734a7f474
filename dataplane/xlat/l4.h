// SPDX-License-Identifier: Apache-2.0
// What happens to a transport header when the addresses above it change: ids written, checksum
// adjusted. Shared by outer packets and by those quoted in ICMP errors. Internal to xlat.
#pragma once

#include <array>

#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "dataplane/xlat/parse.h"

namespace isthmus::xlat {

/// RFC 768: a computed zero is sent as all ones.
inline std::uint16_t never_zero(std::uint16_t checksum) noexcept {
    return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

inline Sum word(std::uint8_t high, std::uint8_t low) noexcept {
    return Sum{Be16{static_cast<std::uint16_t>((high << 8) | low)}.wire()};
}

/// The IPv6 pseudo-header without the addresses (RFC 8200 s8.1).
inline Sum pseudo_tail(std::uint32_t l4_bytes, std::uint8_t protocol) noexcept {
    return Sum{}.add32(Be32{l4_bytes}.wire()).add32(Be32{protocol}.wire());
}

/// Writes ids and adjusts the checksum of TCP or UDP. `removed` and `added` hold the addresses'
/// sums.
inline void rewrite_ports(std::uint8_t* l4, const Parsed& p, Be16 src_id, Be16 dst_id,
                          std::array<Sum, 2> sums) noexcept {
    sums[0].add(p.src_id).add(p.dst_id);
    sums[1].add(src_id).add(dst_id);
    store(l4, src_id);
    store(l4 + 2, dst_id);
    std::uint8_t* field = l4 + (p.kind == Kind::tcp ? tcp_at::kChecksum : udp_at::kChecksum);
    const std::uint16_t sum = updated_checksum(raw16(field), sums[0], sums[1]);
    store_raw16(field, p.kind == Kind::tcp ? sum : never_zero(sum));
}

/// Two octets as they count in a sum: at an odd offset they belong to two words.
inline Sum placed(const std::uint8_t* two, std::uint32_t offset) noexcept {
    if (offset % 2 == 0) return word(two[0], two[1]);
    return Sum{word(0, two[0]).v + word(two[1], 0).v};
}

inline void rewrite_echo(std::uint8_t* l4, std::uint8_t type, Be16 id,
                         std::array<Sum, 2> sums) noexcept {
    sums[0].v += word(l4[0], l4[1]).v + raw16(l4 + icmp_at::kId);
    sums[1].v += word(type, 0).v + id.wire();
    l4[0] = type;
    l4[1] = 0;
    store(l4 + icmp_at::kId, id);
    store_raw16(l4 + icmp_at::kChecksum,
                updated_checksum(raw16(l4 + icmp_at::kChecksum), sums[0], sums[1]));
}

}  // namespace isthmus::xlat
