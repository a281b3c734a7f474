// SPDX-License-Identifier: Apache-2.0
// What pipeline_bench is asked to measure.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "test/perf/measure.h"
#include "test/perf/workload.h"

namespace workload {

struct Options {
    Shape shape;
    std::vector<unsigned> bursts{64};
    std::vector<int> directions{64, 46};
    unsigned windows = 100;
    unsigned window_packets = 4096;
    int cpu = -1, other_cpu = -1;
    bool stalls = false, realtime = false, latency = false;
};

inline constexpr const char* kUsage =
    "usage: pipeline_bench [--flows N] [--pool N] [--bursts N,N] [--directions 64,46]\n"
    "                      [--payload BYTES] [--tcp] [--port-block PORTS] [--ports-of-host N]\n"
    "                      [--sessions-of-binding N]\n"
    "                      [--eam ENTRIES] [--siit] [--windows N]\n"
    "                      [--stalls] [--latency] [--cpu N] [--realtime]";

/// An option without a value; false: `key` is none.
inline bool take_switch(Options& o, std::string_view key) {
    bool* const of = key == "--tcp"        ? &o.shape.tcp
                     : key == "--siit"     ? &o.shape.siit
                     : key == "--realtime" ? &o.realtime
                     : key == "--latency"  ? &o.latency
                     : key == "--stalls"   ? &o.stalls
                                           : nullptr;
    if (of != nullptr) *of = true;
    return of != nullptr;
}

/// One with a list of numbers, or one number.
inline void take_numbers(Options& o, std::string_view key, const std::vector<unsigned>& v) {
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
    } else if (key == "--ports-of-host") {
        o.shape.ports_of_host = std::max(1U, v[0]);
    } else if (key == "--sessions-of-binding") {
        o.shape.sessions_of_binding = std::max(1U, v[0]);
    } else if (key == "--eam") {
        o.shape.eam = v[0];
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

inline Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view key = argv[i];
        if (take_switch(o, key)) continue;
        if (i + 1 == argc) fail(kUsage);
        take_numbers(o, key, numbers(argv[++i]));
    }
    const bool good = o.shape.flows >= 64 && o.shape.pool >= 1 && o.shape.pool <= nat::kSlotsMax &&
                      o.shape.payload <= 1400 && o.shape.sessions_of_binding <= kServers &&
                      std::all_of(o.bursts.begin(), o.bursts.end(), [](unsigned b) {
                          return b >= 1 && b <= pipeline::kBurstMax && World::kFrames % b == 0;
                      });
    if (!good) fail(kUsage);
    return o;
}

}  // namespace workload
