// SPDX-License-Identifier: Apache-2.0
// A worker: one lcore that takes bursts from its queues, runs the pipeline over them, and acts on
// what came out.
//
// One turn: read the clock and the snapshot once; take what other workers and the kernel left in
// our rings; take a burst from each queue; run the pipeline; send, hand over, punt, free; let the
// pipeline do its housekeeping. No lock and, but for the nap of an idle worker, no system call of
// ours (kernel devices make theirs inside the driver).
//
// Quiescence: a turn notes the ticket it began with, and reports it when it ends. When all workers
// have reported a ticket, none can hold anything of before it. A worker that does not run has
// passed everything.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/stats/counters.h"
#include "dataplane/agent/workers.h"
#include "dataplane/dpdk/idle.h"
#include "dataplane/dpdk/mbuf_frame.h"
#include "dataplane/dpdk/punt_class.h"
#include "dataplane/dpdk/steer.h"
#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/interface.h"

namespace isthmus::dpdk {

/// What the agent changes and the workers read: one for all.
struct alignas(kCacheLine) Published {
    std::atomic<const pipeline::Snapshot*> snapshot{nullptr};
    std::atomic<std::uint64_t> ticket{1};
    std::atomic<bool> stop{false};
    /// Longest frame each port takes, in bytes; follows its MTU.
    std::array<std::atomic<std::uint32_t>, pipeline::kPortsMax> frame_max{};
};

/// A receive queue that this worker polls.
struct RxQueue {
    std::uint16_t dpdk_port = 0, queue = 0;
    std::uint16_t port = 0;  // ours
};

/// How this worker's frames leave a port: by a queue of its own, or by the worker that has one.
struct TxPath {
    std::uint16_t dpdk_port = 0;
    int queue = -1;
    unsigned via_worker = 0;  // when queue < 0
};

struct WorkerSetup {
    unsigned id = 0, cpu = 0, lcore = 0;
    int node = -1;
    bool may_sleep = false;
    Clock clock;
    BufferSource buffers;
    Published* published = nullptr;
    pipeline::WorkerState* state = nullptr;
    Counters* counters = nullptr;
    std::vector<RxQueue> rx;
    std::vector<TxPath> tx;                     // by port
    std::vector<rte_ring*> handover_in, tx_in;  // one from each other worker
    std::vector<rte_ring*> handover_to, tx_to;  // by worker id; nullptr: none
    std::array<rte_ring*, kPuntClasses> punt_to{};
    rte_ring* from_kernel = nullptr;
};

class Worker {
public:
    explicit Worker(WorkerSetup setup);

    /// Until published->stop. The caller has called about_to_run() before the thread began.
    void run() noexcept;
    /// One turn; packets moved.
    unsigned turn() noexcept;

    void about_to_run() noexcept { passed_.store(0, std::memory_order_release); }
    [[nodiscard]] bool passed(std::uint64_t ticket) const noexcept {
        return passed_.load(std::memory_order_acquire) >= ticket;
    }
    [[nodiscard]] agent::WorkerFacts facts() const;
    [[nodiscard]] const WorkerSetup& setup() const noexcept { return setup_; }

private:
    static constexpr unsigned kRxBurst = 64;
    static constexpr std::uint64_t kNeverRan = ~std::uint64_t{0};

    /// Frames on their way to one port.
    struct TxStage {
        unsigned n = 0;
        std::array<rte_mbuf*, kRxBurst> frames{};
    };

    unsigned receive(const pipeline::Snapshot& cfg, Now now) noexcept;
    unsigned receive_handovers(const pipeline::Snapshot& cfg, Now now) noexcept;
    unsigned forward_ring(rte_ring* from, bool is_kernels) noexcept;
    void run_burst(const pipeline::Snapshot& cfg, Now now) noexcept;

    void act_on_outputs() noexcept;
    void free_done() noexcept;
    void hand_over_all() noexcept;
    void punt_all() noexcept;
    void stage_tx(rte_mbuf* m, unsigned port) noexcept;
    void send(unsigned port) noexcept;
    void send_by_other(unsigned port, unsigned n) noexcept;
    void send_all() noexcept;
    void drop(rte_mbuf* m, Drop why) noexcept;
    void note_dropped(const rte_mbuf* m, Drop why) noexcept;
    void note_turn(std::uint64_t begin_cycles, unsigned n) noexcept;

    static bool alloc_for_pipeline(void* self, std::uint32_t bytes, pipeline::Packet& out);
    static void flush_for_pipeline(void* self, pipeline::Burst& burst);

    WorkerSetup setup_;
    std::unique_ptr<pipeline::Burst> burst_;
    std::array<TxStage, pipeline::kPortsMax> tx_;
    std::vector<Outbox> handover_out_, tx_out_;
    std::array<Outbox, kPuntClasses> punt_out_;
    std::array<std::array<TokenBucket, kPuntClasses>, pipeline::kPortsMax> police_;
    Idle idle_;
    Now now_;

    // Read by other threads; written by this one only.
    alignas(kCacheLine) std::atomic<std::uint64_t> passed_{kNeverRan};
    std::atomic<std::uint64_t> turns_{0}, busy_turns_{0}, busy_cycles_{0}, turn_max_cycles_{0};
};

}  // namespace isthmus::dpdk
