// SPDX-License-Identifier: Apache-2.0
// Cycles per packet of the whole dataplane: a worker's turn as it runs in production, with DPDK
// devices on both sides. The devices are rings in memory (net_ring), so there is no wire; what they
// cost by themselves is measured in the same run, by moving the same bursts from one to the other
// without looking at them ("wire"), and both figures are shown.
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "dataplane/dpdk/worker.h"
#include "test/perf/measure.h"

namespace {

using namespace workload;

constexpr auto kAnyNode = static_cast<unsigned>(SOCKET_ID_ANY);
constexpr unsigned kBurst = 64, kWindow = 64;  // packets, bursts

struct Options {
    std::uint32_t flows = 1000;
    unsigned windows = 100;
    int cpu = -1;
    bool realtime = false;
};

struct Device {
    rte_ring* in = nullptr;   // what the worker receives
    rte_ring* out = nullptr;  // what it sends
    std::uint16_t id = 0;

    void make(const std::string& name, rte_mempool* pool) {
        in = rte_ring_create((name + "_in").c_str(), 1024, SOCKET_ID_ANY,
                             RING_F_SP_ENQ | RING_F_SC_DEQ);
        out = rte_ring_create((name + "_out").c_str(), 1024, SOCKET_ID_ANY,
                              RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (in == nullptr || out == nullptr) fail("no rings");
        const int port = rte_eth_from_rings(name.c_str(), &in, 1, &out, 1, 0);
        if (port < 0) fail("no ring device");
        id = static_cast<std::uint16_t>(port);
        const rte_eth_conf conf{};
        if (rte_eth_dev_configure(id, 1, 1, &conf) != 0 ||
            rte_eth_rx_queue_setup(id, 0, 512, kAnyNode, nullptr, pool) != 0 ||
            rte_eth_tx_queue_setup(id, 0, 512, kAnyNode, nullptr) != 0 ||
            rte_eth_dev_start(id) != 0)
            fail("a ring device does not start");
    }
};

class Bench {
public:
    explicit Bench(const Options& o) : world_(shape_of(o.flows)), windows_(o.windows) {
        auto buffers = dpdk::Buffers::create({8192, 2048 + 128, {SOCKET_ID_ANY}});
        if (!buffers) fail("no buffers");
        buffers_ = std::move(*buffers);
        pool_ = buffers_.of_node(SOCKET_ID_ANY);
        device_[kPort6].make("p6", pool_);
        device_[kPort4].make("p4", pool_);
        published_.snapshot.store(&world_.cfg());
        for (auto& most : published_.frame_max) most.store(2000);
        dpdk::WorkerSetup s;
        s.clock = Clock(__rdtsc() - rte_get_tsc_hz() * 20, rte_get_tsc_hz());
        s.buffers = {pool_, buffers_.large()};
        s.published = &published_;
        s.state = &world_.worker();
        s.counters = &world_.worker().counters;
        for (const std::uint16_t p : {kPort6, kPort4}) {
            s.rx.push_back({device_[p].id, 0, p});
            s.tx.push_back({device_[p].id, 0, 0});
        }
        worker_ = std::make_unique<dpdk::Worker>(s);
        for (std::uint32_t i = 0; i < o.flows; i++) flows_.push_back(flow_of(i));
        std::shuffle(flows_.begin(), flows_.end(), std::mt19937(1));
    }

    void run() {
        for (std::size_t at = 0; at < flows_.size(); at += kBurst) {
            const unsigned n = give(at, true);
            (void)worker_->turn();
            take(kPort4, n, &flows_[at]);
        }
        std::shuffle(flows_.begin(), flows_.end(), std::mt19937(2));
        for (const bool v6 : {true, false}) {
            measure(
                "dataplane", v6, [&] { (void)worker_->turn(); }, v6 ? kPort4 : kPort6);
            measure(
                "wire", v6, [&] { move(v6 ? kPort6 : kPort4); }, v6 ? kPort6 : kPort4);
        }
    }

private:
    static Shape shape_of(std::uint32_t n) {
        Shape s;
        s.flows = n;
        return s;
    }
    /// A burst of the flows from `at` on is put where the worker will find it.
    unsigned give(std::size_t at, bool v6) {
        const auto n = static_cast<unsigned>(std::min<std::size_t>(kBurst, flows_.size() - at));
        const unsigned bytes = world_.frame_bytes(v6);
        std::array<rte_mbuf*, kBurst> frames{};
        if (rte_pktmbuf_alloc_bulk(pool_, frames.data(), n) != 0) fail("no buffer is left");
        for (unsigned i = 0; i < n; i++) {
            world_.write(0, flows_[at + i], v6);
            frames[i]->data_len = static_cast<std::uint16_t>(bytes);
            frames[i]->pkt_len = bytes;
            std::memcpy(rte_pktmbuf_mtod(frames[i], void*), world_.frame(0) + World::kHead, bytes);
        }
        rte_ring* const to = device_[v6 ? kPort6 : kPort4].in;
        if (rte_ring_enqueue_bulk(to, reinterpret_cast<void**>(frames.data()), n, nullptr) != n)
            fail("a ring is full");
        return n;
    }
    /// Takes `n` frames that were sent; learns the flows' mappings from them when `learn`.
    void take(std::uint16_t port, unsigned n, Flow* learn) {
        std::array<rte_mbuf*, kBurst> frames{};
        const unsigned got = rte_ring_dequeue_burst(
            device_[port].out, reinterpret_cast<void**>(frames.data()), kBurst, nullptr);
        if (got != n) fail("packets were lost: the figures would mean nothing");
        for (unsigned i = 0; i < n && learn != nullptr; i++) {
            const auto* ip = rte_pktmbuf_mtod(frames[i], const std::uint8_t*) + 14;
            learn[i].t_addr = load_ipv4(ip + ipv4_at::kSource);
            learn[i].t_id = load_be16(ip + 20);
        }
        rte_pktmbuf_free_bulk(frames.data(), n);
    }
    void move(std::uint16_t port) {
        std::array<rte_mbuf*, kBurst> frames;
        const std::uint16_t n = rte_eth_rx_burst(device_[port].id, 0, frames.data(), kBurst);
        (void)rte_eth_tx_burst(device_[port].id, 0, frames.data(), n);
    }
    template <typename Turn>
    void measure(const char* name, bool v6, Turn&& turn, std::uint16_t out) {
        Windows clk;
        std::size_t at = 0;
        for (unsigned w = 0; w < windows_ + 2; w++) {
            const long before = preemptions();
            std::uint64_t cycles = 0;
            unsigned packets = 0;
            for (unsigned b = 0; b < kWindow; b++) {
                const unsigned n = give(at, v6);
                const std::uint64_t begin = __rdtsc();
                turn();
                cycles += __rdtsc() - begin;
                take(out, n, nullptr);
                at = (at + n) % flows_.size();
                packets += n;
            }
            // The first windows warm up.
            if (w >= 2) clk.add(static_cast<double>(cycles) / packets, preemptions() != before);
        }
        const Spread s = clk.spread();
        std::printf(
            "{\"name\":\"%s\",\"direction\":\"%s\",\"flows\":%zu,\"burst\":%u,\"pool\":16,"
            "\"frame_bytes\":%u,\"protocol\":\"udp\",\"port_block\":0,\"device\":\"net_ring\","
            "\"clk_min\":%.1f,\"clk_median\":%.1f%s}\n",
            name, v6 ? "64" : "46", flows_.size(), kBurst, world_.frame_bytes(v6) + 4, s.min,
            s.median, s.warning());
        std::fflush(stdout);
    }

    World world_;
    unsigned windows_;
    dpdk::Buffers buffers_;
    rte_mempool* pool_ = nullptr;
    Device device_[2];
    dpdk::Published published_;
    std::unique_ptr<dpdk::Worker> worker_;
    std::vector<Flow> flows_;
};

constexpr const char* kUsage =
    "usage: port_bench [--flows N] [--windows N] [--cpu N] [--realtime]; flows: a multiple of 64";

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view key = argv[i];
        if (key == "--realtime") {
            o.realtime = true;
            continue;
        }
        const std::vector<unsigned> v = numbers(i + 1 < argc ? argv[++i] : "");
        if (v.size() != 1) fail(kUsage);
        if (key == "--flows") {
            o.flows = v[0];
        } else if (key == "--windows") {
            o.windows = v[0];
        } else if (key == "--cpu") {
            o.cpu = static_cast<int>(v[0]);
        } else {
            fail(kUsage);
        }
    }
    if (o.flows == 0 || o.flows % kBurst != 0) fail(kUsage);
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    const std::string lcore = "0@" + std::to_string(o.cpu >= 0 ? o.cpu : sched_getcpu());
    const std::string prefix = "port_bench" + std::to_string(getpid());
    std::string args[] = {"port_bench",     "--no-huge",     "-m",          "256",   "--no-pci",
                          "--lcores",       lcore,           "--log-level", "error", "--no-shconf",
                          "--no-telemetry", "--file-prefix", prefix};
    std::vector<char*> raw;
    for (std::string& a : args) raw.push_back(a.data());
    if (rte_eal_init(static_cast<int>(raw.size()), raw.data()) < 0) fail("EAL does not start");
    pin(o.cpu, o.realtime);
    Bench(o).run();
}
