// SPDX-License-Identifier: Apache-2.0
// The routes as an operator reads them, page by page: a full table has a million.
#pragma once

#include "common/api/rpc.h"
#include "common/config/config.h"
#include "dataplane/pipeline/fib_writer.h"

namespace isthmus::agent {

/// An address of either family, as the tables of routes keep it.
[[nodiscard]] std::string any_text(std::uint8_t family, const Ipv6Addr& a);

/// {to: an address that they cover, port_name, limit, count, cursor}
[[nodiscard]] Expected<api::Json> route_list(const pipeline::FibWriter& fib,
                                             const config::Config& cfg, const api::Json& params);

}  // namespace isthmus::agent
