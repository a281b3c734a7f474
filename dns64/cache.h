// SPDX-License-Identifier: Apache-2.0
// The cache of one thread: answers ready to send, in a log that lies in a ring of bytes
// (docs/decisions/0010).
//
// An entry is a header of 24 bytes, the offset of every TTL in the records, the name (lower case,
// wire form), and the records: all that follows the question, but without OPT. Compression pointers
// in it count from the message's start, and hold because the question before them has the length of
// the entry's own name. What can be computed is not stored: there are as many TTLs as records, and
// an entry's size follows from its parts. The head of the log is written, its tail is evicted: an
// entry that was used since it was written and is still fresh is written again at the head.
//
// Which questions an entry may answer: its name and type (0: any type, for NXDOMAIN), class IN, its
// view tag (kAllViews: any), and a mask of variants (DO, CD). Data from upstream that is kept for
// resolutions carries a bit of its own. The clock is seconds, of any origin, given by the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/base/expected.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

inline constexpr std::uint32_t kAllViews = 0;

/// Bits of CacheEntry::serves: which queries it answers, and whether resolutions may read it.
enum Serves : std::uint8_t {
    serves_plain = 1,           // DO=0 CD=0
    serves_do = 2,              // DO=1 CD=0
    serves_cd = 4,              // DO=0 CD=1
    serves_do_cd = 8,           // DO=1 CD=1
    serves_resolution = 16,     // upstream's answer to a query with CD=0
    serves_resolution_cd = 32,  // upstream's answer to a query with CD=1
    serves_failure = 64,        // upstream's failure (CD=0): no answer in it
    serves_failure_cd = 128
};
inline constexpr std::uint8_t kServesClients = 0x0f;
[[nodiscard]] constexpr std::uint8_t variant_bit(bool dnssec_ok, bool checking_disabled) {
    return static_cast<std::uint8_t>(1U << ((dnssec_ok ? 1U : 0U) | (checking_disabled ? 2U : 0U)));
}

/// Lies in the log, its size rounded up to units of 4 bytes. Bit-fields: 8 bytes of each of three
/// entries are 24 for a name.
struct CacheEntry {
    std::uint8_t state = 0;  // bits of State
    std::uint8_t name_bytes = 0;
    std::uint16_t type = 0;  // of a gap: its units
    std::uint8_t serves = 0;
    std::uint8_t why = 0;  // of a final answer (why.h)
    std::uint16_t body_bytes = 0;
    std::uint32_t view_tag = 0;
    std::uint32_t stored_s = 0;
    std::uint32_t ttl_s : 21 = 0;        // seconds
    std::uint32_t flags_rcode : 11 = 0;  // header's second word: AA, AD, RCODE
    std::uint32_t n_answer : 12 = 0, n_authority : 10 = 0, n_additional : 10 = 0;  // without OPT

    enum State : std::uint8_t {
        dead = 1,
        used = 2,
        often = 4,
        refreshing = 8,
        with_ede = 16,
        gap = 32  // with `dead`: the rest of the ring before its end; has no more than 4 bytes
    };
    static constexpr std::size_t kUnit = 4;
    static constexpr std::uint32_t kTtlMost = (1U << 21) - 1;
    static constexpr unsigned kAnswersMost = (1U << 12) - 1, kOthersMost = (1U << 10) - 1;

    [[nodiscard]] unsigned n_ttl() const { return n_answer + n_authority + n_additional; }
    [[nodiscard]] const std::uint8_t* data() const {
        return reinterpret_cast<const std::uint8_t*>(this + 1);
    }
    /// Offsets of TTLs in body(), as they lie in memory: unaligned.
    [[nodiscard]] const std::uint8_t* ttl_offsets() const { return data(); }
    [[nodiscard]] Bytes name() const { return {data() + 2U * n_ttl(), name_bytes}; }
    [[nodiscard]] Bytes body() const { return {data() + 2U * n_ttl() + name_bytes, body_bytes}; }
    [[nodiscard]] std::uint32_t units() const {
        if ((state & gap) != 0) return type;
        const std::size_t bytes = sizeof *this + 2U * n_ttl() + name_bytes + body_bytes;
        return static_cast<std::uint32_t>((bytes + kUnit - 1) / kUnit);
    }
    [[nodiscard]] std::size_t size_bytes() const { return units() * kUnit; }
    [[nodiscard]] std::uint32_t age(std::uint32_t now_s) const { return now_s - stored_s; }
    [[nodiscard]] bool is_fresh(std::uint32_t now_s) const { return age(now_s) < ttl_s; }
    /// What its TTLs have lost. Those of an answer that is our own (AA to clients) lose nothing: it
    /// is not a copy of something that ends elsewhere.
    [[nodiscard]] std::uint32_t ttl_lost(std::uint32_t now_s) const {
        const bool own = (flags_rcode & flag::aa) != 0 && (serves & kServesClients) != 0;
        return own ? 0 : age(now_s);
    }
};
static_assert(sizeof(CacheEntry) == 24 && alignof(CacheEntry) == CacheEntry::kUnit);

/// What insert() is given.
struct NewEntry {
    Bytes name;  // lower case, wire form
    std::uint16_t type = 0;
    std::uint32_t view_tag = kAllViews;
    std::uint8_t serves = 0;
    std::uint8_t why = 0;
    std::uint32_t ttl_s = 0;
    std::uint16_t flags_rcode = 0;
    std::uint16_t n_answer = 0, n_authority = 0, n_additional = 0;
    std::span<const std::uint16_t> ttl_offsets;
    Bytes body;
};

struct CacheStats {
    std::uint64_t entries = 0, bytes = 0, inserted = 0, evicted = 0, kept = 0;
};

class Cache {
public:
    /// `memory` is for log and index together.
    [[nodiscard]] static Expected<std::unique_ptr<Cache>> create(std::size_t memory,
                                                                 std::uint64_t seed);
    ~Cache();
    Cache(const Cache&) = delete;
    Cache& operator=(const Cache&) = delete;

    [[nodiscard]] std::uint32_t hash(Bytes name, std::uint16_t type) const;
    void prefetch_index(std::uint32_t h) const;
    /// The first entry with this hash: all of a usual one.
    void prefetch_entry(std::uint32_t h) const;
    /// An entry for (name, type) that serves one of `serves`, fresh or not: for clients, of that
    /// view or of all.
    [[nodiscard]] CacheEntry* find(std::uint32_t h, Bytes name, std::uint16_t type,
                                   std::uint32_t view_tag, std::uint8_t serves);
    /// The same, and the entry does not count as used.
    [[nodiscard]] CacheEntry* peek(std::uint32_t h, Bytes name, std::uint16_t type,
                                   std::uint32_t view_tag, std::uint8_t serves) const;
    /// Replaces entries for the same question and view that serve some of the same. False: an
    /// entry of this size is not kept.
    bool insert(const NewEntry& e, std::uint32_t now_s);
    void erase(CacheEntry& e);

    /// Looks at entries from the place `at` on (0: the oldest), at most `most` of them or until
    /// `visit` returns false, and moves `at` on; false: that was all. `at` must be 0 or what an
    /// earlier walk() left there; between two pieces of a walk the cache may change. An entry that
    /// is kept at eviction comes again.
    bool walk(std::uint64_t& at, unsigned most,
              const std::function<bool(const CacheEntry&)>& visit) const;
    /// Removes what matches among them; `n` grows by how many. A walk to its end leaves no match
    /// that was there when it began.
    bool flush(std::uint64_t& at, unsigned most,
               const std::function<bool(const CacheEntry&)>& match, std::size_t& n);
    std::size_t flush_all();
    [[nodiscard]] const CacheStats& stats() const { return stats_; }
    [[nodiscard]] std::size_t index_bytes() const { return index_.size() * sizeof(Slot); }

private:
    /// Where an entry's slot is looked for first follows from the hash by multiplication, so the
    /// index may have any size, and growing keeps the order of its slots: it is read and written
    /// from end to end.
    struct Slot {
        std::uint32_t hash = 0;
        std::uint32_t at = 0;  // units from the log's start, plus 1; 0: empty
    };
    [[nodiscard]] std::size_t home(std::uint32_t h) const {
        return static_cast<std::size_t>((std::uint64_t{h} * index_.size()) >> 32);
    }
    [[nodiscard]] std::size_t after(std::size_t i) const {
        return i + 1 == index_.size() ? 0 : i + 1;
    }
    Cache() = default;
    [[nodiscard]] CacheEntry* at(std::uint64_t position) const;
    [[nodiscard]] std::uint32_t hash_of(const CacheEntry& e) const;
    [[nodiscard]] bool make_room(std::uint32_t units, std::uint32_t now_s);
    void evict_oldest(std::uint32_t now_s, unsigned& rescues);
    [[nodiscard]] CacheEntry* append(std::uint32_t units);
    void link(std::uint32_t h, const CacheEntry& e);
    void unlink(std::uint32_t h, const CacheEntry& e);
    void grow_index();
    std::uint8_t* log_ = nullptr;
    std::uint64_t log_units_ = 0;
    std::uint64_t head_ = 0, tail_ = 0;  // units written and evicted since the start
    std::vector<Slot> index_;
    std::size_t index_most_ = 0;
    std::uint64_t seed_[2] = {0, 0};
    CacheStats stats_;
};

}  // namespace isthmus::dns64
