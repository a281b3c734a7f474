// SPDX-License-Identifier: Apache-2.0
// RFC 6052 address mapping: an IPv4 address inside an IPv6 one, around octet 8.
//
//   length   octets that hold the IPv4 address
//     32     4 5 6 7
//     40       5 6 7 _ 9
//     48         6 7 _ 9 10
//     56           7 _ 9 10 11
//     64             _ 9 10 11 12
//     96                       12 13 14 15
#pragma once

#include <bit>

#include "common/net/addr.h"
#include "common/net/prefix.h"

namespace isthmus {

/// Writes `v4` into `pref` (RFC 6052 s2.2). Octet 8 (bits 64-71) stays zero, so for prefixes up to
/// /64 the four octets are written around it; the suffix stays zero. Pref64 guarantees a legal
/// length.
[[nodiscard]] constexpr Ipv6Addr embed(const Pref64& pref, Ipv4Addr v4) noexcept {
    Ipv6Addr out = pref.addr;
    if (pref.len_bits == 96) {  // nearly always: the octets lie together
        auto words = std::bit_cast<std::array<std::uint32_t, 4>>(out.octet);
        words[3] = v4.be.wire();
        return Ipv6Addr{std::bit_cast<std::array<std::uint8_t, 16>>(words)};
    }
    unsigned at = pref.len_bits / 8U;
    for (const std::uint8_t octet : v4.octets()) {
        if (at == 8) at++;
        out.octet[at++] = octet;
    }
    return out;
}

/// embed() as the two words of the address, for where it is written at once.
[[nodiscard]] inline std::array<std::uint64_t, 2> embed_words(const Pref64& pref,
                                                              Ipv4Addr v4) noexcept {
    if (pref.len_bits != 96) return embed(pref, v4).words();
    const auto w = pref.addr.words();
    return {w[0], (w[1] & 0xffffffffU) | std::uint64_t{v4.be.wire()} << 32};
}

/// Reads the IPv4 address that a Pref64 of `len_bits` holds in `v6` (RFC 6052 s2.3). Octet 8 and
/// the suffix are skipped unread: nonzero bits there do not change the result.
[[nodiscard]] constexpr Ipv4Addr extract(const Ipv6Addr& v6, unsigned len_bits) noexcept {
    if (len_bits == 96) {
        const auto words = std::bit_cast<std::array<std::uint32_t, 4>>(v6.octet);
        return Ipv4Addr{Be32::from_wire(words[3])};
    }
    std::array<std::uint8_t, 4> octets{};
    unsigned at = len_bits / 8U;
    for (std::uint8_t& octet : octets) {
        if (at == 8) at++;
        octet = v6.octet[at++];
    }
    return Ipv4Addr{Be32::from_wire(std::bit_cast<std::uint32_t>(octets))};
}

static_assert(extract(embed(Pref64{kWellKnownPrefix.addr, 96}, Ipv4Addr::of(192, 0, 2, 33)), 96) ==
              Ipv4Addr::of(192, 0, 2, 33));

}  // namespace isthmus
