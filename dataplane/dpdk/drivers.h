// SPDX-License-Identifier: Apache-2.0
// Which of DPDK's drivers this host has, asked without starting DPDK: for --check.
#pragma once

#include <utility>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"

namespace isthmus::dpdk {

/// Virtual devices of the configuration that no driver takes, and PCI devices that are not there,
/// each with its line. Which driver a PCI device has follows from what is in the slot.
[[nodiscard]] std::vector<std::pair<unsigned, Error>> missing_drivers(const config::Config& cfg);

}  // namespace isthmus::dpdk
