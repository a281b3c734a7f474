// SPDX-License-Identifier: Apache-2.0
// Keyed, non-linear hashes: a client chooses 80 bits of what is hashed, and a CRC or Toeplitz hash
// can be collided at will. Multiply-and-fold of 64x64 bits into 128, keyed at start from the
// system's randomness; a few cycles.
#pragma once

#include <cstdint>

#include "common/net/addr.h"

namespace isthmus::nat {

struct Seed {
    std::uint64_t a = 0x9e3779b97f4a7c15, b = 0xd1b54a32d192ed03;
};

__extension__ using Uint128 = unsigned __int128;

[[nodiscard]] inline std::uint64_t fold(std::uint64_t x, std::uint64_t y) noexcept {
    const auto product = static_cast<Uint128>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

[[nodiscard]] inline std::uint64_t hash2(const Seed& s, std::uint64_t x, std::uint64_t y) noexcept {
    constexpr std::uint64_t kOdd = 0xa0761d6478bd642f;
    return fold(fold(x ^ s.a, y ^ s.b) ^ kOdd, s.a ^ y);
}

[[nodiscard]] inline std::uint64_t hash_addr(const Seed& s, const Ipv6Addr& a,
                                             std::uint64_t more) noexcept {
    constexpr std::uint64_t kOdd = 0xe7037ed1a0b428db;
    const auto w = a.words();
    return fold(fold(w[0] ^ s.a, w[1] ^ s.b) ^ more ^ kOdd, s.a ^ (s.b << 1 | 1));
}

}  // namespace isthmus::nat
