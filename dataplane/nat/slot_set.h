// SPDX-License-Identifier: Apache-2.0
// A set of pool slots, one bit each: which have room, which belong to a pool. With it the choice of
// an address costs the same for 16 addresses as for 1,024, also when all of them are full.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/nat/policy.h"

namespace isthmus::nat {

class SlotSet {
public:
    void set(unsigned slot, bool in) noexcept {
        const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
        std::uint64_t& w = word_[slot / 64];
        w = in ? w | bit : w & ~bit;
    }
    [[nodiscard]] bool has(unsigned slot) const noexcept {
        return (word_[slot / 64] >> (slot % 64) & 1) != 0;
    }
    SlotSet& operator&=(const SlotSet& o) noexcept {
        for (unsigned w = 0; w < kWords64; w++) word_[w] &= o.word_[w];
        return *this;
    }
    [[nodiscard]] unsigned size() const noexcept {
        int n = 0;
        for (const std::uint64_t w : word_) n += std::popcount(w);
        return static_cast<unsigned>(n);
    }
    /// The first member from `slot` on, round the end. The set is not empty.
    [[nodiscard]] unsigned next(unsigned slot) const noexcept {
        std::uint64_t w = word_[slot / 64] & (~std::uint64_t{0} << (slot % 64));
        for (unsigned at = slot / 64;; at = (at + 1) % kWords64, w = word_[at]) {
            if (w != 0) return at * 64 + static_cast<unsigned>(std::countr_zero(w));
        }
    }

private:
    static constexpr unsigned kWords64 = kSlotsMax / 64;
    std::array<std::uint64_t, kWords64> word_{};
};

}  // namespace isthmus::nat
