// SPDX-License-Identifier: Apache-2.0
// The IPv6-side index: (X',x, protocol) -> binding. A bucket is one cache line: eight 16-bit tags,
// compared in one SIMD instruction, and eight binding indices. A full bucket goes on in an overflow
// bucket; those are bounded. Tags may collide: the caller compares the binding's key.
#pragma once

#include <emmintrin.h>

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "common/base/prefetch.h"
#include "common/base/units.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

class Index6 {
public:
    Index6(Arena& arena, std::uint32_t entries) noexcept
        : mask_(buckets_for(entries) - 1),
          buckets_(arena.take<Bucket>(std::size_t{buckets_for(entries)} + overflow_for(entries))),
          n_overflow_(overflow_for(entries)) {}

    void prefetch(std::uint64_t hash) const noexcept { isthmus::prefetch(&buckets_[home(hash)]); }

    /// The first entry of `hash` for which same(index) holds, or kNone.
    template <typename Same>
    [[nodiscard]] Index find(std::uint64_t hash, Same&& same) const noexcept {
        const __m128i tags = _mm_set1_epi16(static_cast<short>(tag(hash)));
        for (std::uint32_t at = home(hash);;) {
            const Bucket& b = buckets_[at];
            const __m128i have = _mm_load_si128(reinterpret_cast<const __m128i*>(b.tag.data()));
            unsigned hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi16(have, tags)));
            for (; hits != 0; hits &= hits - 1, hits &= hits - 1) {
                const unsigned i = static_cast<unsigned>(std::countr_zero(hits)) / 2;
                if (same(b.index[i])) return b.index[i];
            }
            if (b.overflow == 0) return kNone;
            at = b.overflow;
        }
    }

    /// The first entry of the home bucket whose tag is that of `hash`, or kNone: nearly always the
    /// right one, and its key has not been looked at. For asking for its memory ahead of time.
    [[nodiscard]] Index candidate(std::uint64_t hash) const noexcept {
        const Bucket& b = buckets_[home(hash)];
        const __m128i have = _mm_load_si128(reinterpret_cast<const __m128i*>(b.tag.data()));
        const __m128i tags = _mm_set1_epi16(static_cast<short>(tag(hash)));
        const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi16(have, tags)));
        return hits == 0 ? kNone : b.index[static_cast<unsigned>(std::countr_zero(hits)) / 2];
    }

    /// False: no room (the overflow buckets are used up).
    bool insert(std::uint64_t hash, Index index) noexcept {
        for (std::uint32_t at = home(hash);;) {
            Bucket& b = buckets_[at];
            for (unsigned i = 0; i < 8; i++) {
                if (b.tag[i] != 0) continue;
                b.index[i] = index;
                b.tag[i] = tag(hash);
                return true;
            }
            if (b.overflow == 0) {
                if (overflow_used_ == n_overflow_) return false;
                b.overflow = mask_ + 1 + overflow_used_++;
            }
            at = b.overflow;
        }
    }

    /// insert() would find room.
    [[nodiscard]] bool has_room(std::uint64_t hash) const noexcept {
        for (std::uint32_t at = home(hash);;) {
            const Bucket& b = buckets_[at];
            for (unsigned i = 0; i < 8; i++) {
                if (b.tag[i] == 0) return true;
            }
            if (b.overflow == 0) return overflow_used_ != n_overflow_;
            at = b.overflow;
        }
    }

    bool erase(std::uint64_t hash, Index index) noexcept {
        for (std::uint32_t at = home(hash);;) {
            Bucket& b = buckets_[at];
            for (unsigned i = 0; i < 8; i++) {
                if (b.tag[i] != tag(hash) || b.index[i] != index) continue;
                b.tag[i] = 0;
                return true;
            }
            if (b.overflow == 0) return false;
            at = b.overflow;
        }
    }

private:
    struct alignas(kCacheLine) Bucket {
        std::array<std::uint16_t, 8> tag{};  // 0: empty
        std::array<Index, 8> index{};
        std::uint32_t overflow = 0;  // 0: none (bucket 0 is never an overflow)
    };
    static_assert(sizeof(Bucket) == kCacheLine);

    /// About four entries in a bucket of eight.
    static std::uint32_t buckets_for(std::uint32_t entries) noexcept {
        return std::bit_ceil(entries < 32 ? 8U : entries / 4);
    }
    static std::uint32_t overflow_for(std::uint32_t entries) noexcept {
        return buckets_for(entries) / 8 + 8;
    }
    [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(hash) & mask_;
    }
    static std::uint16_t tag(std::uint64_t hash) noexcept {
        const auto t = static_cast<std::uint16_t>(hash >> 48);
        return t == 0 ? std::uint16_t{1} : t;
    }

    std::uint32_t mask_;
    std::span<Bucket> buckets_;
    std::uint32_t n_overflow_;
    std::uint32_t overflow_used_ = 0;
};

}  // namespace isthmus::nat
