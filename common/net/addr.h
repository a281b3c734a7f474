// SPDX-License-Identifier: Apache-2.0
// Addresses of both families and of the link, as they lie on the wire; parse and format them.
//
// Parsing is strict, because what it reads was typed by an operator: no leading zeros in a decimal
// octet (010 is eight to some tools and ten to others), no white space, no shorthand like 10.1.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/net/be.h"

namespace isthmus {

struct Ipv4Addr {
    Be32 be;

    [[nodiscard]] static constexpr Ipv4Addr from_host(std::uint32_t host) {
        return Ipv4Addr{Be32{host}};
    }
    [[nodiscard]] static constexpr Ipv4Addr of(unsigned a, unsigned b, unsigned c, unsigned d) {
        return from_host(static_cast<std::uint32_t>((a << 24) | (b << 16) | (c << 8) | d));
    }
    [[nodiscard]] constexpr std::uint32_t host() const { return be.host(); }
    [[nodiscard]] constexpr std::array<std::uint8_t, 4> octets() const {
        return std::bit_cast<std::array<std::uint8_t, 4>>(be.wire());
    }
    /// "192.0.2.33"
    [[nodiscard]] static std::optional<Ipv4Addr> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    friend constexpr bool operator==(Ipv4Addr, Ipv4Addr) = default;
    friend constexpr auto operator<=>(Ipv4Addr a, Ipv4Addr b) { return a.host() <=> b.host(); }
};
static_assert(sizeof(Ipv4Addr) == 4);

struct Ipv6Addr {
    std::array<std::uint8_t, 16> octet{};

    [[nodiscard]] static constexpr Ipv6Addr from_groups(std::array<std::uint16_t, 8> g) {
        Ipv6Addr a;
        for (unsigned i = 0; i < 8; i++) {
            a.octet[2 * i] = static_cast<std::uint8_t>(g[i] >> 8);
            a.octet[2 * i + 1] = static_cast<std::uint8_t>(g[i] & 0xff);
        }
        return a;
    }
    /// The two halves as they lie in memory, for hashing and comparing.
    [[nodiscard]] constexpr std::array<std::uint64_t, 2> words() const {
        return std::bit_cast<std::array<std::uint64_t, 2>>(octet);
    }
    /// RFC 4291 text, also with a dotted-decimal tail ("64:ff9b::192.0.2.33").
    [[nodiscard]] static std::optional<Ipv6Addr> parse(std::string_view text);
    /// RFC 5952 canonical text.
    [[nodiscard]] std::string text() const;
    friend constexpr bool operator==(const Ipv6Addr&, const Ipv6Addr&) = default;
    friend constexpr auto operator<=>(const Ipv6Addr&, const Ipv6Addr&) = default;
};
static_assert(sizeof(Ipv6Addr) == 16);

struct MacAddr {
    std::array<std::uint8_t, 6> octet{};

    [[nodiscard]] constexpr bool is_multicast() const { return (octet[0] & 1) != 0; }
    /// "02:00:00:00:00:01"
    [[nodiscard]] static std::optional<MacAddr> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    friend constexpr bool operator==(const MacAddr&, const MacAddr&) = default;
};
static_assert(sizeof(MacAddr) == 6);

}  // namespace isthmus
