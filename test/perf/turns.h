// SPDX-License-Identifier: Apache-2.0
// How long the turns of a worker take: the median, the longest, and how often the kernel took the
// core away in the middle of one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "test/perf/measure.h"
#include "test/perf/workload.h"

namespace workload {

class Turns {
public:
    explicit Turns(double tsc_per_nano) : rate_(tsc_per_nano) {}

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
        cycles_.push_back(static_cast<std::uint32_t>(cycles));
        return true;
    }
    void forget() {
        cycles_.clear();
        n_preempted_ = 0;
        preempted_ = preemptions();
        stolen_ = stolen_ms();
    }
    /// Those since forget().
    void print(const char* what, const Shape& shape, unsigned frame_bytes) {
        if (cycles_.empty()) return;
        std::sort(cycles_.begin(), cycles_.end());
        const auto us = [&](std::size_t i) { return cycles_[i] / rate_ / 1000; };
        const std::size_t last = cycles_.size() - 1;
        std::printf(
            "{\"name\":\"turn\",\"direction\":\"%s\",\"flows\":%u,\"burst\":64,\"pool\":%u,"
            "\"frame_bytes\":%u,\"us_median\":%.2f,\"us_p9999\":%.2f,\"us_max\":%.2f,"
            "\"turns\":%zu,\"preempted\":%u,\"steal_ms\":%ld}\n",
            what, shape.flows, shape.pool, frame_bytes, us(last / 2), us(last - last / 10000),
            us(last), cycles_.size(), n_preempted_, stolen_ms() - stolen_);
    }

private:
    double rate_;                        // TSC cycles in a nanosecond
    std::vector<std::uint32_t> cycles_;  // of each turn
    unsigned n_preempted_ = 0;
    long preempted_ = 0, stolen_ = 0;
};

}  // namespace workload
