// SPDX-License-Identifier: Apache-2.0
// How long a worker's turns take: each one's cycles, with the times that the kernel took the core
// away and the hypervisor's steal beside them. Interrupts are in: what the machine alone does to a
// turn is measured by nothing().
#pragma once

#include <cstdio>
#include <utility>
#include <vector>

#include "test/perf/measure.h"

namespace workload {

class Turns {
public:
    /// `rate`: TSC cycles in a nanosecond.
    explicit Turns(double rate) : rate_(rate) {}

    void forget() {
        turns_.clear();
        n_preempted_ = 0;
        preempted_ = preemptions();
        stolen_ = stolen_ms();
    }
    /// False: the kernel took the core away in the middle; such a turn is counted apart. Asking
    /// takes longer than a short turn, so only long ones ask.
    bool note(std::uint64_t cycles) {
        constexpr std::uint64_t kLong = 20000;
        if (cycles >= kLong) {
            const long now = preemptions();
            if (std::exchange(preempted_, now) != now) {
                n_preempted_++;
                return false;
            }
        }
        turns_.push_back(static_cast<std::uint32_t>(cycles));
        return true;
    }
    /// So many turns that only wait for `cycles` to go by: what is longer is the machine's doing.
    void nothing(std::size_t n, std::uint64_t cycles) {
        forget();
        for (std::size_t i = 0; i < n; i++) {
            const std::uint64_t begin = __rdtsc();
            std::uint64_t end = begin;
            while (end - begin < cycles) end = __rdtsc();
            (void)note(end - begin);
        }
    }
    /// A line of JSON about the turns since forget(); the median, in cycles.
    std::uint32_t print(const char* what, const Shape& shape, unsigned frame_bytes) {
        if (turns_.empty()) return 0;
        std::sort(turns_.begin(), turns_.end());
        const auto us = [&](std::size_t i) { return turns_[i] / rate_ / 1000; };
        const std::size_t last = turns_.size() - 1;
        const std::uint32_t median = turns_[last / 2];
        std::printf(
            "{\"name\":\"turn\",\"direction\":\"64\",\"what\":\"%s\",\"flows\":%u,\"burst\":64,"
            "\"pool\":%u,\"frame_bytes\":%u,\"clk_min\":%u,\"clk_median\":%u,\"us_median\":%.2f,"
            "\"us_p9999\":%.2f,\"us_max\":%.2f,\"turns\":%zu,\"preempted\":%u,\"steal_ms\":%ld}\n",
            what, shape.flows, shape.pool, frame_bytes, turns_[0], median, us(last / 2),
            us(last - last / 10000), us(last), turns_.size(), n_preempted_, stolen_ms() - stolen_);
        std::fflush(stdout);
        return median;
    }

private:
    double rate_;
    std::vector<std::uint32_t> turns_;
    unsigned n_preempted_ = 0;
    long preempted_ = 0, stolen_ = 0;
};

}  // namespace workload
