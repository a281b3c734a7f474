// SPDX-License-Identifier: Apache-2.0
// What a worker tells the logs: records of fixed size in a ring of its own memory.
//
// One producer, the worker; one consumer, the agent, which lets go of a record only when control
// has acknowledged it: a control that restarts finds in the ring what it had not kept. A full ring
// takes nothing: the record is lost, but not its sequence number, so that the gap shows.
//
// The time in a record is the engine's; whoever takes it adds the wall clock's base, for the
// engines read no clock.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "common/base/prefetch.h"
#include "common/base/shared.h"
#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/tuple.h"
#include "common/stats/event_kind.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/hash.h"

namespace isthmus::nat {

struct alignas(kCacheLine) NatEvent {
    std::uint64_t sequence = 0;  // of the worker, from 1
    std::uint64_t ns = 0;        // the engine's clock
    Ipv6Addr x_addr;             // or the subscriber's prefix
    Ipv4Addr t_addr, z_addr;
    std::uint32_t limit = 0;       // that was reached, of quota_exceeded
    std::uint32_t suppressed = 0;  // events like this one that were not told before it
    Be16 x_id, t_id, z_id;         // t_id: of a block its first port
    std::uint16_t t_last = 0;      // of a block its last port
    EventKind kind = EventKind::binding_created;
    Proto proto = Proto::udp;
    Drop why = Drop::none;      // of quota_exceeded and the exhaustions
    std::uint8_t x_bits = 128;  // length of the prefix in x_addr
    std::uint8_t group = 0;     // of addresses_exhausted: the pool
};
static_assert(sizeof(NatEvent) == kCacheLine);

class EventRing {
public:
    /// `n` 0: takes nothing; otherwise a power of two.
    EventRing(Arena& arena, std::uint32_t n) noexcept : cells_(arena.take_zeroed<NatEvent>(n)) {}

    // The worker.
    /// Gives `e` its number and time and keeps it; false: no room, the record is lost.
    bool push(const NatEvent& e, Nanos now) noexcept {
        const std::uint64_t number = sequence_.load(std::memory_order_relaxed) + 1;
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (is_unlikely(head - tail_.load(std::memory_order_acquire) >= cells_.size())) {
            sequence_.store(number, std::memory_order_release);
            return false;
        }
        NatEvent& cell = cells_[head & (cells_.size() - 1)];
        cell = e;
        cell.sequence = number;
        cell.ns = now.v;
        head_.store(head + 1, std::memory_order_release);
        // Last: who has seen a number finds its record, unless that was lost.
        sequence_.store(number, std::memory_order_release);
        return true;
    }
    [[nodiscard]] bool is_full() const noexcept {
        return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_acquire) >=
               cells_.size();
    }

    // The agent. `const`: readers see the worker's state as constant; the tail is theirs.
    /// fn(const NatEvent&) for at most `most` records behind number `after`, oldest first.
    template <typename Fn>
    unsigned read(std::uint64_t after, unsigned most, Fn&& fn) const noexcept {
        const std::uint64_t head = head_.load(std::memory_order_acquire);
        std::uint64_t at = first_behind(after, head);
        unsigned n = 0;
        for (; at != head && n < most; at++, n++) fn(cells_[at & (cells_.size() - 1)]);
        return n;
    }
    /// Lets go of all records up to number `upto`.
    void release(std::uint64_t upto) const noexcept {
        const std::uint64_t head = head_.load(std::memory_order_acquire);
        tail_.store(first_behind(upto, head), std::memory_order_release);
    }
    /// Number of the newest record, lost ones included.
    [[nodiscard]] std::uint64_t last_sequence() const noexcept {
        return sequence_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint64_t waiting() const noexcept {
        return head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::size_t capacity() const noexcept { return cells_.size(); }

private:
    /// Numbers rise in the ring, by one or, behind a loss, by more: found by bisection.
    [[nodiscard]] std::uint64_t first_behind(std::uint64_t after,
                                             std::uint64_t head) const noexcept {
        std::uint64_t low = tail_.load(std::memory_order_relaxed), high = head;
        while (low < high) {
            const std::uint64_t middle = low + (high - low) / 2;
            if (cells_[middle & (cells_.size() - 1)].sequence <= after) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    std::span<NatEvent> cells_;
    alignas(kCacheLine) std::atomic<std::uint64_t> head_{0}, sequence_{0};
    alignas(kCacheLine) mutable std::atomic<std::uint64_t> tail_{0};
};

/// Keeps a storm of refusals out of the logs: of one subscriber and reason one event in ten
/// seconds, of a worker at most 100 a second (RFC 6888 REQ-11c, RFC 8158 s5.2).
class EventLimiter {
public:
    /// False: not now. When true, `suppressed` is how many were held back since the last one.
    bool allows(std::uint64_t key, Now now, std::uint32_t& suppressed) noexcept {
        const auto second = static_cast<std::uint32_t>(now.ns.v / kNanosPerSecond);
        if (second != second_) {
            second_ = second;
            told_ = 0;
        }
        Cell& c = cells_[key % kCells];
        const bool fresh = c.key != key || now.tick.v - c.tick >= kQuietTicks;
        if (!fresh || told_ >= kPerSecond) {
            suppressed_++;
            return false;
        }
        c = {key, now.tick.v};
        told_++;
        suppressed = suppressed_;
        suppressed_ = 0;
        return true;
    }

private:
    static constexpr std::size_t kCells = 256;
    static constexpr std::uint32_t kQuietTicks = 10 * kTicksPerSecond, kPerSecond = 100;
    struct Cell {
        std::uint64_t key = 0;
        std::uint32_t tick = 0;
    };
    std::array<Cell, kCells> cells_{};
    std::uint32_t second_ = 0, told_ = 0, suppressed_ = 0;
};

/// How many subscribers have how much, in powers of two: bucket b counts those with 2^(b-1) + 1 to
/// 2^b of it, bucket 0 those with one. Who has none is not counted.
class ShareHistogram {
public:
    static constexpr unsigned kBuckets = 20;
    [[nodiscard]] static constexpr unsigned bucket_of(std::uint32_t n) noexcept {
        const auto b = static_cast<unsigned>(std::bit_width(n - 1));
        return b < kBuckets ? b : kBuckets - 1;
    }
    void move(std::uint32_t before, std::uint32_t after) noexcept {
        const unsigned a = before == 0 ? kBuckets : bucket_of(before);
        const unsigned b = after == 0 ? kBuckets : bucket_of(after);
        if (a == b) return;
        if (a != kBuckets) bucket_[a] -= 1;
        if (b != kBuckets) bucket_[b] += 1;
    }
    /// Any thread.
    [[nodiscard]] std::uint32_t read(unsigned b) const noexcept { return bucket_[b].read(); }

private:
    std::array<Shared<std::uint32_t>, kBuckets> bucket_{};
};
static_assert(ShareHistogram::bucket_of(1) == 0 && ShareHistogram::bucket_of(2) == 1 &&
              ShareHistogram::bucket_of(3) == 2 && ShareHistogram::bucket_of(4) == 2);

}  // namespace isthmus::nat
