// SPDX-License-Identifier: Apache-2.0
// What an interface is called, has and says of itself.
#pragma once

#include <string>
#include <vector>

#include "common/base/expected.h"
#include "dns64/xdp_program.h"

namespace isthmus::dns64 {

struct XdpFacts {
    unsigned index = 0;
    unsigned n_queues = 0;
    XdpMatch match;
};

/// Its MAC address and queues, and which of `addresses` a frame on it can be for. A wildcard stands
/// for all addresses of the host but loopback's and other interfaces' link-local ones.
[[nodiscard]] Expected<XdpFacts> facts_of(const std::string& interface,
                                          const std::vector<config::Endpoint>& addresses);

}  // namespace isthmus::dns64
