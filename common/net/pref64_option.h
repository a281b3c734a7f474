// SPDX-License-Identifier: Apache-2.0
// The PREF64 option of router advertisements (RFC 8781 s4): what it says, and its octets. We send
// no router advertisements; whoever does (radvd, a switch) is told what to put into them.
//
//     0       1       2               4                              16
//     | 38    | 2     | lifetime: 13 bits, in units of 8 s | PLC: 3 | the prefix's first 96 bits |
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "common/net/prefix.h"

namespace isthmus {

inline constexpr std::uint8_t kPref64OptionType = 38;
inline constexpr std::uint32_t kPref64LifetimeMost = 65528;  // seconds: 8191 units

/// The prefix length code; none: the option has no way to say this length.
[[nodiscard]] constexpr std::optional<std::uint8_t> prefix_length_code(unsigned len_bits) noexcept {
    constexpr std::array<unsigned, 6> kLengths{96, 64, 56, 48, 40, 32};
    for (std::size_t i = 0; i < kLengths.size(); i++) {
        if (kLengths[i] == len_bits) return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
}

/// In units of 8 s, rounded up: what is not zero does not become a withdrawal (RFC 8781 s4.1).
[[nodiscard]] constexpr std::uint16_t scaled_lifetime(std::uint32_t seconds) noexcept {
    return static_cast<std::uint16_t>((std::min(seconds, kPref64LifetimeMost) + 7) / 8);
}

/// Where the operator says none: three times the longest interval between advertisements, as far
/// as it can be said (RFC 8781 s4.1).
[[nodiscard]] constexpr std::uint32_t default_pref64_lifetime(
    std::uint32_t max_rtr_adv_interval_s) noexcept {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::uint64_t{3} * max_rtr_adv_interval_s, kPref64LifetimeMost));
}

/// The whole option. `pref` has one of the lengths that prefix_length_code() knows: Pref64 has no
/// others.
[[nodiscard]] constexpr std::array<std::uint8_t, 16> pref64_option(const Pref64& pref,
                                                                   std::uint32_t seconds) noexcept {
    const unsigned field =
        (unsigned{scaled_lifetime(seconds)} << 3) | prefix_length_code(pref.len_bits).value_or(0);
    std::array<std::uint8_t, 16> out{kPref64OptionType, 2, static_cast<std::uint8_t>(field >> 8),
                                     static_cast<std::uint8_t>(field & 0xff)};
    std::copy_n(pref.addr.octet.begin(), 12, out.begin() + 4);
    return out;
}

}  // namespace isthmus
