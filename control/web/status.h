// SPDX-License-Identifier: Apache-2.0
// What the status page shows, as JSON: /status.json is now, /history.json the last ten minutes.
// Sums and states of the gateway; no subscriber is named.
#pragma once

#include <string>
#include <vector>

#include "control/web/metrics.h"

namespace isthmus::control {

[[nodiscard]] std::string status_json(const MetricSource& source,
                                      const std::vector<Happening>& happenings);
[[nodiscard]] std::string history_json(const std::vector<Rates>& history);
/// page.html, whole.
[[nodiscard]] std::string status_page();

}  // namespace isthmus::control
