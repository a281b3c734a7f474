// SPDX-License-Identifier: Apache-2.0
// How much memory a configuration takes, by arithmetic, before anything is taken: for
// `isthmus-dataplane --size`, and at start, where what would not fit is refused with the same
// words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/mbuf_frame.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::dpdk {

/// What every worker's tables must hold.
[[nodiscard]] pipeline::WorkerSizes worker_sizes(const config::Config& cfg, unsigned n_workers);
/// The FIB's tries, of 1 KiB nodes; memory only once routes need it. IPv4 prefixes of up to /24
/// cannot take more than 65,536.
inline constexpr std::uint32_t kFibNodes4 = 131072, kFibNodes6 = 262144;

struct NodeNeed {
    int node = 0;
    unsigned workers = 0;
    std::uint64_t table_bytes = 0, buffer_bytes = 0;
    [[nodiscard]] std::uint64_t bytes() const { return table_bytes + buffer_bytes; }
};

struct NodeHas {
    int node = 0;
    std::uint64_t ordinary_bytes = 0;  // free, or soon
    std::uint64_t free_1g_pages = 0, free_2m_pages = 0;
    [[nodiscard]] std::uint64_t bytes() const {
        return ordinary_bytes + (free_1g_pages << 30) + (free_2m_pages << 21);
    }
};

struct Sizing {
    unsigned n_workers = 1;
    std::uint32_t sessions = 0, pool_addresses = 0;
    pipeline::WorkerSizes worker;
    std::uint64_t worker_bytes = 0;               // tables of one worker
    std::uint64_t pool_bytes = 0;                 // of those, what pool addresses take
    std::uint64_t event_bytes = 0;                // and the log ring
    std::uint32_t buffers = 0, buffer_bytes = 0;  // number of packet buffers; room of each
    std::uint64_t fib_most_bytes = 0;
    std::vector<NodeNeed> nodes;

    [[nodiscard]] std::uint64_t bytes() const;
    /// Lines for people.
    [[nodiscard]] std::string text() const;
};

/// Packet buffers: for all queues twice over, of a size for the largest frame, on the workers'
/// nodes.
[[nodiscard]] BufferPlan buffer_plan(const config::DataplaneConfig& cfg,
                                     const std::vector<DeviceSpec>& devices,
                                     const std::vector<unsigned>& cpus);
/// `node_of_worker`: NUMA node of each worker, in order.
[[nodiscard]] Sizing sizing_of(const config::Config& cfg, const std::vector<int>& node_of_worker,
                               const BufferPlan& buffers);
/// Whether it fits into what there is; an Error says what does not and what would help.
[[nodiscard]] Status fits(const Sizing& need, const std::vector<NodeHas>& has,
                          config::Hugepages hugepages);
/// For `--size`. Workers on CPUs that this machine has not are taken to be on the last node.
struct SizeReport {
    std::string text;
    Status fits;
    std::uint64_t bytes = 0;
};
[[nodiscard]] Expected<SizeReport> size_report(const config::Config& cfg);
/// As the kernel tells it, per NUMA node; a memory limit of the process's cgroup counts.
[[nodiscard]] std::vector<NodeHas> memory_of_machine();
/// 0 where the kernel knows of no nodes.
[[nodiscard]] int node_of_cpu(unsigned cpu);

}  // namespace isthmus::dpdk
