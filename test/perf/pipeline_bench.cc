// SPDX-License-Identifier: Apache-2.0
// Cycles per packet of the pure pipeline at the fixed workload: from "frame in" to "frame ready to
// send", one worker on one pinned core, frames in memory. No device is in it: what the wire costs
// is measured apart. One line of JSON for each result; scripts/bench makes a page of them.
//
// A window is 4,096 packets. Frames are written 1,024 at a time, outside the measured time. What is
// measured is what a worker does in a turn: read the clock, fill in the burst, run it, end the turn
// (expiry, with real time going by), empty the lists. Windows in which the kernel gave the core to
// somebody else are left out and counted; --realtime asks it not to.
#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "test/perf/workload.h"

namespace {

using namespace workload;

struct Options {
    Shape shape;
    std::vector<unsigned> bursts{64};
    std::vector<int> directions{64, 46};
    unsigned windows = 100;
    unsigned window_packets = 4096;
    int cpu = -1;
    bool stalls = false, realtime = false;
};

std::uint64_t nanos_of_clock() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(t.tv_nsec);
}

double tsc_per_nano() {
    const std::uint64_t n0 = nanos_of_clock(), c0 = __rdtsc();
    while (nanos_of_clock() - n0 < 20'000'000) {
    }
    const std::uint64_t c1 = __rdtsc();
    return static_cast<double>(c1 - c0) / static_cast<double>(nanos_of_clock() - n0);
}

long preemptions() {
    rusage u{};
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
}

struct Spread {
    double min = 0, median = 0;
};
Spread spread_of(std::vector<double> v) {
    if (v.empty()) return {};
    std::sort(v.begin(), v.end());
    return {v.front(), v[v.size() / 2]};
}

class Bench {
public:
    explicit Bench(const Options& o)
        : o_(o),
          world_(o.shape),
          rate_(tsc_per_nano()),
          origin_(__rdtsc()),
          clock_([this](std::uint64_t tsc) {
              return Now::at(
                  Nanos{kNanosPerSecond * (10 + skip_seconds_) +
                        static_cast<std::uint64_t>(static_cast<double>(tsc - origin_) / rate_)});
          }) {
        std::vector<std::uint32_t> order(o.shape.flows);
        std::iota(order.begin(), order.end(), 0U);
        std::mt19937 random(1);
        std::shuffle(order.begin(), order.end(), random);
        for (const std::uint32_t i : order) flows_.push_back(flow_of(i));
    }

    void run() {
        set_up();
        std::mt19937 random(2);
        std::shuffle(flows_.begin(), flows_.end(), random);
        memory();
        measure();
        if (o_.stalls) {
            skip_seconds_ += 400;
            idle_until_empty("expire");
            at_ = 0;
            fill(false);
            nat::ClearOrder all;
            (void)world_.worker().engine.post_clear(all);
            idle_until_empty("clear");
        }
    }

private:
    /// Creates every session, through the pipeline; learns the mappings from what comes out.
    void set_up() {
        fill(true);
        if (!o_.shape.tcp) return;
        for (at_ = 0; at_ < flows_.size();) (void)group(false, 64, true);
    }
    void fill(bool report) {
        std::vector<double> windows;
        turns_.clear();
        for (at_ = 0; at_ < flows_.size();) {
            double cycles = 0;
            std::size_t n = 0;
            const long before = preemptions();
            while (n < 8192 && at_ < flows_.size()) {
                const std::size_t first = at_;
                cycles += group(true, 64, true);
                n += at_ - first;
            }
            if (preemptions() == before) windows.push_back(cycles / static_cast<double>(n));
        }
        if (world_.worker().engine.n_bindings() != flows_.size())
            fail("not every session was made");
        if (report) print("setup", "64", 64, spread_of(windows));
        stall("fill");
    }

    /// Up to 1,024 packets of the next flows; their cycles.
    double group(bool v6, unsigned burst, bool first) {
        const auto n = static_cast<unsigned>(
            std::min<std::size_t>(World::kFrames, first ? flows_.size() - at_ : World::kFrames));
        for (unsigned i = 0; i < n; i++) {
            world_.write(i, flows_[(at_ + i) % flows_.size()], v6, first);
        }
        double cycles = 0;
        unsigned sent = 0;
        const std::uint64_t begin = __rdtsc();
        std::uint64_t turn_began = begin;
        for (unsigned i = 0; i < n; i += burst) {
            world_.receive(i, std::min(burst, n - i), v6);
            world_.turn(clock_(first ? turn_began : __rdtsc()));
            sent += world_.burst().tx.n;
            if (first) {
                const std::uint64_t now = __rdtsc();
                turns_.push_back(static_cast<std::uint32_t>(now - turn_began));
                if (v6) learn(i);
                turn_began = __rdtsc();
                cycles += turns_.back();
            }
            World::clear(world_.burst());
        }
        if (!first) cycles = static_cast<double>(__rdtsc() - begin);
        if (sent != n) fail("packets were lost: the figures would mean nothing");
        at_ = (at_ + n) % (first ? flows_.size() + 1 : flows_.size());
        if (first && at_ == 0) at_ = flows_.size();
        return cycles;
    }
    void learn(unsigned i) {
        const pipeline::Burst& b = world_.burst();
        for (unsigned k = 0; k < b.tx.n; k++) {
            Flow& f = flows_[at_ + i + k];
            const std::uint8_t* ip = b.tx.item[k].frame.data + 14;
            f.t_addr = load_ipv4(ip + ipv4_at::kSource);
            f.t_id = load_be16(ip + 20);
        }
    }

    void measure() {
        for (const int d : o_.directions) {
            std::vector<std::vector<double>> clk(o_.bursts.size());
            at_ = 0;
            for (unsigned w = 0; w < o_.windows; w++) {
                for (std::size_t k = 0; k < o_.bursts.size(); k++) {
                    double cycles = 0;
                    const long before = preemptions();
                    for (unsigned n = 0; n < o_.window_packets; n += World::kFrames)
                        cycles += group(d == 64, o_.bursts[k], false);
                    // The first windows warm up.
                    if (w < 2) continue;
                    if (preemptions() == before) clk[k].push_back(cycles / o_.window_packets);
                }
            }
            for (std::size_t k = 0; k < o_.bursts.size(); k++)
                print("pipeline", d == 64 ? "64" : "46", o_.bursts[k], spread_of(clk[k]));
        }
        check_output();
    }
    /// What left is right: a sample of packets has good checksums.
    void check_output() {
        for (const bool v6 : {true, false}) {
            at_ = 0;
            world_.write(0, flows_[0], v6);
            world_.receive(0, 1, v6);
            world_.turn(clock_(__rdtsc()));
            Frame f = world_.burst().tx.item[0].frame;
            f.pull_front(14);
            xlat::Parsed p;
            const Drop why = v6 ? xlat::parse_v4(f, p) : xlat::parse_v6(f, p);
            if (why != Drop::none || !xlat::transport_checksum_ok(f, p, !v6))
                fail("a translated packet is wrong");
            World::clear(world_.burst());
        }
    }

    void idle_until_empty(const char* what) {
        turns_.clear();
        const std::uint32_t n = world_.worker().engine.n_bindings();
        std::uint32_t left = n;
        double cycles = 0;
        while (world_.worker().engine.n_bindings() != 0) {
            const std::uint64_t begin = __rdtsc();
            world_.turn(clock_(begin));
            const std::uint64_t end = __rdtsc();
            const bool busy = world_.worker().engine.n_bindings() != left;
            left = world_.worker().engine.n_bindings();
            if (!busy) continue;  // the hand waits for its time
            turns_.push_back(static_cast<std::uint32_t>(end - begin));
            cycles += turns_.back();
        }
        const double each = cycles / n;
        print("teardown", what, 0, {each, each});
        stall(what);
    }

    /// Turn times since the list was emptied.
    void stall(const char* what) {
        if (turns_.empty() || !o_.stalls) return;
        std::sort(turns_.begin(), turns_.end());
        const auto us = [&](std::size_t i) { return turns_[i] / rate_ / 1000; };
        const std::size_t last = turns_.size() - 1;
        std::printf(
            "{\"name\":\"turn\",\"direction\":\"%s\",\"flows\":%u,\"burst\":64,\"pool\":%u,"
            "\"frame_bytes\":%u,\"us_median\":%.2f,\"us_p9999\":%.2f,\"us_max\":%.2f,"
            "\"turns\":%zu,\"preempted\":%ld}\n",
            what, o_.shape.flows, o_.shape.pool, world_.frame_bytes(true) + 4, us(last / 2),
            us(last - last / 10000), us(last), turns_.size(), preemptions());
        turns_.clear();
    }
    void memory() const {
        const pipeline::WorkerSizes s = sizes_for(o_.shape);
        pipeline::WorkerSizes no_pool = s;
        no_pool.tables.slots = 0;
        const std::size_t all = nat::Engine::bytes_needed(s.tables);
        const std::size_t rest = nat::Engine::bytes_needed(no_pool.tables);
        std::printf(
            "{\"name\":\"memory\",\"direction\":\"both\",\"flows\":%u,\"burst\":0,\"pool\":%u,"
            "\"frame_bytes\":0,\"bytes_per_session\":%.1f,\"pool_bytes_per_address\":%zu,"
            "\"huge_pages\":%s}\n",
            o_.shape.flows, o_.shape.pool, static_cast<double>(rest) / o_.shape.flows,
            (all - rest) / o_.shape.pool, world_.huge() ? "true" : "false");
    }
    void print(const char* name, const char* direction, unsigned burst, Spread s) const {
        std::printf(
            "{\"name\":\"%s\",\"direction\":\"%s\",\"flows\":%u,\"burst\":%u,\"pool\":%u,"
            "\"frame_bytes\":%u,\"protocol\":\"%s\",\"port_block\":%u,\"clk_min\":%.1f,"
            "\"clk_median\":%.1f}\n",
            name, direction, o_.shape.flows, burst, o_.shape.pool,
            world_.frame_bytes(std::string_view(direction) != "46") + 4,
            o_.shape.tcp ? "tcp" : "udp", o_.shape.port_block, s.min, s.median);
        std::fflush(stdout);
    }

    Options o_;
    World world_;
    double rate_;  // TSC cycles in a nanosecond
    std::uint64_t origin_;
    std::uint64_t skip_seconds_ = 0;
    std::function<Now(std::uint64_t)> clock_;
    std::vector<Flow> flows_;
    std::vector<std::uint32_t> turns_;  // cycles of each turn
    std::size_t at_ = 0;
};

std::vector<unsigned> numbers(std::string_view text) {
    std::vector<unsigned> out;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        out.push_back(static_cast<unsigned>(std::stoul(std::string(text.substr(0, comma)))));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return out;
}

constexpr const char* kUsage =
    "usage: pipeline_bench [--flows N] [--pool N] [--bursts N,N] [--directions 64,46]\n"
    "                      [--payload BYTES] [--tcp] [--port-block PORTS] [--windows N]\n"
    "                      [--stalls] [--cpu N] [--realtime]";

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view key = argv[i];
        if (key == "--tcp") {
            o.shape.tcp = true;
            continue;
        }
        if (key == "--realtime") {
            o.realtime = true;
            continue;
        }
        if (key == "--stalls") {
            o.stalls = true;
            continue;
        }
        if (i + 1 == argc) fail(kUsage);
        const std::vector<unsigned> v = numbers(argv[++i]);
        if (v.empty()) fail(kUsage);
        if (key == "--flows") {
            o.shape.flows = v[0];
        } else if (key == "--pool") {
            o.shape.pool = v[0];
        } else if (key == "--bursts") {
            o.bursts = v;
        } else if (key == "--directions") {
            o.directions.assign(v.begin(), v.end());
        } else if (key == "--payload") {
            o.shape.payload = v[0];
        } else if (key == "--port-block") {
            o.shape.port_block = v[0];
        } else if (key == "--windows") {
            o.windows = v[0];
        } else if (key == "--window-packets") {
            o.window_packets = v[0];
        } else if (key == "--cpu") {
            o.cpu = static_cast<int>(v[0]);
        } else {
            fail(kUsage);
        }
    }
    const bool good = o.shape.flows >= 64 && o.shape.pool >= 1 && o.shape.pool <= nat::kSlotsMax &&
                      o.shape.payload <= 1400 &&
                      std::all_of(o.bursts.begin(), o.bursts.end(), [](unsigned b) {
                          return b >= 1 && b <= pipeline::kBurstMax && World::kFrames % b == 0;
                      });
    if (!good) fail(kUsage);
    return o;
}

void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int at = cpu >= 0 ? cpu : sched_getcpu();
    CPU_SET(static_cast<unsigned>(at), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("this CPU cannot be had: see --cpu");
}

}  // namespace

int main(int argc, char** argv) {
    const Options o = parse(argc, argv);
    pin(o.cpu);
    const sched_param most{1};
    if (o.realtime && sched_setscheduler(0, SCHED_FIFO, &most) != 0) fail("--realtime needs root");
    Bench(o).run();
}
