// SPDX-License-Identifier: Apache-2.0
// Prefixes of both families, and Pref64: the IPv6 prefix that stands for the IPv4 internet.
//
// All parsing is strict: a missing length, "/064", or host bits set past the length are errors with
// a sentence that says what to write instead. A Pref64 is legal by construction (RFC 6052 s2.2):
// its length is one of 32, 40, 48, 56, 64, 96, and bits 64-71 are zero.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/expected.h"
#include "common/net/addr.h"

namespace isthmus {

struct Prefix4 {
    Ipv4Addr addr;
    std::uint8_t len_bits = 0;

    [[nodiscard]] constexpr std::uint32_t mask() const {
        return len_bits == 0 ? 0 : ~std::uint32_t{0} << (32 - len_bits);
    }
    [[nodiscard]] constexpr bool contains(Ipv4Addr a) const {
        return ((a.host() ^ addr.host()) & mask()) == 0;
    }
    [[nodiscard]] constexpr bool overlaps(const Prefix4& o) const {
        return contains(o.addr) || o.contains(addr);
    }
    /// Number of addresses; 2^32 for /0.
    [[nodiscard]] constexpr std::uint64_t size() const {
        return std::uint64_t{1} << (32 - len_bits);
    }
    /// "192.0.2.0/24"; a bare address is a /32 where `bare` allows it.
    enum class Bare : bool { refuse, allow };
    [[nodiscard]] static Expected<Prefix4> parse(std::string_view text, Bare bare = Bare::refuse);
    [[nodiscard]] std::string text() const;
    friend constexpr bool operator==(const Prefix4&, const Prefix4&) = default;
};

namespace detail {

inline constexpr auto kMasks6 = [] {
    std::array<std::array<std::uint64_t, 2>, 129> of_length{};
    const auto half = [](unsigned bits) {
        if (bits == 0) return std::uint64_t{0};
        const std::uint64_t host = ~std::uint64_t{0} << (64 - bits);
        return Be<std::uint64_t>{host}.wire();
    };
    for (unsigned n = 0; n < of_length.size(); n++)
        of_length[n] = {half(n < 64 ? n : 64), half(n > 64 ? n - 64 : 0)};
    return of_length;
}();

}  // namespace detail

/// The first `len_bits` (128 at most) bits set, in two words as they lie in memory.
[[nodiscard]] constexpr const std::array<std::uint64_t, 2>& mask6(unsigned len_bits) {
    return detail::kMasks6[len_bits];
}

struct Prefix6 {
    Ipv6Addr addr;
    std::uint8_t len_bits = 0;

    [[nodiscard]] constexpr bool contains(const Ipv6Addr& a) const {
        const auto mine = addr.words(), theirs = a.words();
        const auto& mask = mask6(len_bits);
        return (((mine[0] ^ theirs[0]) & mask[0]) | ((mine[1] ^ theirs[1]) & mask[1])) == 0;
    }
    [[nodiscard]] constexpr bool overlaps(const Prefix6& o) const {
        return len_bits <= o.len_bits ? contains(o.addr) : o.contains(addr);
    }
    enum class Bare : bool { refuse, allow };
    [[nodiscard]] static Expected<Prefix6> parse(std::string_view text, Bare bare = Bare::refuse);
    [[nodiscard]] std::string text() const;
    friend constexpr bool operator==(const Prefix6&, const Prefix6&) = default;
};

/// The first `len_bits` bits of `a`, the rest zero.
[[nodiscard]] constexpr Ipv6Addr masked(const Ipv6Addr& a, unsigned len_bits) {
    const auto words = a.words();
    const auto& mask = mask6(len_bits);
    return Ipv6Addr{std::bit_cast<std::array<std::uint8_t, 16>>(
        std::array<std::uint64_t, 2>{words[0] & mask[0], words[1] & mask[1]})};
}

/// 64:ff9b::/96, the Well-Known Prefix (RFC 6052 s2.1).
inline constexpr Prefix6 kWellKnownPrefix{Ipv6Addr::from_groups({0x64, 0xff9b, 0, 0, 0, 0, 0, 0}),
                                          96};
/// 64:ff9b:1::/48, for local use (RFC 8215).
inline constexpr Prefix6 kLocalUsePrefix{Ipv6Addr::from_groups({0x64, 0xff9b, 1, 0, 0, 0, 0, 0}),
                                         48};

struct Pref64 {
    Ipv6Addr addr;
    std::uint8_t len_bits = 96;

    [[nodiscard]] constexpr Prefix6 prefix() const { return {addr, len_bits}; }
    [[nodiscard]] constexpr bool contains(const Ipv6Addr& a) const { return prefix().contains(a); }
    [[nodiscard]] constexpr bool is_well_known() const { return prefix() == kWellKnownPrefix; }

    /// Checks every rule of RFC 6052 s2.1-2.2. `u_octet` may be nonzero in a /96 where the operator
    /// insists (labs): `lenient`.
    enum class Octet8 : bool { must_be_zero, may_be_set };
    [[nodiscard]] static Expected<Pref64> parse(std::string_view text,
                                                Octet8 rule = Octet8::must_be_zero);
    [[nodiscard]] std::string text() const { return prefix().text(); }
    friend constexpr bool operator==(const Pref64&, const Pref64&) = default;
};

}  // namespace isthmus
