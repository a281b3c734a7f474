// SPDX-License-Identifier: Apache-2.0
// Everything that control knows as Prometheus metrics: families for prometheus-cpp's serializer,
// from the tables of metric_rows.h, counters.h and drop.h.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string>
#include <vector>

#include "control/logs/event_log.h"
#include "control/web/monitor.h"

namespace isthmus::control {

struct MetricSource {
    std::shared_ptr<const Sample> sample;
    EventLog::Facts logs;
    std::uint64_t started_unix_s = 0;  // control
    std::uint64_t scrapes = 0;
    bool policy_applied = false, waits_for_confirmation = false;
};

[[nodiscard]] std::vector<prometheus::MetricFamily> metrics_of(const MetricSource& source);

/// The table of docs/metrics.md: name, type, labels, meaning.
[[nodiscard]] std::string metrics_manual();

}  // namespace isthmus::control
