// SPDX-License-Identifier: Apache-2.0
// What one worker counts. One writer, its thread; the main thread reads while it writes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/shared.h"
#include "dns64/upstream.h"
#include "dns64/why.h"

namespace isthmus::dns64 {

using Count = Shared<std::uint64_t>;

/// Upper bounds of the latency histogram, in microseconds; one bucket more for what is above.
inline constexpr std::array<std::uint32_t, 12> kLatencyBounds{
    100, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000, 1000000, 5000000};

enum class Via : std::uint8_t { udp, tcp, tls, count_ };
inline constexpr std::array<std::string_view, 3> kViaNames{"udp", "tcp", "tls"};

struct Counters {
    std::array<Count, static_cast<std::size_t>(Via::count_)> queries;
    std::array<Count, kWhyCount> answers;  // by reason
    std::array<Count, 24> rcodes;          // 0 to 23
    std::array<Count, kLatencyBounds.size() + 1> latency;
    Count latency_sum_us;
    Count cache_hits, cache_misses, cache_stale, prefetches;
    Count truncated, dropped, rate_dropped, rate_slipped, cookies_good;
    Count refused_overload, send_failed, log_records, log_lost;
    Count xdp_queries, xdp_bad, xdp_dropped;
    Count tcp_accepted, tcp_refused, tcp_idle_closed, tls_failed;
    // Copied from their owners once in a while, so that others may read them.
    Count cache_entries, cache_bytes, cache_evicted, cache_inserted, jobs, connections;
    Count upstream_udp, upstream_tcp, upstream_tls, upstream_answers, upstream_joined;
    std::array<Count, static_cast<std::size_t>(UpstreamFault::count_)> upstream_fault;

    void note_latency(std::uint64_t us) {
        std::size_t i = 0;
        while (i < kLatencyBounds.size() && us > kLatencyBounds[i]) i++;
        latency[i] += 1;
        latency_sum_us += us;
    }
};

}  // namespace isthmus::dns64
