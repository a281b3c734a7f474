// SPDX-License-Identifier: Apache-2.0
// From the policy as an operator wrote it to the snapshot that workers read. Ids of prefixes and
// pool slots stay with what they name from one snapshot to the next; a retired id is used again
// only when every worker has finished the sweep that the retirement started (`swept`).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

struct CompileInput {
    const config::Nat64Config* policy = nullptr;   // nullptr: none received yet
    const pipeline::Snapshot* previous = nullptr;  // nullptr: the first
    std::uint64_t swept = 0;  // generation whose sweep every worker has finished
    unsigned max_pool_addresses = 64;
    unsigned n_workers = 1;
    nat::Seed seed;
    nat::Steering steering;
    nat::LogSwitch log;
    pipeline::Interfaces interfaces;
};

[[nodiscard]] Expected<std::unique_ptr<pipeline::Snapshot>> compile(const CompileInput& in);

/// The rest of the policy, once prefixes and pool have their ids (compile_carrier.cc).
void compile_carrier(const config::Nat64Config& policy, pipeline::Snapshot& s);

/// What is translated without state (compile_stateless.cc).
void compile_stateless(const config::Nat64Config& policy, pipeline::Snapshot& s);
/// IPv4 addresses that the kernel answers ARP for on our behalf.
[[nodiscard]] std::vector<Prefix4> answered_addresses(const config::Nat64Config& policy);

/// The numbers of the pools by name; "" and "default": 0.
[[nodiscard]] std::map<std::string, std::uint8_t> pool_groups(const config::Nat64Config& policy);

}  // namespace isthmus::agent
