// SPDX-License-Identifier: Apache-2.0
// Changes of a running policy that an operator makes by a command: pure functions from one policy
// to the next, or the reason why not. The parser of the file reads what he wrote: one set of rules.
#pragma once

#include <ctime>
#include <string>

#include "common/api/rpc.h"
#include "common/base/expected.h"
#include "common/config/parse.h"

namespace isthmus::control {

using Policy = config::Nat64Config;

/// Addresses of the pool get no new bindings any more, and leave it when empty or at `until` (Unix
/// seconds; 0: no deadline).
[[nodiscard]] Expected<Policy> with_drain(const Policy& p, const std::string& addresses,
                                          std::time_t until);
[[nodiscard]] Expected<Policy> without_drain(const Policy& p, const std::string& addresses);
/// Without these addresses of the pool: whole entries, or addresses inside one, which is cut into
/// as few as it takes.
[[nodiscard]] Expected<Policy> without_pool(const Policy& p, const std::string& addresses);
[[nodiscard]] Expected<Policy> with_prefix(const Policy& p, const std::string& prefix);
[[nodiscard]] Expected<Policy> without_prefix(const Policy& p, const std::string& prefix);

struct StaticWords {
    std::string protocol, ipv4, ports, ipv6, ipv6_ports;
    bool outside_pool = false;
};
[[nodiscard]] Expected<Policy> with_static(const Policy& p, const StaticWords& w);
/// Those with this protocol, address and ports; all of the address where the others are empty.
[[nodiscard]] Expected<Policy> without_static(const Policy& p, const StaticWords& w);

/// An EAM entry, `ipv4` and `ipv6` prefixes or addresses.
[[nodiscard]] Expected<Policy> with_eam(const Policy& p, const std::string& ipv4,
                                        const std::string& ipv6);
/// The entry whose IPv4 or IPv6 side is `prefix`.
[[nodiscard]] Expected<Policy> without_eam(const Policy& p, const std::string& prefix);

/// "90", "90s", "30m", "2h", "1d" as seconds.
[[nodiscard]] Expected<std::time_t> parse_duration(const std::string& text);

/// The rows of show.pools, each address that is being drained with the end of it, if there is one.
[[nodiscard]] api::Json with_deadlines(api::Json rows, const config::Nat64Config& nat64);

}  // namespace isthmus::control
