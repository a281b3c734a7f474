// SPDX-License-Identifier: Apache-2.0
// How ICMP errors correspond: types, codes, pointers and MTUs (RFC 7915 s4.2, s5.2). Pure tables.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace isthmus::xlat {

struct IcmpKind {
    std::uint8_t type = 0, code = 0;
    friend constexpr bool operator==(IcmpKind, IcmpKind) = default;
};

/// ICMPv4 error to ICMPv6; nothing: silently dropped. 12/x and 3/4 have a pointer or an MTU
/// besides.
[[nodiscard]] constexpr std::optional<IcmpKind> icmp_kind_46(IcmpKind k) noexcept {
    if (k.type == 11) return IcmpKind{3, k.code};
    if (k.type == 12)
        return k.code == 0 || k.code == 2 ? std::optional(IcmpKind{4, 0}) : std::nullopt;
    if (k.type != 3) return std::nullopt;
    switch (k.code) {
        case 2:
            return IcmpKind{4, 1};
        case 3:
            return IcmpKind{1, 4};
        case 4:
            return IcmpKind{2, 0};
        case 9:
        case 10:
        case 13:
        case 15:
            return IcmpKind{1, 1};
        case 0:
        case 1:
        case 5:
        case 6:
        case 7:
        case 8:
        case 11:
        case 12:
            return IcmpKind{1, 0};
        default:
            return std::nullopt;
    }
}

/// ICMPv6 error to ICMPv4; nothing: silently dropped.
[[nodiscard]] constexpr std::optional<IcmpKind> icmp_kind_64(IcmpKind k) noexcept {
    if (k.type == 2) return IcmpKind{3, 4};
    if (k.type == 3) return IcmpKind{11, k.code};
    if (k.type == 4 && k.code == 0) return IcmpKind{12, 0};
    if (k.type == 4 && k.code == 1) return IcmpKind{3, 2};
    if (k.type != 1) return std::nullopt;
    switch (k.code) {
        case 0:
        case 2:
        case 3:
            return IcmpKind{3, 1};
        case 1:
            return IcmpKind{3, 10};
        case 4:
            return IcmpKind{3, 3};
        default:
            return std::nullopt;
    }
}

/// RFC 7915 figure 3: where a fault in an IPv4 header is in the IPv6 one.
[[nodiscard]] constexpr std::optional<std::uint32_t> pointer_46(std::uint32_t p) noexcept {
    if (p <= 1) return p;
    if (p <= 3) return 4;
    if (p == 8) return 7;
    if (p == 9) return 6;
    if (p >= 12 && p <= 15) return 8;
    if (p >= 16 && p <= 19) return 24;
    return std::nullopt;
}

/// RFC 7915 figure 6.
[[nodiscard]] constexpr std::optional<std::uint8_t> pointer_64(std::uint32_t p) noexcept {
    if (p <= 1) return static_cast<std::uint8_t>(p);
    if (p == 4 || p == 5) return std::uint8_t{2};
    if (p == 6) return std::uint8_t{9};
    if (p == 7) return std::uint8_t{8};
    if (p >= 8 && p <= 23) return std::uint8_t{12};
    if (p >= 24 && p <= 39) return std::uint8_t{16};
    return std::nullopt;
}

/// RFC 1191 s7.1.
inline constexpr std::array<std::uint32_t, 11> kPlateaus{65535, 32000, 17914, 8166, 4352, 2002,
                                                         1492,  1006,  508,   296,  68};

/// MTU of a Packet Too Big from the one of a 3/4 (RFC 7915 s4.2, RFC 8021): never below 1280. An
/// MTU of zero is guessed from the plateau below the quoted packet's Total Length.
[[nodiscard]] constexpr std::uint32_t mtu_46(std::uint32_t mtu, std::uint32_t inner_total,
                                             std::uint32_t mtu4, std::uint32_t mtu6) noexcept {
    if (mtu == 0) {
        const auto* below = std::find_if(kPlateaus.begin(), kPlateaus.end(),
                                         [&](std::uint32_t p) { return p < inner_total; });
        mtu = below == kPlateaus.end() ? 0 : *below;
    }
    return std::max<std::uint32_t>(1280, std::min({mtu + 20, mtu6, mtu4 + 20}));
}

/// MTU of a 3/4 from the one of a Packet Too Big (RFC 7915 s5.2), 28 bytes less where the quoted
/// packet carries a Fragment Header. Values below 1280 count as 1280 (RFC 8201 s4).
[[nodiscard]] constexpr std::uint16_t mtu_64(std::uint32_t mtu, bool inner_fragment,
                                             std::uint32_t mtu4, std::uint32_t mtu6) noexcept {
    const std::uint32_t less = inner_fragment ? 28 : 20;
    const std::uint32_t m = std::max<std::uint32_t>(mtu, 1280);
    return static_cast<std::uint16_t>(
        std::min({m - less, mtu4, mtu6 - less, std::uint32_t{65535}}));
}

static_assert(mtu_64(1280, false, 1500, 1500) == 1260 && mtu_64(9000, false, 1500, 1500) == 1480);
static_assert(mtu_46(1400, 1500, 1500, 1500) == 1420 && mtu_46(576, 1500, 1500, 1500) == 1280);
static_assert(mtu_46(0, 1500, 9000, 9000) == 1512 && mtu_46(0, 60, 9000, 9000) == 1280);

}  // namespace isthmus::xlat
