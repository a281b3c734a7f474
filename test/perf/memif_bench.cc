// SPDX-License-Identifier: Apache-2.0
// The other end of the gateway's memif ports: a generator and receiver of the fixed workload on one
// core, and a "wire": what stands in the gateway's place and looks at nothing, so that the cost of
// the ports by themselves is known.
//
//   memif_bench generate LEFT.sock RIGHT.sock [--cpu N] [--flows N] [--watch STATUS]
//   memif_bench wire LEFT.sock RIGHT.sock [--cpu N]
//
// generate takes orders, a line each, and answers each with a line of JSON:
//   fill            makes every session; learns the mappings from what arrives on the right
//   run 64|46 MS    as fast as it goes without loss: at most kWindow packets are on their way
//   delay PPS MS    packets at an even rate, 6->4; each carries the time at which it was due
// wire forwards until its input ends, and says what a packet cost.
//
// Every frame carries a word and its complement, so that checksums hold whatever the word is.
// Time in which the kernel took away our core, or that of the thread whose /proc status is given,
// is left out.
#include <poll.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "test/perf/measure.h"
#include "test/perf/memif_frames.h"

namespace {

using namespace workload;

constexpr unsigned kBurst = 64, kWindow = 1024;

struct Options {
    bool is_wire = false;
    std::string left, right, watch;
    std::uint32_t flows = 1000;
    int cpu = -1;
};

std::uint16_t open_port(const char* name, rte_mempool* pool) {
    std::uint16_t id = 0;
    const rte_eth_conf conf{};
    if (rte_eth_dev_get_port_by_name(name, &id) != 0 || rte_eth_dev_configure(id, 1, 1, &conf) != 0)
        fail("no memif port");
    const int node = rte_eth_dev_socket_id(id);
    const auto socket = node < 0 ? 0U : static_cast<unsigned>(node);
    if (rte_eth_rx_queue_setup(id, 0, 2048, socket, nullptr, pool) != 0 ||
        rte_eth_tx_queue_setup(id, 0, 2048, socket, nullptr) != 0 || rte_eth_dev_start(id) != 0)
        fail("a memif port does not start");
    return id;
}

void wait_for_link(std::uint16_t id) {
    rte_eth_link link{};
    for (unsigned tries = 0; tries < 10000; tries++) {
        (void)rte_eth_link_get_nowait(id, &link);
        if (link.link_status == RTE_ETH_LINK_UP) return;
        rte_delay_us_sleep(1000);
    }
    fail("nobody is at the other end of a memif port");
}

class Generator {
public:
    Generator(const Options& o, rte_mempool* pool) : o_(o), pool_(pool), templates_(o.flows) {
        port_[0] = open_port("net_memif0", pool);
        port_[1] = open_port("net_memif1", pool);
        for (const std::uint16_t p : port_) wait_for_link(p);
    }

    void obey() {
        std::puts("{\"name\":\"ready\"}");
        std::fflush(stdout);
        for (std::string line; std::getline(std::cin, line);) {
            std::istringstream words(line);
            std::string what;
            double a = 0, b = 0;
            words >> what >> a >> b;
            if (what == "fill") {
                fill();
            } else if (what == "run" && (a == 64 || a == 46) && b > 0) {
                run(a == 64, static_cast<std::uint64_t>(b));
            } else if (what == "delay" && a > 0 && b > 0) {
                delay(a, static_cast<std::uint64_t>(b));
            } else {
                fail("orders are: fill, run 64|46 MS, delay PPS MS");
            }
            std::fflush(stdout);
        }
    }

private:
    [[nodiscard]] std::uint16_t from(bool v6) const { return port_[v6 ? 0 : 1]; }
    [[nodiscard]] std::uint16_t to(bool v6) const { return port_[v6 ? 1 : 0]; }

    /// Sends flows [at, at + n), each with the word that `word_of(flow, k)` gives; how many left.
    template <typename Word>
    unsigned send(std::uint32_t at, unsigned n, bool v6, Word&& word_of) {
        std::array<rte_mbuf*, kBurst> frames;
        if (rte_pktmbuf_alloc_bulk(pool_, frames.data(), n) != 0) fail("no buffer is left");
        const unsigned bytes = templates_.frame_bytes(v6);
        for (unsigned i = 0; i < n; i++) {
            const std::uint32_t flow = (at + i) % templates_.size();
            auto* data = rte_pktmbuf_mtod(frames[i], std::uint8_t*);
            std::memcpy(data, templates_.frame(flow, v6), kBytesMost);
            const std::uint64_t word = word_of(flow, i), complement = ~word;
            std::memcpy(data + (v6 ? 54 : 34) + kWordAt, &word, 8);
            std::memcpy(data + (v6 ? 54 : 34) + kWordAt + 8, &complement, 8);
            frames[i]->data_len = static_cast<std::uint16_t>(bytes);
            frames[i]->pkt_len = bytes;
        }
        const unsigned sent =
            rte_eth_tx_burst(from(v6), 0, frames.data(), static_cast<std::uint16_t>(n));
        if (sent < n) rte_pktmbuf_free_bulk(frames.data() + sent, n - sent);
        return sent;
    }
    /// What arrived; `see(l4, ip, word)` looks at each that is ours.
    template <typename See>
    unsigned receive(bool v6, See&& see) {
        std::array<rte_mbuf*, kBurst> frames;
        const unsigned n = rte_eth_rx_burst(to(v6), 0, frames.data(), kBurst);
        unsigned ours = 0;
        for (unsigned i = 0; i < n; i++) {
            const auto* ip = rte_pktmbuf_mtod(frames[i], const std::uint8_t*) + 14;
            const std::uint8_t* const l4 = ip + (ip[0] >> 4 == 4 ? 20 : 40);
            std::uint64_t word = 0, complement = 0;
            std::memcpy(&word, l4 + kWordAt, 8);
            std::memcpy(&complement, l4 + kWordAt + 8, 8);
            if (complement != ~word) continue;
            see(l4, ip, word);
            ours++;
        }
        rte_pktmbuf_free_bulk(frames.data(), n);
        return ours;
    }
    static constexpr auto kBlind = [](const std::uint8_t*, const std::uint8_t*, std::uint64_t) {};

    [[nodiscard]] long switches() const {
        long n = preemptions();
        if (o_.watch.empty()) return n;
        std::ifstream in(o_.watch);
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("nonvoluntary")) n += std::stol(line.substr(line.find(':') + 1));
        }
        return n;
    }

    void fill() {
        std::uint64_t best = ~std::uint64_t{0};
        const std::uint64_t begin = rte_rdtsc();
        std::uint32_t known = 0, window_first = 0;
        std::uint64_t window_began = begin;
        for (unsigned round = 0; round < 5 && known < templates_.size(); round++) {
            std::uint32_t at = 0, on_way = 0;
            std::uint64_t last = rte_rdtsc();
            while (at < templates_.size() || on_way != 0) {
                const bool more = at < templates_.size() && on_way + kBurst <= kWindow;
                const unsigned n =
                    more ? std::min<std::uint32_t>(kBurst, templates_.size() - at) : 0;
                const unsigned sent =
                    n == 0 ? 0 : send(at, n, true, [](std::uint32_t f, unsigned) { return f; });
                at += sent;
                on_way += sent;
                const unsigned got = receive(
                    true, [&](const std::uint8_t* l4, const std::uint8_t* ip, std::uint64_t f) {
                        if (f >= templates_.size() ||
                            templates_.is_known(static_cast<std::uint32_t>(f)))
                            return;
                        templates_.learn(static_cast<std::uint32_t>(f),
                                         load_ipv4(ip + ipv4_at::kSource), load_be16(l4));
                        known++;
                    });
                on_way -= std::min(on_way, got);
                const std::uint64_t now = rte_rdtsc();
                if (known - window_first >= 8192) {
                    best = std::min(best, (now - window_began) * 1000 / (known - window_first));
                    window_first = known;
                    window_began = now;
                }
                if (got != 0) last = now;
                if (now - last > rte_get_tsc_hz() / 5) on_way = 0;  // lost
            }
        }
        if (known < templates_.size())
            fail("not every session was made: see isthmusctl show drops");
        const double all = static_cast<double>(rte_rdtsc() - begin) / templates_.size();
        const double least = best == ~std::uint64_t{0} ? all : static_cast<double>(best) / 1000;
        report("setup", true, std::min(least, all), all, "");
    }

    void run(bool v6, std::uint64_t ms) {
        const std::uint64_t hz = rte_get_tsc_hz(), end = rte_rdtsc() + hz / 1000 * ms;
        Windows windows;
        std::uint64_t lost = 0;
        std::uint32_t at = 0, on_way = 0;
        std::uint64_t began = rte_rdtsc(), last = began, got_in_window = 0, total = 0;
        long before = switches();
        while (rte_rdtsc() < end) {
            if (on_way + kBurst <= kWindow) {
                const unsigned sent =
                    send(at, kBurst, v6, [](std::uint32_t f, unsigned) { return f; });
                at = (at + sent) % templates_.size();
                on_way += sent;
            }
            const unsigned got = receive(v6, kBlind);
            on_way -= std::min(on_way, got);
            got_in_window += got;
            total += got;
            const std::uint64_t now = rte_rdtsc();
            if (got != 0) last = now;
            if (now - last > hz / 5) lost += std::exchange(on_way, 0U);
            if (now - began < hz / 100) continue;
            const long after = switches();
            if (got_in_window != 0) {
                windows.add(static_cast<double>(now - began) / static_cast<double>(got_in_window),
                            after != before);
            }
            before = after;
            began = rte_rdtsc();
            got_in_window = 0;
        }
        drain(v6, on_way);
        lost += on_way;
        const Spread s = windows.spread();
        report("memif", v6, s.min, s.median,
               ",\"packets\":" + std::to_string(total) + ",\"lost\":" + std::to_string(lost) +
                   ",\"windows\":" + std::to_string(windows.n_quiet()) + s.warning());
    }
    void drain(bool v6, std::uint32_t& on_way) {
        for (std::uint64_t last = rte_rdtsc();
             on_way != 0 && rte_rdtsc() - last < rte_get_tsc_hz() / 50;) {
            const unsigned got = receive(v6, kBlind);
            if (got != 0) last = rte_rdtsc();
            on_way -= std::min(on_way, got);
        }
    }

    /// Rounds of 20 ms; what is still on its way at a round's end is waited for, then counts as
    /// lost.
    void delay(double pps, std::uint64_t ms) {
        Histogram all;
        std::uint64_t lost = 0, sent_in_all = 0;
        unsigned left_out = 0;
        for (std::uint64_t round = 0; round < ms / 20; round++) {
            Histogram h;
            const long before = switches();
            const std::uint64_t sent = delay_round(static_cast<double>(rte_get_tsc_hz()) / pps, h);
            if (switches() != before) {
                left_out++;
                continue;
            }
            sent_in_all += sent;
            lost += sent - h.n();
            all.add(h);
        }
        const auto hz = static_cast<double>(rte_get_tsc_hz());
        std::printf(
            "{\"name\":\"latency\",\"direction\":\"64\",\"flows\":%u,\"burst\":0,\"pool\":16,"
            "\"frame_bytes\":%u,\"protocol\":\"udp\",\"device\":\"memif\",\"clk_min\":%.1f,"
            "\"clk_median\":%.1f,\"pps\":%.0f,\"packets\":%lu,\"lost\":%lu,\"rounds_left_out\":%u,"
            "\"us_p50\":%.2f,\"us_p90\":%.2f,\"us_p99\":%.2f,"
            "\"us_p999\":%.2f,\"us_p9999\":%.2f,\"us_max\":%.2f}\n",
            o_.flows, templates_.frame_bytes(true) + 4, all.us(0) * hz / 1e6,
            all.us(0.5) * hz / 1e6, pps, sent_in_all, lost, left_out, all.us(0.5), all.us(0.9),
            all.us(0.99), all.us(0.999), all.us(0.9999), all.longest());
    }
    std::uint64_t delay_round(double interval, Histogram& h) {
        const std::uint64_t begin = rte_rdtsc(), end = begin + rte_get_tsc_hz() / 50;
        const auto due_at = [&](std::uint64_t k) {
            return begin + static_cast<std::uint64_t>(static_cast<double>(k) * interval);
        };
        std::uint64_t sent = 0;
        for (std::uint64_t now = begin; now < end + rte_get_tsc_hz() / 500; now = rte_rdtsc()) {
            const auto n_due = static_cast<std::uint64_t>(
                static_cast<double>(std::min(now, end) - begin) / interval);
            if (n_due > sent) {
                const auto n = static_cast<unsigned>(std::min<std::uint64_t>(n_due - sent, kBurst));
                const auto at = static_cast<std::uint32_t>(sent % templates_.size());
                sent +=
                    send(at, n, true, [&](std::uint32_t, unsigned i) { return due_at(sent + i); });
            }
            // What an earlier round left behind was counted as lost.
            (void)receive(true, [&](const std::uint8_t*, const std::uint8_t*, std::uint64_t due) {
                if (due >= begin) h.add(rte_rdtsc() - due);
            });
            if (now >= end && h.n() == sent) break;
        }
        return sent;
    }

    void report(const char* name, bool v6, double min, double median,
                const std::string& more) const {
        std::printf(
            "{\"name\":\"%s\",\"direction\":\"%s\",\"flows\":%u,\"burst\":%u,\"pool\":16,"
            "\"frame_bytes\":%u,\"protocol\":\"udp\",\"port_block\":0,\"device\":\"memif\","
            "\"clk_min\":%.1f,\"clk_median\":%.1f%s}\n",
            name, v6 ? "64" : "46", o_.flows, kBurst, templates_.frame_bytes(v6) + 4, min, median,
            more.c_str());
    }

    const Options& o_;
    rte_mempool* pool_;
    Templates templates_;
    std::array<std::uint16_t, 2> port_{};
};

/// Both ports' frames go out of the other one, unseen. Counted as the gateway counts: turns
/// that found something.
void be_wire(rte_mempool* pool) {
    const std::array<std::uint16_t, 2> port = {open_port("net_memif0", pool),
                                               open_port("net_memif1", pool)};
    std::puts("{\"name\":\"ready\"}");
    std::fflush(stdout);
    constexpr std::uint64_t kWindowPackets = 65536;
    std::uint64_t cycles = 0, packets = 0;
    std::vector<double> windows;
    pollfd input{0, POLLIN, 0};
    for (std::uint32_t turn = 1; turn % 65536 != 0 || poll(&input, 1, 0) == 0; turn++) {
        const std::uint64_t begin = rte_rdtsc();
        unsigned n = 0;
        for (unsigned side = 0; side < 2; side++) {
            std::array<rte_mbuf*, kBurst> frames;
            const std::uint16_t got = rte_eth_rx_burst(port[side], 0, frames.data(), kBurst);
            const std::uint16_t sent =
                got == 0 ? got : rte_eth_tx_burst(port[1 - side], 0, frames.data(), got);
            if (sent < got) rte_pktmbuf_free_bulk(frames.data() + sent, got - sent);
            n += got;
        }
        if (n == 0) continue;
        cycles += rte_rdtsc() - begin;
        packets += n;
        if (packets < kWindowPackets) continue;
        windows.push_back(static_cast<double>(cycles) / static_cast<double>(packets));
        cycles = packets = 0;
    }
    const Spread s = spread_of(windows);
    std::printf("{\"name\":\"wire_worker\",\"clk_min\":%.1f,\"clk_median\":%.1f}\n", s.min,
                s.median);
}

constexpr const char* kUsage =
    "usage: memif_bench generate|wire LEFT.sock RIGHT.sock [--cpu N] [--flows N] [--watch "
    "FILE]";

Options parse(int argc, char** argv) {
    if (argc < 4 || argc % 2 != 0) fail(kUsage);
    Options o;
    const std::string_view mode = argv[1];
    if (mode != "generate" && mode != "wire") fail(kUsage);
    o.is_wire = mode == "wire";
    o.left = argv[2];
    o.right = argv[3];
    for (int i = 4; i < argc; i += 2) {
        const std::string_view key = argv[i];
        const std::vector<unsigned> v = numbers(argv[i + 1]);
        if (key == "--watch") {
            o.watch = argv[i + 1];
        } else if (key == "--cpu" && v.size() == 1) {
            o.cpu = static_cast<int>(v[0]);
        } else if (key == "--flows" && v.size() == 1 && v[0] >= kBurst) {
            o.flows = v[0];
        } else {
            fail(kUsage);
        }
    }
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    const std::string role = o.is_wire ? "server" : "client";
    const auto vdev = [&](const char* id, const std::string& socket) {
        return std::string("net_memif") + id + ",role=" + role + ",id=0,socket=" + socket +
               ",socket-abstract=no,rsize=12";
    };
    const std::string lcore = "0@" + std::to_string(o.cpu >= 0 ? o.cpu : sched_getcpu());
    std::string args[] = {"memif_bench",
                          "--no-huge",
                          "-m",
                          "128",
                          "--no-pci",
                          "--lcores",
                          lcore,
                          "--log-level",
                          "error",
                          "--no-shconf",
                          "--no-telemetry",
                          "--file-prefix",
                          "memif_bench" + std::to_string(getpid()),
                          "--vdev",
                          vdev("0", o.left),
                          "--vdev",
                          vdev("1", o.right)};
    std::vector<char*> raw;
    for (std::string& a : args) raw.push_back(a.data());
    if (rte_eal_init(static_cast<int>(raw.size()), raw.data()) < 0) fail("EAL does not start");
    rte_mempool* const pool =
        rte_pktmbuf_pool_create("frames", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (pool == nullptr) fail("no memory for frames");
    pin(o.cpu);
    if (o.is_wire) {
        be_wire(pool);
    } else {
        Generator(o, pool).obey();
    }
}
