// SPDX-License-Identifier: Apache-2.0
// Rings between threads: one producer and one consumer each, bursts only, never a lock. Between two
// workers they carry packets to their owner (handed over as bytes, parsed again there), frames for
// a transmit queue that another worker has, and frames to and from the kernel.
//
// An Outbox is the producer's end: it gathers frames and gives them away a burst at a time.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <memory>
#include <string>

#include "common/base/expected.h"

namespace isthmus::dpdk {

inline constexpr unsigned kRingBurst = 64;

struct RingFree {
    void operator()(rte_ring* r) const noexcept;
};
using Ring = std::unique_ptr<rte_ring, RingFree>;

/// `frames` is rounded up to a power of two; `node` is the consumer's.
[[nodiscard]] Expected<Ring> make_ring(const std::string& name, unsigned frames, int node);

class Outbox {
public:
    Outbox() = default;
    explicit Outbox(rte_ring* to) : to_(to) {}

    [[nodiscard]] bool is_open() const noexcept { return to_ != nullptr; }
    /// Gives the burst away when it is full. Returns frames that found no room (freed).
    [[nodiscard]] unsigned add(rte_mbuf* m) noexcept {
        frames_[n_++] = m;
        return n_ == kRingBurst ? flush() : 0;
    }
    /// Returns frames that found no room (freed).
    unsigned flush() noexcept;

private:
    rte_ring* to_ = nullptr;
    unsigned n_ = 0;
    std::array<rte_mbuf*, kRingBurst> frames_{};
};

/// The consumer's end: up to kRingBurst frames.
[[nodiscard]] inline unsigned take(rte_ring* from,
                                   std::array<rte_mbuf*, kRingBurst>& frames) noexcept {
    return rte_ring_sc_dequeue_burst(from, reinterpret_cast<void**>(frames.data()), kRingBurst,
                                     nullptr);
}

}  // namespace isthmus::dpdk
