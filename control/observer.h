// SPDX-License-Identifier: Apache-2.0
// Logs and metrics, as one part of control: nothing here can hold up control's own thread, and
// nothing here changes the policy.
#pragma once

#include <memory>

#include "common/config/config.h"
#include "control/logs/event_log.h"

namespace isthmus::control {

class Observer {
public:
    explicit Observer(const config::Config& cfg);

    /// What a dataplane must be told before it gets its policy: no binding goes unlogged.
    [[nodiscard]] api::Json log_wish() const { return logs_.wish(); }
    /// For `show logs`.
    [[nodiscard]] api::Json logs() const;
    /// Whether a file says of logs and metrics what it said when control started.
    [[nodiscard]] bool same(const config::ControlConfig& fresh) const;

private:
    const config::ControlConfig cfg_;
    EventLog logs_;
};

}  // namespace isthmus::control
