// SPDX-License-Identifier: Apache-2.0
// The elements of dataplane.ports, with their VLANs.
#pragma once

#include "common/config/config.h"
#include "common/config/parse_dns64.h"

namespace isthmus::config {

[[nodiscard]] PortConfig read_port_group(const libconfig::Setting& group, const Complain& complain,
                                         const Unknown& unknown);

}  // namespace isthmus::config
