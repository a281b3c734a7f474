// SPDX-License-Identifier: Apache-2.0
// Our commands in DPDK's telemetry socket, for the tools that operators point at DPDK programs:
// /isthmus/summary, /isthmus/counters, /isthmus/drops, /isthmus/worker,N. Sums only: no subscriber
// is named there, for the socket has no rights of ours.
#pragma once

#include "dataplane/agent/workers.h"

namespace isthmus::dpdk {

/// `workers` must outlive the last call of hide_telemetry().
void show_telemetry(const agent::Workers& workers);
/// The commands answer nothing from now on.
void hide_telemetry();

}  // namespace isthmus::dpdk
