// SPDX-License-Identifier: Apache-2.0
// The upstream servers for an operator: what each worker knows of them, and what all together know.
#pragma once

#include <vector>

#include "common/api/rpc.h"
#include "dns64/worker.h"

namespace isthmus::dns64 {

/// One row for each server, in the worker's thread.
[[nodiscard]] api::Json upstreams_json(Worker& w);
/// The workers' rows by server: counts are added, round-trip times weighted with the answers.
[[nodiscard]] api::Json merged_upstreams(const std::vector<api::Json>& of_workers);

}  // namespace isthmus::dns64
