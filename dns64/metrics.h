// SPDX-License-Identifier: Apache-2.0
// What isthmus-dns64 knows as Prometheus metrics: families for prometheus-cpp's serializer, from
// the tables of why.h, count_rows.h and upstream.h.
#pragma once

#include <prometheus/metric_family.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "common/api/rpc.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

struct MetricSource {
    const std::vector<std::unique_ptr<Worker>>& workers;  // their counters are read
    std::shared_ptr<const api::Json> upstreams;           // as merged_upstreams() says them
    std::uint64_t cache_limit_bytes = 0;
    std::time_t started = 0;
    std::uint64_t reloads = 0, refused_reloads = 0;
    std::uint64_t log_write_failures = 0, avoided_prefixes = 0;
};

/// From any thread.
[[nodiscard]] std::vector<prometheus::MetricFamily> metrics_of(const MetricSource& s);

/// The table of docs/metrics.md: name, type, labels, meaning.
[[nodiscard]] std::string metrics_manual();

}  // namespace isthmus::dns64
