// SPDX-License-Identifier: Apache-2.0
// What a new configuration changes in a server that runs.
#pragma once

#include <string>

#include "common/config/dns64.h"

namespace isthmus::dns64 {

/// What was built into sockets and memory at the start; empty: nothing of it differs.
[[nodiscard]] std::string start_only_key(const config::Dns64Config& a,
                                         const config::Dns64Config& b);
/// Other sockets towards upstreams are needed, or others ways to use them.
[[nodiscard]] bool changes_upstream(const config::Dns64Config& a, const config::Dns64Config& b);

}  // namespace isthmus::dns64
