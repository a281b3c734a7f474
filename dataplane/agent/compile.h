// SPDX-License-Identifier: Apache-2.0
// From the policy as an operator wrote it to the snapshot that workers read. Ids of prefixes and
// pool slots stay with what they name from one snapshot to the next; a retired id is used again
// only when `reusable` says that every worker has finished the sweep that the retirement started.
#pragma once

#include <memory>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

struct CompileInput {
    const config::Nat64Config* policy = nullptr;   // nullptr: none received yet
    const pipeline::Snapshot* previous = nullptr;  // nullptr: the first
    bool reusable = true;                          // retired ids may be used again
    unsigned max_pool_addresses = 64;
    unsigned n_workers = 1;
    nat::Seed seed;
    nat::LogSwitch log;
    pipeline::Interfaces interfaces;
};

[[nodiscard]] Expected<std::unique_ptr<pipeline::Snapshot>> compile(const CompileInput& in);

}  // namespace isthmus::agent
