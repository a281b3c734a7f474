// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#include <utility>

#include "common/base/cpu_level.h"
#include "dataplane/pipeline/pipeline.h"

namespace isthmus::dpdk {
namespace {

/// How often a full transmit queue is asked again before frames are dropped.
constexpr unsigned kTxTries = 3;

void add(std::atomic<std::uint64_t>& cell, std::uint64_t n) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

void nap(std::uint32_t ns) noexcept {
    const timespec t{0, static_cast<long>(ns)};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, nullptr);
}

}  // namespace

Worker::Worker(WorkerSetup setup)
    : setup_(std::move(setup)),
      burst_(std::make_unique<pipeline::Burst>()),
      idle_(setup_.may_sleep) {
    burst_->edge = {this, &alloc_for_pipeline, &flush_for_pipeline};
    for (rte_ring* r : setup_.handover_to) handover_out_.emplace_back(r);
    for (rte_ring* r : setup_.tx_to) tx_out_.emplace_back(r);
    for (unsigned c = 0; c < kPuntClasses; c++) {
        punt_out_[c] = Outbox(setup_.punt_to[c]);
        for (auto& port : police_) {
            port[c] = TokenBucket(kPuntRates[c].per_second, kPuntRates[c].burst);
        }
    }
}

void Worker::run() noexcept {
    // Naps of microseconds: the default slack of 50 us would be most of each.
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    while (!setup_.published->stop.load(std::memory_order_relaxed)) {
        const unsigned n = turn();
        const bool hurries = setup_.state->engine.hurries();
        const std::uint32_t sleep_ns = idle_.after(hurries ? 1 : n);
        if (sleep_ns != 0) {
            nap(sleep_ns);
        } else {
            rte_pause();
        }
    }
    passed_.store(kNeverRan, std::memory_order_release);
}

unsigned Worker::turn() noexcept {
    const std::uint64_t ticket = setup_.published->ticket.load(std::memory_order_acquire);
    const pipeline::Snapshot* cfg = setup_.published->snapshot.load(std::memory_order_acquire);
    const std::uint64_t begin = rte_rdtsc();
    now_ = setup_.clock.at(begin);
    StageClock& stages = setup_.state->stages;
    stages.start(begin);
    unsigned n = 0;
    n += forward_ring(setup_.from_kernel, true);
    for (rte_ring* r : setup_.tx_in) n += forward_ring(r, false);
    if (cfg != nullptr) {
        n += receive_handovers(*cfg, now_);
        n += receive(*cfg, now_);
        run_burst(*cfg, now_);
        pipeline::end_turn(*burst_, *cfg, *setup_.state, now_);
        if (n != 0) stages.end(Stage::housekeeping, n);
    }
    act_on_outputs();
    note_turn(begin, n);
    if (passed_.load(std::memory_order_relaxed) != ticket) {
        passed_.store(ticket, std::memory_order_release);
    }
    return n;
}

/// A burst from each of our queues; several queues share one run of the pipeline.
unsigned Worker::receive(const pipeline::Snapshot& cfg, Now now) noexcept {
    pipeline::Burst& b = *burst_;
    unsigned total = 0;
    std::uint64_t bytes = 0;
    std::array<rte_mbuf*, kRxBurst> frames;
    for (const RxQueue& q : setup_.rx) {
        if (b.n + kRxBurst > pipeline::kBurstMax) run_burst(cfg, now);
        const unsigned n = rte_eth_rx_burst(q.dpdk_port, q.queue, frames.data(), kRxBurst);
        for (unsigned i = 0; i < n; i++) rte_prefetch0(rte_pktmbuf_mtod(frames[i], void*));
        for (unsigned i = 0; i < n; i++) {
            if (packet_of(frames[i], setup_.buffers, q.port, b.in[b.n])) {
                bytes += b.in[b.n].frame.len_bytes;
                b.n++;
            } else {
                setup_.counters->drop(Drop::frame_malformed);
            }
        }
        total += n;
    }
    if (total != 0) {
        setup_.counters->add(Counter::rx_packets, total);
        setup_.counters->add(Counter::rx_bytes, bytes);
    }
    return total;
}

unsigned Worker::receive_handovers(const pipeline::Snapshot& cfg, Now now) noexcept {
    pipeline::Burst& b = *burst_;
    unsigned total = 0;
    std::array<rte_mbuf*, kRingBurst> frames;
    for (rte_ring* r : setup_.handover_in) {
        if (b.n + kRingBurst > pipeline::kBurstMax) run_burst(cfg, now);
        const unsigned n = take(r, frames);
        for (unsigned i = 0; i < n; i++) unpack_from_worker(frames[i], b.in[b.n++]);
        total += n;
    }
    if (total != 0) setup_.counters->add(Counter::taken_over, total);
    return total;
}

/// Frames that only want to be sent: the kernel's, and those of workers without a queue.
unsigned Worker::forward_ring(rte_ring* from, bool is_kernels) noexcept {
    if (from == nullptr) return 0;
    std::array<rte_mbuf*, kRingBurst> frames;
    const unsigned n = take(from, frames);
    if (n == 0) return 0;
    for (unsigned i = 0; i < n; i++) stage_tx(frames[i], facts_of(frames[i]).port);
    if (is_kernels) setup_.counters->add(Counter::from_kernel, n);
    return n;
}

void Worker::run_burst(const pipeline::Snapshot& cfg, Now now) noexcept {
    const unsigned n = burst_->n;
    if (n == 0) return;
    setup_.state->stages.end(Stage::receive, n);
    pipeline::run_pipeline(*burst_, cfg, *setup_.state, now);
    burst_->n = 0;
    act_on_outputs();
    setup_.state->stages.end(Stage::transmit, n);
}

void Worker::act_on_outputs() noexcept {
    pipeline::Burst& b = *burst_;
    for (unsigned i = 0; i < b.tx.n; i++) {
        const pipeline::Packet& p = b.tx.item[i];
        rte_mbuf* m = nullptr;
        if (mbuf_of(p, m) && restore_tag(p, m)) {
            stage_tx(m, p.port);
        } else {
            drop(m, Drop::frame_malformed);
        }
    }
    b.tx.clear();
    punt_all();
    hand_over_all();
    free_done();
    send_all();
}

void Worker::free_done() noexcept {
    auto& done = burst_->done;
    std::array<rte_mbuf*, pipeline::kOutMax> frames;
    for (unsigned i = 0; i < done.n; i++) frames[i] = static_cast<rte_mbuf*>(done.item[i].buffer);
    if (done.n != 0) rte_pktmbuf_free_bulk(frames.data(), done.n);
    done.clear();
}

void Worker::hand_over_all() noexcept {
    auto& list = burst_->handover;
    if (list.n == 0) return;
    unsigned lost = 0;
    for (unsigned i = 0; i < list.n; i++) {
        const pipeline::Packet& p = list.item[i];
        rte_mbuf* m = nullptr;
        if (!pack_for_worker(p, m) || p.to_worker >= handover_out_.size() ||
            !handover_out_[p.to_worker].is_open()) {
            drop(m, Drop::frame_malformed);
            continue;
        }
        lost += handover_out_[p.to_worker].add(m);
    }
    for (Outbox& o : handover_out_) lost += o.flush();
    setup_.counters->add(Counter::handed_over, list.n);
    if (lost != 0) setup_.counters->drop(Drop::handover_full, lost);
    list.clear();
}

void Worker::punt_all() noexcept {
    auto& list = burst_->punt;
    if (list.n == 0) return;
    unsigned lost = 0, given = 0;
    for (unsigned i = 0; i < list.n; i++) {
        const pipeline::Packet& p = list.item[i];
        rte_mbuf* m = nullptr;
        if (!mbuf_of(p, m) || p.port >= setup_.tx.size() || !restore_tag(p, m)) {
            drop(m, Drop::frame_malformed);
            continue;
        }
        const auto c = static_cast<unsigned>(
            classify_punt({rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len}));
        if (!police_[p.port][c].take(now_.ns)) {
            drop(m, Drop::punt_policed);
            continue;
        }
        facts_of(m).port = p.port;
        lost += punt_out_[c].add(m);
        given++;
    }
    for (Outbox& o : punt_out_) lost += o.flush();
    setup_.counters->add(Counter::punted, given - lost);
    if (lost != 0) setup_.counters->drop(Drop::punt_full, lost);
    list.clear();
}

void Worker::stage_tx(rte_mbuf* m, unsigned port) noexcept {
    if (unlikely(port >= setup_.tx.size())) return drop(m, Drop::frame_malformed);
    // A frame longer than the device was told of can stop some devices for good.
    if (unlikely(m->data_len < 14 ||
                 m->data_len > setup_.published->frame_max[port].load(std::memory_order_relaxed))) {
        return drop(m, Drop::too_big);
    }
    TxStage& stage = tx_[port];
    stage.frames[stage.n++] = m;
    if (stage.n == stage.frames.size()) send(port);
}

void Worker::send(unsigned port) noexcept {
    TxStage& stage = tx_[port];
    const unsigned n = std::exchange(stage.n, 0);
    if (n == 0) return;
    const TxPath& path = setup_.tx[port];
    if (path.queue < 0) return send_by_other(port, n);
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < n; i++) bytes += stage.frames[i]->data_len;
    unsigned sent = 0;
    for (unsigned t = 0; t < kTxTries && sent < n; t++) {
        sent += rte_eth_tx_burst(path.dpdk_port, static_cast<std::uint16_t>(path.queue),
                                 &stage.frames[sent], static_cast<std::uint16_t>(n - sent));
    }
    for (unsigned i = sent; i < n; i++) bytes -= stage.frames[i]->data_len;
    setup_.counters->add(Counter::tx_packets, sent);
    setup_.counters->add(Counter::tx_bytes, bytes);
    if (sent == n) return;
    setup_.counters->drop(Drop::tx_full, n - sent);
    note_dropped(stage.frames[sent], Drop::tx_full);
    rte_pktmbuf_free_bulk(&stage.frames[sent], n - sent);
}

/// The device has fewer transmit queues than there are workers: a neighbour sends for us.
void Worker::send_by_other(unsigned port, unsigned n) noexcept {
    Outbox& out = tx_out_[setup_.tx[port].via_worker];
    unsigned lost = 0;
    for (unsigned i = 0; i < n; i++) {
        rte_mbuf* m = tx_[port].frames[i];
        facts_of(m).port = static_cast<std::uint16_t>(port);
        lost += out.add(m);
    }
    lost += out.flush();
    if (lost != 0) setup_.counters->drop(Drop::tx_full, lost);
}

void Worker::send_all() noexcept {
    for (unsigned port = 0; port < setup_.tx.size(); port++) send(port);
}

void Worker::drop(rte_mbuf* m, Drop why) noexcept {
    setup_.counters->drop(why);
    note_dropped(m, why);
    rte_pktmbuf_free(m);
}

void Worker::note_dropped(const rte_mbuf* m, Drop why) noexcept {
    if (m == nullptr) return;
    std::uint16_t port = pipeline::kPortsMax;  // that it came from, where the device says so
    for (const RxQueue& q : setup_.rx) {
        if (q.dpdk_port == m->port) port = q.port;
    }
    const std::span<const std::uint8_t> bytes{rte_pktmbuf_mtod(m, const std::uint8_t*),
                                              m->data_len};
    setup_.state->dropped.note(why, {bytes, port, pipeline::Starts::at_link}, now_.ns);
}

void Worker::note_turn(std::uint64_t begin_cycles, unsigned n) noexcept {
    add(turns_, 1);
    if (n == 0) return;
    const std::uint64_t cycles = rte_rdtsc() - begin_cycles;
    add(busy_turns_, 1);
    add(busy_cycles_, cycles);
    if (cycles > turn_max_cycles_.load(std::memory_order_relaxed)) {
        turn_max_cycles_.store(cycles, std::memory_order_relaxed);
    }
}

bool Worker::alloc_for_pipeline(void* self, std::uint32_t bytes, pipeline::Packet& out) {
    rte_mbuf* m = take_buffer(static_cast<Worker*>(self)->setup_.buffers, bytes);
    if (m == nullptr) return false;
    out = pipeline::Packet{};
    show_frame(m, out.frame);
    out.buffer = m;
    return true;
}

void Worker::flush_for_pipeline(void* self, pipeline::Burst&) {
    static_cast<Worker*>(self)->act_on_outputs();
}

agent::WorkerFacts Worker::facts() const {
    agent::WorkerFacts f;
    f.id = setup_.id;
    f.cpu = setup_.cpu;
    f.numa_node = setup_.node;
    f.turns = turns_.load(std::memory_order_relaxed);
    f.busy_turns = busy_turns_.load(std::memory_order_relaxed);
    f.busy_cycles = busy_cycles_.load(std::memory_order_relaxed);
    f.cycles_per_second = rte_get_tsc_hz();
    f.turn_max_cycles = turn_max_cycles_.load(std::memory_order_relaxed);
    f.sleeping_allowed = setup_.may_sleep;
    f.instructions = cpu::name_of(cpu::compiled_for());
    return f;
}

}  // namespace isthmus::dpdk
