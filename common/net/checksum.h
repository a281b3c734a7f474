// SPDX-License-Identifier: Apache-2.0
// The Internet checksum: full sums for tests, rebuilt messages and our own packets, and the
// incremental update of RFC 1624 for everything that is merely translated, so that a wrong checksum
// stays wrong.
//
// Sums are taken over bytes as they lie in memory (the sum does not care about byte order, RFC
// 1071) and kept in 64 bits; fold() ends them. A header field holds the complement of the folded
// sum.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "common/net/addr.h"
#include "common/net/be.h"

namespace isthmus {

/// A one's complement sum that has not been folded yet.
struct Sum {
    std::uint64_t v = 0;

    constexpr Sum& add16(std::uint16_t wire) {
        v += wire;
        return *this;
    }
    constexpr Sum& add32(std::uint32_t wire) {
        v += wire;
        return *this;
    }
    constexpr Sum& add(Be16 b) { return add16(b.wire()); }
    constexpr Sum& add(Ipv4Addr a) { return add32(a.be.wire()); }
    constexpr Sum& add(const Ipv6Addr& a) {
        for (const std::uint64_t w : a.words()) {
            v += w & 0xffffffffU;
            v += w >> 32;
        }
        return *this;
    }
    /// Adds the complement: subtracts in one's complement arithmetic.
    constexpr Sum& take(Sum s) {
        v += static_cast<std::uint16_t>(~s.fold());
        return *this;
    }
    /// Adds bytes; an odd last byte is padded with zero (RFC 1071). Only a last piece may be odd.
    Sum& add(std::span<const std::uint8_t> bytes) {
        const std::uint8_t* p = bytes.data();
        std::size_t n = bytes.size();
        for (; n >= 4; n -= 4, p += 4) {
            std::uint32_t w;
            std::memcpy(&w, p, 4);
            v += w;
        }
        if (n >= 2) {
            std::uint16_t w;
            std::memcpy(&w, p, 2);
            v += w;
            p += 2;
            n -= 2;
        }
        if (n == 1) v += *p;  // little-endian: the odd byte is the low half of its word
        return *this;
    }
    [[nodiscard]] constexpr std::uint16_t fold() const {
        std::uint64_t s = (v & 0xffffffffU) + (v >> 32);
        s = (s & 0xffffffffU) + (s >> 32);
        s = (s & 0xffffU) + (s >> 16);
        s = (s & 0xffffU) + (s >> 16);
        s = (s & 0xffffU) + (s >> 16);
        return static_cast<std::uint16_t>(s);
    }
    /// What goes into a checksum field.
    [[nodiscard]] constexpr std::uint16_t checksum() const {
        return static_cast<std::uint16_t>(~fold());
    }
};

/// RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m'), with the sums of all changed words at once.
/// All values as they lie in memory.
[[nodiscard]] constexpr std::uint16_t updated_checksum(std::uint16_t old, Sum removed, Sum added) {
    Sum s{static_cast<std::uint16_t>(~old)};
    s.take(removed);
    s.v += added.v;
    return s.checksum();
}

// RFC 1624 section 4: 0xDD2F with 0x5555 -> 0x3285 gives 0x0000, not 0xFFFF.
static_assert(updated_checksum(Be16{0xdd2f}.wire(), Sum{Be16{0x5555}.wire()},
                               Sum{Be16{0x3285}.wire()}) == 0x0000);

}  // namespace isthmus
