// SPDX-License-Identifier: Apache-2.0
// What operators may ask of the mappings without state.
#pragma once

#include <string>

#include "common/api/rpc.h"
#include "common/base/expected.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

/// What an address of either family is mapped to, and by what.
[[nodiscard]] Expected<api::Json> stateless_mapping(const pipeline::Snapshot& cfg,
                                                    const std::string& address);
/// Rows of the table from number `from` on.
[[nodiscard]] api::Json stateless_table(const pipeline::Snapshot& cfg, std::size_t from,
                                        std::size_t most, bool& is_last);

}  // namespace isthmus::agent
