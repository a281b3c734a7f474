// SPDX-License-Identifier: Apache-2.0
// What the programs that measure have in common: one core, the clock's rate, whether the kernel
// took the core away, the spread of many windows.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/units.h"
#include "common/stats/stages.h"
#include "test/perf/workload.h"

namespace workload {

inline std::uint64_t nanos_of_clock() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(t.tv_nsec);
}

inline double tsc_per_nano() {
    const std::uint64_t n0 = nanos_of_clock(), c0 = __rdtsc();
    while (nanos_of_clock() - n0 < 20'000'000) {
    }
    const std::uint64_t c1 = __rdtsc();
    return static_cast<double>(c1 - c0) / static_cast<double>(nanos_of_clock() - n0);
}

/// How often the kernel gave this thread's core to somebody else.
inline long preemptions() {
    rusage u{};
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nivcsw;
}

/// Time that the hypervisor gave all our CPUs' cores to somebody else, since boot.
inline long stolen_ms() {
    std::ifstream in("/proc/stat");
    std::string cpu;
    long v[8] = {};
    in >> cpu;
    for (long& x : v) in >> x;
    return v[7] * 1000 / sysconf(_SC_CLK_TCK);
}

/// How much of this process's memory is on huge pages, 0 to 1: nearly all of it is tables.
inline double huge_share() {
    std::ifstream in("/proc/self/smaps_rollup");
    double all = 0, huge = 0;
    for (std::string line; std::getline(in, line);) {
        const std::size_t colon = line.find(':');
        const std::string key = line.substr(0, colon);
        if (key == "Rss") all = std::stod(line.substr(colon + 1));
        if (key == "AnonHugePages" || key == "Private_Hugetlb")
            huge += std::stod(line.substr(colon + 1));
    }
    return all == 0 ? 0 : huge / all;
}

struct Spread {
    double min = 0, median = 0;
    bool disturbed = false;  // the kernel took the core away in every window
    /// The end of a line of JSON, if there is something to say.
    [[nodiscard]] const char* warning() const { return disturbed ? ",\"disturbed\":true" : ""; }
};
constexpr Spread spread_of(std::vector<double> v) {
    if (v.empty()) return {};
    std::sort(v.begin(), v.end());
    return {v.front(), v[v.size() / 2]};
}

/// What each of many windows measured. Those in which the kernel took the core away are left out,
/// unless there is no other: a figure with a warning is better than none.
class Windows {
public:
    constexpr void add(double value, bool disturbed) {
        (disturbed ? disturbed_ : quiet_).push_back(value);
    }
    constexpr void add(const Windows& other) {
        quiet_.insert(quiet_.end(), other.quiet_.begin(), other.quiet_.end());
        disturbed_.insert(disturbed_.end(), other.disturbed_.begin(), other.disturbed_.end());
    }
    [[nodiscard]] constexpr std::size_t n_quiet() const { return quiet_.size(); }
    [[nodiscard]] constexpr Spread spread() const {
        Spread s = spread_of(quiet_.empty() ? disturbed_ : quiet_);
        s.disturbed = quiet_.empty();
        return s;
    }

private:
    std::vector<double> quiet_, disturbed_;
};

constexpr Spread spread_of_two(double first, bool first_disturbed, double second) {
    Windows w;
    w.add(first, first_disturbed);
    w.add(second, true);
    return w.spread();
}
static_assert(spread_of_two(400, false, 300).min == 400);
static_assert(!spread_of_two(400, false, 300).disturbed);
static_assert(spread_of_two(400, true, 300).min == 300);  // not 0, which a page would print
static_assert(spread_of_two(400, true, 300).disturbed);

/// On one core; `realtime`: and nobody else there, which needs root.
inline void pin(int cpu, bool realtime = false) {
    cpu_set_t set;
    CPU_ZERO(&set);
    const int at = cpu >= 0 ? cpu : sched_getcpu();
    CPU_SET(static_cast<unsigned>(at), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("this CPU cannot be had: see --cpu");
    const sched_param most{1};
    if (realtime && sched_setscheduler(0, SCHED_FIFO, &most) != 0) fail("--realtime needs root");
}

/// A CPU besides `cpu` that this thread may use, negative: none. To be asked before pin().
inline int another_cpu(int cpu) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (i != cpu && CPU_ISSET(static_cast<unsigned>(i), &set)) return i;
    }
    return -1;
}

/// "64,32,4"; empty: not a list of numbers.
inline std::vector<unsigned> numbers(std::string_view text) {
    std::vector<unsigned> out;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view one = text.substr(0, comma);
        if (one.empty() || one.size() > 9 ||
            one.find_first_not_of("0123456789") != std::string_view::npos)
            return {};
        out.push_back(static_cast<unsigned>(std::stoul(std::string(one))));
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    }
    return out;
}

/// Cycles of each stage for a packet, over many windows: of the turns that the worker's own clock
/// measured.
class StageShares {
public:
    void add(const StageClock& before, const StageClock& after) {
        for (std::size_t i = 0; i < kStageCount; i++) {
            const auto s = static_cast<Stage>(i);
            cycles_[i] += after.cycles(s) - before.cycles(s);
            packets_[i] += after.packets(s) - before.packets(s);
        }
    }
    [[nodiscard]] std::string json() const {
        std::string out;
        for (const Stage s : {Stage::read, Stage::lookup, Stage::send}) {
            const auto i = static_cast<std::size_t>(s);
            char text[64];
            (void)std::snprintf(text, sizeof text, "%s\"%s\":%.1f", out.empty() ? "" : ",",
                                kStages[i].name.data(),
                                static_cast<double>(cycles_[i]) /
                                    static_cast<double>(std::max<std::uint64_t>(1, packets_[i])));
            out += text;
        }
        return ",\"stages\":{" + out + "}";
    }

private:
    std::array<std::uint64_t, kStageCount> cycles_{}, packets_{};
};

}  // namespace workload
