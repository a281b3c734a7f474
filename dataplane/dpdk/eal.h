// SPDX-License-Identifier: Apache-2.0
// DPDK's environment from our configuration: CPUs, memory, devices. Once per process.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/dpdk/device.h"

namespace isthmus::dpdk {

struct EalPlan {
    std::vector<unsigned> cpus;  // of the workers; lcore i + 1 is worker i
    std::uint64_t memory_bytes = 0;
};

/// The workers' CPUs: as configured, or the last one that the process may use.
[[nodiscard]] Expected<std::vector<unsigned>> worker_cpus(const config::DataplaneConfig& cfg);

/// Of the default size, in bytes.
[[nodiscard]] std::uint64_t free_huge_bytes();

/// True when huge pages will be used; an error when they are demanded and not there.
[[nodiscard]] Expected<bool> decide_hugepages(const config::DataplaneConfig& cfg,
                                              std::uint64_t bytes);

/// Starts EAL. The error names what to do.
[[nodiscard]] Status start_eal(const config::DataplaneConfig& cfg, const EalPlan& plan,
                               const std::vector<DeviceSpec>& devices, bool hugepages);

}  // namespace isthmus::dpdk
