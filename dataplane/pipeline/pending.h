// SPDX-License-Identifier: Apache-2.0
// Packets that wait for the link address of their next hop.
//
// A worker that finds an adjacency unresolved asks the agent (ResolveRing, fib.h), keeps the
// finished packet here for at most kHold, and sends it when the answer has come. Bounded twice:
// kPerHop packets for each next hop, the oldest making room for the newest (RFC 4861 s7.2.2), and
// kMax in all. Packets of one next hop leave in the order in which they came.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/units.h"
#include "dataplane/pipeline/burst.h"

namespace isthmus::pipeline {

class Pending {
public:
    static constexpr unsigned kMax = 256;
    static constexpr unsigned kPerHop = 64;
    static constexpr Tick kHold = ticks_of_seconds(3);

    struct Item {
        Packet packet;               // IP packet, without link header
        std::uint32_t next_hop = 0;  // adjacency index
        std::uint32_t serial = 0;    // order of arrival
        Tick since;
        bool used = false;
    };

    [[nodiscard]] bool empty() const { return n_ == 0; }
    [[nodiscard]] unsigned size() const { return n_; }

    /// Keeps `p`. When there is no room a packet is given up: it comes back in `victim` and the
    /// call returns false (`victim` is an older one of the same next hop, or `p` itself).
    bool hold(const Packet& p, std::uint32_t next_hop, Tick now, Packet& victim) noexcept;

    /// Visits the held packets in order of arrival: fn(Item&) returns true to let go of the item.
    template <typename Fn>
    void visit(Fn&& fn) noexcept {
        std::uint32_t done = 0;
        for (unsigned left = n_; left > 0; left--) {
            Item* oldest = nullptr;
            for (Item& i : item_) {
                if (i.used && i.serial > done && (oldest == nullptr || i.serial < oldest->serial))
                    oldest = &i;
            }
            if (oldest == nullptr) return;
            done = oldest->serial;
            if (fn(*oldest)) {
                oldest->used = false;
                n_--;
            }
        }
    }

private:
    unsigned n_ = 0;
    std::uint32_t serial_ = 0;
    std::array<Item, kMax> item_{};
};

}  // namespace isthmus::pipeline
