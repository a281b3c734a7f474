// SPDX-License-Identifier: Apache-2.0
// Fixed pool of records with a chained hash over them: further sessions, subscribers. Record needs
// the members `next` and `live`. Chains are short: there are at least as many heads as records.
//
// `live` counts the record's births and deaths: odd while it lives. A reader that found it odd, and
// after reading the same, has read one record whole (where its fields are Shared).
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "common/base/prefetch.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

template <typename Record>
class ChainTable {
public:
    ChainTable(Arena& arena, std::uint32_t records) noexcept
        : mask_(std::bit_ceil(records < 8 ? 8U : records) * kHeads - 1),
          heads_(arena.take_zeroed<Index>(std::size_t{mask_} + 1)),
          records_(arena.take_zeroed<Record>(records)) {}

    [[nodiscard]] std::uint32_t capacity() const noexcept {
        return static_cast<std::uint32_t>(records_.size());
    }
    /// Any thread.
    [[nodiscard]] std::uint32_t size() const noexcept { return size_.read(); }
    /// One past the highest record ever used: what a sweep has to look at.
    [[nodiscard]] std::uint32_t high_water() const noexcept { return fresh_; }
    Record& operator[](Index i) noexcept { return records_[i]; }
    const Record& operator[](Index i) const noexcept { return records_[i]; }

    [[nodiscard]] bool is_live(Index i) const noexcept { return records_[i].live % 2 != 0; }

    /// Asking for memory ahead of find(): the chain's head, then what first() names.
    void prefetch_head(std::uint64_t hash) const noexcept {
        isthmus::prefetch_for_write(&heads_[hash & mask_]);
    }
    [[nodiscard]] Index first(std::uint64_t hash) const noexcept {
        return heads_[hash & mask_] - 1;  // of an empty chain: kNone
    }

    template <typename Same>
    [[nodiscard]] Index find(std::uint64_t hash, Same&& same) const noexcept {
        for (Index i = heads_[hash & mask_]; i != 0;) {
            if (same(records_[i - 1])) return i - 1;
            i = records_[i - 1].next + 1;
        }
        return kNone;
    }

    /// A fresh record, linked under `hash` and alive once fill(Record&) has filled it; kNone: full.
    template <typename Fill>
    Index insert(std::uint64_t hash, Fill&& fill) noexcept {
        Index i = free_;
        if (i != kNone) {
            free_ = records_[i].next;
        } else if (fresh_ < records_.size()) {
            i = fresh_++;
        } else {
            return kNone;
        }
        Record& r = records_[i];
        const auto births = r.live;
        r = Record{};
        r.live = births;
        fill(r);
        r.live += 1;
        r.next = heads_[hash & mask_] - 1;
        heads_[hash & mask_] = i + 1;
        size_ += 1;
        return i;
    }

    /// insert() would find a record.
    [[nodiscard]] bool has_room() const noexcept {
        return free_ != kNone || fresh_ < records_.size();
    }

    void erase(std::uint64_t hash, Index index) noexcept {
        Index* link = nullptr;
        for (Index i = heads_[hash & mask_]; i != 0; i = records_[i - 1].next + 1) {
            if (i - 1 != index) {
                link = &records_[i - 1].next;
                continue;
            }
            if (link == nullptr) {
                heads_[hash & mask_] = records_[index].next + 1;
            } else {
                *link = records_[index].next;
            }
            break;
        }
        records_[index].live += 1;
        records_[index].next = free_;
        free_ = index;
        size_ -= 1;
    }

private:
    /// Chains for each record: a search then nearly always ends with the first one, which is all
    /// that can be asked for ahead.
    static constexpr std::uint32_t kHeads = 4;
    std::uint32_t mask_;
    std::span<Index> heads_;  // index + 1; 0: empty, so that zeroed memory is right
    std::span<Record> records_;
    Index free_ = kNone;
    Index fresh_ = 0;
    Shared<std::uint32_t> size_ = 0;
};

}  // namespace isthmus::nat
