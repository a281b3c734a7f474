// SPDX-License-Identifier: Apache-2.0
// `explain`: what would become of a packet now, and why, without sending one.
//
// A packet is made from the question and shown to the functions that decide about packets:
// classify(), the parsers, check_64/46(), plan_64/46(), the engine's forecast, in the order of
// forward.cc. The worker that owns the flow does it between two bursts, for only it may look into
// its tables; the question lies in its mailbox (explain_box.h).
#pragma once

#include "dataplane/pipeline/explain_box.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

/// `worker` must own the flow.
[[nodiscard]] Explanation explain(const ExplainQuery& query, const Snapshot& cfg,
                                  WorkerState& worker, Now now) noexcept;

}  // namespace isthmus::pipeline
