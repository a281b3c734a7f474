// SPDX-License-Identifier: Apache-2.0
// The life of a burst, from frames to verdicts, in one place.
//
// run_pipeline() is a pure function of (bytes, tables, time): the edge hands in what it received
// and acts on the output lists of the burst (burst.h). Stages that gain by it run over the whole
// burst, so that memory asked for in one stage is used in the next; the last one walks the burst in
// order of arrival and finishes each packet, so that nothing of one flow passes anything else of
// it.
#pragma once

#include "common/base/units.h"
#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

/// Takes burst.in[0 .. n) through all stages; n becomes 0, each packet ends in one output list or
/// is held.
void run_pipeline(Burst& burst, const Snapshot& cfg, WorkerState& worker, Now now) noexcept;

/// Once a turn, also without packets: expiry within a budget, held packets whose time or next hop
/// has come, probes. May fill the output lists.
void end_turn(Burst& burst, const Snapshot& cfg, WorkerState& worker, Now now) noexcept;

}  // namespace isthmus::pipeline
