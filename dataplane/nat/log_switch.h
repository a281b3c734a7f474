// SPDX-License-Identifier: Apache-2.0
// What of the engine's doings is told to the logs (nat_event.h). Control decides; all off: nobody
// asked for logs.
#pragma once

namespace isthmus::nat {

struct LogSwitch {
    bool bindings = false;  // those that no block and no calculation tells
    bool sessions = false;  // with their destinations (RFC 6888 REQ-12)
    bool blocks = false;
    bool addresses = false;
    bool refusals = false;  // quota and exhaustion
    /// What could not be logged is refused (Drop::log_path_down), instead of being lost.
    bool refuse_unlogged = false;
    bool path_down = false;  // control cannot keep what it gets
    friend bool operator==(const LogSwitch&, const LogSwitch&) = default;
};

}  // namespace isthmus::nat
