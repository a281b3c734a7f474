// SPDX-License-Identifier: Apache-2.0
// Packets that wait for the link address of their next hop.
//
// A worker that finds an adjacency unresolved keeps the finished packet here for at most kHold,
// asks the agent once for each next hop (ResolveRing, fib.h), and sends what waits when the answer
// has come. Bounded twice, the oldest making room for the newest (RFC 4861 s7.2.2): kPerHop packets
// for each next hop, kMax in all. An answer takes a millisecond or two: what has waited longest
// waits for a next hop that is not there, so a scan of absent hosts does not keep others from being
// found.
//
// Packets of one next hop leave in the order in which they came; later ones queue up behind them
// (is_waited_for()), also when the link address is known already. All operations take constant
// time, release() apart, which the caller asks for only when the FIB has changed or somebody's time
// is over.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/units.h"
#include "dataplane/nat/hash.h"
#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/fib.h"

namespace isthmus::pipeline {

/// Which next hop: for telling them apart quickly, not for certain.
[[nodiscard]] inline std::uint32_t hop_key(const nat::Seed& seed, const Adjacency& a) noexcept {
    return static_cast<std::uint32_t>(
        nat::hash_addr(seed, a.next_hop, std::uint32_t{a.port} << 16U | a.vlan));
}

class Pending {
public:
    static constexpr unsigned kMax = 1024;
    static constexpr unsigned kPerHop = 256;
    static constexpr Tick kHold = ticks_of_seconds(3);
    static constexpr Tick kAskAgain = ticks_of_seconds(1);

    struct Waiting {
        Packet packet;  // IP packet, without link header
        ResolveRequest hop;
        std::uint32_t key = 0;        // hop_key()
        std::uint32_t flow_hash = 0;  // chooses among the next hops of a route
        Tick since;
    };

    Pending() noexcept;

    [[nodiscard]] bool empty() const noexcept { return n_ == 0; }
    [[nodiscard]] unsigned size() const noexcept { return n_; }

    /// Keeps a packet, and asks for its next hop when nobody has. False: there was no room, and an
    /// older packet is given up for it: `victim`.
    bool hold(const Waiting& w, ResolveRing& ask, Packet& victim) noexcept;

    /// Whether packets wait for this next hop, or perhaps for another one of the same key.
    [[nodiscard]] bool is_waited_for(std::uint32_t key) const noexcept {
        for (Index q = bucket_[key % kMax]; q != kNone; q = queue_[q].next) {
            if (queue_[q].key == key) return true;
        }
        return false;
    }

    /// Whether release() may find something to do: the FIB's epoch is a new one, or somebody has
    /// waited for too long.
    [[nodiscard]] bool is_due(std::uint32_t epoch, Tick now) const noexcept {
        return epoch != epoch_ || is_over(item_[oldest_], now);
    }
    [[nodiscard]] static bool is_over(const Waiting& w, Tick now) noexcept {
        return now.v - w.since.v > kHold.v;
    }

    /// Of each next hop, longest waiting first: fn(Waiting&) for its packets in order, until one is
    /// to stay. True from fn: the packet is the caller's again. `epoch` was read before.
    template <typename Fn>
    void release(std::uint32_t epoch, Fn&& fn) noexcept {
        epoch_ = epoch;
        std::array<Index, kMax> queues;
        unsigned n = 0;
        for (Index i = oldest_; i != kNone; i = item_[i].newer) {
            if (queue_[item_[i].queue].first == i) queues[n++] = item_[i].queue;
        }
        for (unsigned k = 0; k < n; k++) {
            // The last packet takes its queue with it.
            for (unsigned left = queue_[queues[k]].n; left > 0; left--) {
                const Index first = queue_[queues[k]].first;
                if (!fn(item_[first])) break;
                take_first(queues[k]);
            }
        }
    }

private:
    using Index = std::uint16_t;
    static constexpr Index kNone = 0xffff;

    struct Item : Waiting {
        Index queue = kNone;
        Index later = kNone;                 // of the same queue; the next free one
        Index older = kNone, newer = kNone;  // of all
    };
    /// The packets for one next hop; there is no empty one.
    struct Queue {
        ResolveRequest hop;
        std::uint32_t key = 0;
        Tick asked;
        bool is_asked = false;
        Index first = kNone, last = kNone, n = 0;
        Index next = kNone;  // of the same bucket; the next free one
    };

    [[nodiscard]] Index find(const Waiting& w) const noexcept;
    Index open_queue(const Waiting& w) noexcept;
    void close_queue(Index queue) noexcept;
    void take_first(Index queue) noexcept;

    unsigned n_ = 0;
    std::uint32_t epoch_ = 0;
    Index oldest_ = kNone, newest_ = kNone;
    Index free_item_ = 0, free_queue_ = 0;
    std::array<Index, kMax> bucket_;
    std::array<Item, kMax> item_;
    std::array<Queue, kMax> queue_;
};

}  // namespace isthmus::pipeline
