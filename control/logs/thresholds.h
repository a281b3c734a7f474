// SPDX-License-Identifier: Apache-2.0
// The alarms of RFC 8158 s4.5 and RFC 7659 s3.1.2 that need the whole gateway in view: how full a
// pool is, how many bindings and subscribers there are. (A subscriber's own, event 4 of RFC 8158
// table 4, is the dataplane's: nat64.limits.ports_per_subscriber_alarm.)
//
// An alarm is told when its threshold is crossed, not while the value stays beyond it, and the
// same one at most once in `quiet_seconds`, however the value swings: one that comes too soon
// waits, and is told when the value is still beyond it then.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/config/log_config.h"
#include "control/logs/record.h"

namespace isthmus::control {

class Thresholds {
public:
    explicit Thresholds(const config::Alarms& limits) : limits_(limits) {}

    /// `metrics`: the dataplane's answer to `metrics`. The notes that are due, of kind
    /// "threshold_reached": threshold, value, limit and, of a pool, pool and pool_id.
    [[nodiscard]] std::vector<Note> look(const api::Json& metrics, std::uint64_t unix_ns);

private:
    struct State {
        bool beyond = false, due = false;
        std::uint64_t told_ns = 0;
    };
    void judge(std::vector<Note>& out, const std::string& key, bool beyond, const api::Json& fields,
               std::uint64_t unix_ns);

    const config::Alarms limits_;
    std::map<std::string, State> state_;
};

}  // namespace isthmus::control
