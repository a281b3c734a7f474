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
                b.overflow = take_overflow();
                if (b.overflow == 0) return false;
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
            if (b.overflow == 0) return free_overflow_ != 0 || overflow_fresh_ < n_overflow_;
            at = b.overflow;
        }
    }

    bool erase(std::uint64_t hash, Index index) noexcept {
        for (std::uint32_t at = home(hash);;) {
            Bucket& b = buckets_[at];
            for (unsigned i = 0; i < 8; i++) {
                if (b.tag[i] != tag(hash) || b.index[i] != index) continue;
                b.tag[i] = 0;
                if (is_unlikely(buckets_[home(hash)].overflow != 0)) fill_gap(home(hash), b, i);
                return true;
            }
            if (b.overflow == 0) return false;
            at = b.overflow;
        }
    }

    [[nodiscard]] std::uint32_t overflow_in_use() const noexcept { return overflow_in_use_; }

private:
    struct alignas(kCacheLine) Bucket {
        std::array<std::uint16_t, 8> tag{};  // 0: empty
        std::array<Index, 8> index{};
        std::uint32_t overflow = 0;  // 0: none (bucket 0 is never an overflow)
    };
    static_assert(sizeof(Bucket) == kCacheLine);

    /// 0: none left.
    std::uint32_t take_overflow() noexcept {
        std::uint32_t at = free_overflow_;
        if (at != 0) {
            free_overflow_ = buckets_[at].overflow;
            buckets_[at].overflow = 0;
        } else if (overflow_fresh_ < n_overflow_) {
            at = mask_ + 1 + overflow_fresh_++;
        }
        overflow_in_use_ += at != 0 ? 1U : 0U;
        return at;
    }
    /// The last bucket of a chain gives an entry for the gap, and goes when it has none left: else
    /// every bucket that once was full would keep its overflow bucket for ever.
    void fill_gap(std::uint32_t first, Bucket& gap, unsigned i) noexcept {
        std::uint32_t before = first, last = buckets_[first].overflow;
        while (buckets_[last].overflow != 0) {
            before = last;
            last = buckets_[last].overflow;
        }
        Bucket& b = buckets_[last];
        unsigned n_left = 0;
        for (unsigned j = 0; j < 8; j++) {
            if (b.tag[j] == 0) continue;
            if (&b != &gap && gap.tag[i] == 0) {
                gap.index[i] = b.index[j];
                gap.tag[i] = b.tag[j];
                b.tag[j] = 0;
                continue;
            }
            n_left++;
        }
        if (n_left != 0) return;
        buckets_[before].overflow = 0;
        b.overflow = free_overflow_;
        free_overflow_ = last;
        overflow_in_use_--;
    }

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
    std::uint32_t overflow_fresh_ = 0, overflow_in_use_ = 0;
    std::uint32_t free_overflow_ = 0;  // a chain of those given back; 0: none
};

}  // namespace isthmus::nat
