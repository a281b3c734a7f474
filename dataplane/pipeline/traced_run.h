// SPDX-License-Identifier: Apache-2.0
// A burst while a trace is on (trace.h): packets that cannot match go through the stages together
// as ever, one that may match goes alone, in the order of arrival.
#pragma once

#include "dataplane/pipeline/send.h"

namespace isthmus::pipeline {

using Stages = void (*)(Context& c) noexcept;

/// As stages(c), and records. Leaves c.burst.n at 0.
void run_traced(Context& c, Stages stages) noexcept;

/// At the end of a turn: packets that had waited for their next hop and were sent now, that is
/// burst.tx from `first` on; and the end of a trace that was stopped.
void end_turn_traced(Context& c, unsigned first) noexcept;

}  // namespace isthmus::pipeline
