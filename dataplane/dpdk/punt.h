// SPDX-License-Identifier: Apache-2.0
// The punt thread: the only one that reads and writes the TAPs, so that no worker makes a system
// call for the kernel's sake. Rings lead from each worker to it, one for each class, and from it to
// the worker that transmits for a port. Without work it sleeps for at most half a millisecond.
//
// A VLAN of the configuration has a TAP of its own, which shows its frames without the tag. Frames
// of other VLANs appear with their tag on the port's TAP, for interfaces that the operator made
// there.
#pragma once

#include <rte_ring.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "dataplane/dpdk/mbuf_frame.h"
#include "dataplane/dpdk/punt_class.h"
#include "dataplane/dpdk/steer.h"

namespace isthmus::dpdk {

class Punt {
public:
    struct Way {
        int fd = -1;
        std::uint16_t port = 0, vlan = 0;  // vlan 0: the port itself
        rte_ring* to_worker = nullptr;     // the one that transmits for the port
    };
    struct Stats {
        std::atomic<std::uint64_t> punted{0}, punt_dropped{0}, from_kernel{0},
            from_kernel_dropped{0};
    };

    explicit Punt(unsigned n_ports) : stats_(n_ports) {}
    ~Punt() { stop(); }
    Punt(const Punt&) = delete;
    Punt& operator=(const Punt&) = delete;

    /// Before start(); a port's own way before those of its VLANs.
    void add_way(const Way& way) { ways_.push_back(way); }
    /// Rings from workers; classes in order of importance.
    void add_source(unsigned punt_class, rte_ring* from) { from_[punt_class].push_back(from); }
    void start(BufferSource buffers);
    void stop() noexcept;
    [[nodiscard]] const Stats& stats(unsigned port) const { return stats_[port]; }

private:
    void run() noexcept;
    unsigned to_kernel(rte_ring* from) noexcept;
    unsigned from_kernel(const Way& way) noexcept;
    /// Where a frame goes; its tag is taken out when the TAP is the VLAN's own.
    [[nodiscard]] int way_of(rte_mbuf* m) const noexcept;

    std::vector<Way> ways_;
    std::vector<Stats> stats_;
    std::array<std::vector<rte_ring*>, kPuntClasses> from_;
    BufferSource buffers_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace isthmus::dpdk
