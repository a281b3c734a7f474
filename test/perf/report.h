// SPDX-License-Identifier: Apache-2.0
// The lines of JSON of pipeline_bench; docs/benchmarking.md says what their names mean.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "test/perf/measure.h"
#include "test/perf/workload.h"

namespace workload {

struct What {
    const char* name;
    const char* direction;
    unsigned burst;
};

inline void print_clk(const Shape& shape, unsigned frame_bytes, What w, Spread s,
                      const std::string& more) {
    std::printf(
        "{\"name\":\"%s\",\"direction\":\"%s\",\"flows\":%u,\"burst\":%u,\"pool\":%u,"
        "\"frame_bytes\":%u,\"protocol\":\"%s\",\"mode\":\"%s\",\"entries\":%u,"
        "\"port_block\":%u,\"ports_of_host\":%u,\"sessions_of_binding\":%u,\"clk_min\":%.1f,\"clk_"
        "median\":%.1f%s%s}\n",
        w.name, w.direction, shape.flows, w.burst, shape.pool, frame_bytes,
        shape.tcp ? "tcp" : "udp", shape.mode(), shape.eam, shape.port_block, shape.ports_of_host,
        shape.sessions_of_binding, s.min, s.median, s.warning(), more.c_str());
    std::fflush(stdout);
}

/// By arithmetic; `huge`: what share of it is on huge pages in this process.
inline void print_memory(const Shape& shape, double huge) {
    const pipeline::WorkerSizes s = sizes_for(shape);
    pipeline::WorkerSizes no_pool = s;
    no_pool.tables.slots = 0;
    const std::size_t all = nat::Engine::bytes_needed(s.tables);
    const std::size_t rest = nat::Engine::bytes_needed(no_pool.tables);
    std::printf(
        "{\"name\":\"memory\",\"direction\":\"both\",\"flows\":%u,\"burst\":0,\"pool\":%u,"
        "\"frame_bytes\":0,\"clk_min\":0,\"clk_median\":0,\"bytes_per_session\":%.1f,"
        "\"pool_bytes_per_address\":%zu,\"huge_pages\":%.2f}\n",
        shape.flows, shape.pool, static_cast<double>(rest) / shape.flows, (all - rest) / shape.pool,
        huge);
}

/// `waits`: cycles, sorted; `rate`: of them in a nanosecond.
inline void print_waits(const Shape& shape, unsigned frame_bytes, unsigned load,
                        const std::vector<float>& waits, double rate) {
    const auto clk = [&](double share) {
        const auto last = static_cast<double>(waits.size() - 1);
        return static_cast<double>(waits[static_cast<std::size_t>(last * share)]);
    };
    const auto us = [&](double share) { return clk(share) / rate / 1000; };
    std::printf(
        "{\"name\":\"latency\",\"direction\":\"64\",\"flows\":%u,\"burst\":64,\"pool\":%u,"
        "\"frame_bytes\":%u,\"clk_min\":%.1f,\"clk_median\":%.1f,\"load\":%u,\"packets\":%zu,"
        "\"us_p50\":%.2f,\"us_p90\":%.2f,\"us_p99\":%.2f,\"us_p999\":%.2f,\"us_p9999\":%.2f,"
        "\"us_max\":%.2f}\n",
        shape.flows, shape.pool, frame_bytes, clk(0), clk(0.5), load, waits.size(), us(0.5),
        us(0.9), us(0.99), us(0.999), us(0.9999), us(1));
    std::fflush(stdout);
}

}  // namespace workload
