// SPDX-License-Identifier: Apache-2.0
// Cycles per packet of the pure pipeline at the fixed workload: from "frame in" to "frame ready to
// send", one worker on one pinned core, frames in memory. No device is in it: what the wire costs
// is measured apart. One line of JSON for each result; scripts/bench makes a page of them.
//
// A window is 4,096 packets. Frames are written 1,024 at a time, outside the measured time. What is
// measured is what a worker does in a turn: read the clock, fill in the burst, run it, end the turn
// (expiry, with real time going by), empty the lists. --realtime asks the kernel for the core.
#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/clock.h"
#include "test/perf/measure.h"
#include "test/perf/options.h"
#include "test/perf/report.h"
#include "test/perf/turns.h"

namespace {

using namespace workload;

class Bench {
public:
    explicit Bench(const Options& o)
        : o_(o),
          world_(o.shape),
          rate_(tsc_per_nano()),
          clock_(__rdtsc() - cycles_of(10), static_cast<std::uint64_t>(rate_ * 1e9)) {
        std::vector<std::uint32_t> order(o.shape.flows);
        std::iota(order.begin(), order.end(), 0U);
        std::mt19937 random(1);
        std::shuffle(order.begin(), order.end(), random);
        for (const std::uint32_t i : order) {
            flows_.push_back(flow_of(i, o.shape.ports_of_host, o.shape.sessions_of_binding));
            if (o.shape.eam != 0) flows_.back().host %= o.shape.eam;
        }
    }

    void run() {
        set_up();
        if (!o_.shape.stateless() && o_.shape.flows < kFew) set_up_again();
        std::mt19937 random(2);
        std::shuffle(flows_.begin(), flows_.end(), random);
        if (!o_.shape.stateless()) print_memory(o_.shape, world_.huge() ? 1.0 : huge_share());
        measure();
        if (o_.latency) {
            for (const unsigned load : {10U, 50U, 90U}) latency(load);
        }
        if (o_.stalls && !o_.shape.stateless()) stalls();
    }

private:
    [[nodiscard]] std::uint64_t cycles_of(unsigned seconds) const {
        return static_cast<std::uint64_t>(rate_ * 1e9 * seconds);
    }
    [[nodiscard]] Now time_at(std::uint64_t tsc) const { return clock_.at(tsc + skipped_); }
    /// With fewer flows than this the first ones meet a program and tables that no cache knows yet.
    static constexpr std::uint32_t kFew = 100000;

    /// Creates every session, through the pipeline; learns the mappings from what comes out.
    void set_up() {
        report(fill(), o_.shape.stateless() ? "" : "setup");
        if (!o_.shape.tcp) return;
        for (at_ = 0; at_ < flows_.size();) (void)group(false, 64, true);
    }
    /// The same sessions after all were cleared, some times over.
    void set_up_again() {
        Windows windows;
        for (unsigned round = 0; round < 20; round++) {
            (void)clear_all();
            windows.add(fill());
        }
        report(windows, "setup_again");
        if (!o_.shape.tcp) return;
        for (at_ = 0; at_ < flows_.size();) (void)group(false, 64, true);
    }
    double clear_all() {
        const nat::ClearOrder all;
        (void)world_.worker().engine.post_clear(all);
        const double each = idle_until_empty();
        while (world_.worker().engine.hurries()) world_.turn(time_at(__rdtsc()));
        at_ = 0;
        return each;
    }
    void stalls() {
        reload();
        list();
        change_pool();
        skipped_ += cycles_of(400);
        ended("expire", idle_until_empty());
        at_ = 0;
        report(fill(), "");
        ended("clear", clear_all());
        turns_.nothing(16384, longest_median_);
        stall("nothing");
    }
    /// Packets of known flows, a turn for each burst of 64; `before(i)` is called ahead of turn i.
    template <typename Fn>
    void steady_turns(unsigned n, Fn&& before) {
        turns_.forget();
        for (unsigned i = 0; i < n; i++) {
            for (unsigned k = 0; k < 64; k++)
                world_.write(k, flows_[(at_ + k) % flows_.size()], true);
            at_ = (at_ + 64) % flows_.size();
            before(i);
            world_.receive(0, 64, true);
            const std::uint64_t begin = __rdtsc();
            world_.turn(time_at(begin), begin);
            (void)turns_.note(__rdtsc() - begin);
            World::clear(world_.burst());
        }
    }
    /// A new policy every eighth turn: another prefix comes or goes, a lifetime changes.
    void reload() {
        steady_turns(8192, [&](unsigned i) {
            if (i % 8 != 0) return;
            world_.apply([&](nat::Policy& p) {
                const bool on = i % 16 == 0;
                p.prefix[1] = {on, on, *Pref64::parse("2001:db8:64::/96")};
                p.lifetimes.icmp = Tick{p.lifetimes.icmp.v ^ 1U};
            });
        });
        stall("reload");
    }
    /// Another core reads every session, again and again, as the lists of an operator do.
    void list() {
        if (o_.other_cpu < 0) return;
        std::atomic<bool> stop = false;
        std::atomic<std::uint64_t> n_read = 0;
        std::thread reader([&] {
            const sched_param none{0};
            (void)sched_setscheduler(0, SCHED_OTHER, &none);
            pin(o_.other_cpu);
            const nat::Engine& engine = world_.worker().engine;
            for (nat::Index i = 0; !stop; i = (i + 1) % o_.shape.flows)
                n_read += engine.read_first_session(i) ? 1 : 0;
        });
        while (n_read == 0) std::this_thread::yield();  // it begins on this core
        steady_turns(8192, [](unsigned) {});
        stop = true;
        reader.join();
        stall("list");
    }
    /// All addresses, full of ports in use, leave service and come back.
    void change_pool() {
        using State = nat::PoolSlot::State;
        turns_.forget();
        for (const State state : {State::draining, State::active}) {
            world_.apply([&](nat::Policy& p) {
                for (unsigned i = 0; i < p.n_slots; i++) p.slot[i].state = state;
            });
            for (unsigned i = 0; i < 2 * o_.shape.pool; i++) {
                const std::uint64_t begin = __rdtsc();
                world_.turn(time_at(begin));
                (void)turns_.note(__rdtsc() - begin);
            }
        }
        stall("pool");
    }
    void report(const Windows& windows, const char* name) {
        if (*name != 0) print(name, "64", 64, windows.spread());
        stall("fill");
    }
    /// Cycles of a new session, by windows.
    Windows fill() {
        Windows windows;
        turns_.forget();
        for (at_ = 0; at_ < flows_.size();) {
            double cycles = 0;
            std::size_t n = 0;
            const long before = preemptions();
            while (n < 8192 && at_ < flows_.size()) {
                const std::size_t first = at_;
                cycles += group(true, 64, true);
                n += at_ - first;
            }
            windows.add(cycles / static_cast<double>(n), preemptions() != before);
        }
        const std::size_t want = o_.shape.stateless() ? 0 : o_.shape.bindings();
        if (world_.worker().engine.n_bindings() != want) fail("not every session was made");
        return windows;
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
            const std::uint64_t now_tsc = first ? turn_began : __rdtsc();
            world_.turn(time_at(now_tsc), now_tsc);
            sent += world_.burst().tx.n;
            if (first) {
                const std::uint64_t now = __rdtsc();
                (void)turns_.note(now - turn_began);
                cycles += static_cast<double>(now - turn_began);
                if (v6) learn(i);
                turn_began = __rdtsc();
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
            std::vector<Windows> clk(o_.bursts.size());
            std::vector<StageShares> stages(o_.bursts.size());
            at_ = 0;
            for (unsigned w = 0; w < o_.windows; w++) {
                for (std::size_t k = 0; k < o_.bursts.size(); k++) {
                    double cycles = 0;
                    const long before = preemptions();
                    const StageClock begin = world_.worker().stages;
                    for (unsigned n = 0; n < o_.window_packets; n += World::kFrames)
                        cycles += group(d == 64, o_.bursts[k], false);
                    // The first windows warm up.
                    if (w < 2) continue;
                    const bool disturbed = preemptions() != before;
                    clk[k].add(cycles / o_.window_packets, disturbed);
                    if (!disturbed) stages[k].add(begin, world_.worker().stages);
                }
            }
            for (std::size_t k = 0; k < o_.bursts.size(); k++) {
                const Spread s = clk[k].spread();
                if (d == 64 && (clk_64_ == 0 || o_.bursts[k] == 64)) clk_64_ = s.median;
                print("pipeline", d == 64 ? "64" : "46", o_.bursts[k], s, stages[k].json());
            }
        }
        check_output();
    }
    /// What left is right: a sample of packets has good checksums.
    void check_output() {
        for (const bool v6 : {true, false}) {
            at_ = 0;
            world_.write(0, flows_[0], v6);
            world_.receive(0, 1, v6);
            world_.turn(time_at(__rdtsc()));
            Frame f = world_.burst().tx.item[0].frame;
            f.pull_front(14);
            xlat::Parsed p;
            const Drop why = v6 ? xlat::parse_v4(f, p) : xlat::parse_v6(f, p);
            if (why != Drop::none || !xlat::transport_checksum_ok(f, p, !v6))
                fail("a translated packet is wrong");
            World::clear(world_.burst());
        }
    }

    /// Packets arrive evenly, at `load` percent of what bursts of 64 take; each waits for the turn
    /// that takes it and leaves when that ends. Turns take the time that they take; arrivals are
    /// arithmetic, and frames are written while that clock stands still. Rounds in which the kernel
    /// took the core are left out.
    void latency(unsigned load) {
        constexpr unsigned kRounds = 40, kPackets = 10000;
        std::vector<float> waits;
        waits.reserve(std::size_t{kRounds} * kPackets);
        at_ = 0;
        for (unsigned round = 0; round < 10 * kRounds && waits.size() < waits.capacity(); round++) {
            const std::size_t kept = waits.size();
            const long before = preemptions();
            wait_round(clk_64_ * 100 / load, kPackets, waits);
            if (preemptions() != before) waits.resize(kept);
        }
        if (waits.empty()) return;
        std::sort(waits.begin(), waits.end());
        print_waits(o_.shape, world_.frame_bytes(true) + 4, load, waits, rate_);
    }
    /// The waits of `n` packets, in cycles, that arrive every `interval` cycles.
    void wait_round(double interval, std::uint64_t n, std::vector<float>& waits) {
        constexpr unsigned kBurst = 64;
        double clock = 0;
        for (std::uint64_t taken = 0; taken < n;) {
            const auto arrived = static_cast<std::uint64_t>(clock / interval) + 1;
            if (arrived <= taken) {
                clock = static_cast<double>(taken) * interval;
                continue;
            }
            const std::uint64_t ready = std::min<std::uint64_t>(arrived, n) - taken;
            const auto burst = static_cast<unsigned>(std::min<std::uint64_t>(ready, kBurst));
            for (unsigned i = 0; i < burst; i++)
                world_.write(i, flows_[(at_ + i) % flows_.size()], true);
            const std::uint64_t begin = __rdtsc();
            world_.receive(0, burst, true);
            world_.turn(time_at(begin), begin);
            clock += static_cast<double>(__rdtsc() - begin);
            World::clear(world_.burst());
            for (unsigned i = 0; i < burst; i++) {
                const double came = static_cast<double>(taken + i) * interval;
                waits.push_back(static_cast<float>(clock - came));
            }
            taken += burst;
            at_ = (at_ + burst) % flows_.size();
        }
    }

    /// Cycles of each session that ends.
    double idle_until_empty() {
        turns_.forget();
        const std::uint32_t n = world_.worker().engine.n_bindings();
        std::uint32_t left = n;
        double cycles = 0;
        while (world_.worker().engine.n_bindings() != 0) {
            const std::uint64_t begin = __rdtsc();
            world_.turn(time_at(begin));
            const std::uint64_t end = __rdtsc();
            const bool busy = world_.worker().engine.n_bindings() != left;
            left = world_.worker().engine.n_bindings();
            if (!busy) continue;  // the hand waits for its time
            if (turns_.note(end - begin)) cycles += static_cast<double>(end - begin);
        }
        return cycles / n;
    }
    void ended(const char* how, double each) {
        print("teardown", "64", 0, {each, each}, ",\"what\":\"" + std::string(how) + "\"");
        stall(how);
    }

    /// Turn times since Turns::forget().
    void stall(const char* what) {
        if (!o_.stalls) return;
        const auto median = turns_.print(what, o_.shape, world_.frame_bytes(true) + 4);
        longest_median_ = std::max(longest_median_, median);
    }
    void print(const char* name, const char* direction, unsigned burst, Spread s,
               const std::string& more = "") const {
        print_clk(o_.shape, world_.frame_bytes(std::string_view(direction) != "46") + 4,
                  {name, direction, burst}, s, more);
    }

    Options o_;
    World world_;
    double rate_;  // TSC cycles in a nanosecond
    Clock clock_;
    std::uint64_t skipped_ = 0;  // TSC cycles
    double clk_64_ = 0;          // of a packet 6->4, in bursts of 64
    std::vector<Flow> flows_;
    Turns turns_{rate_};
    std::uint32_t longest_median_ = 0;  // of the steps whose turns were noted, in cycles
    std::size_t at_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    Options o = parse(argc, argv);
    o.other_cpu = another_cpu(o.cpu);
    pin(o.cpu, o.realtime);
    Bench(o).run();
}
