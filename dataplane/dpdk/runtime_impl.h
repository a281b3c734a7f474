// SPDX-License-Identifier: Apache-2.0
// What a Runtime is made of. The parts are built in order by runtime_create.cc; runtime.cc has what
// happens afterwards.
#pragma once

#include <rte_ring.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/dpdk/device.h"
#include "dataplane/dpdk/instance_lock.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/port_record.h"
#include "dataplane/dpdk/punt.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/dpdk/worker.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::dpdk {

/// Of a clock that goes on over restarts of the process, and that nobody sets.
[[nodiscard]] std::uint64_t seconds_since_boot();

struct Runtime::Impl {
    ~Impl();

    // The steps of create(), in this order.
    /// One key and one map of owners for all ports, before any of them is opened.
    Status decide_steering();
    Status open_ports();
    Status make_tables();
    Status make_workers();
    Status guard_memif();

    /// From any thread: the interrupt thread takes tickets too.
    std::uint64_t take_ticket() {
        return published.ticket.fetch_add(1, std::memory_order_acq_rel) + 1;
    }
    bool passed(std::uint64_t ticket) const {
        return std::all_of(worker.begin(), worker.end(),
                           [&](const auto& w) { return w->passed(ticket); });
    }

    InstanceLock lock;  // until all else is gone
    config::Config cfg;
    std::vector<DeviceSpec> devices;
    std::vector<unsigned> cpus;
    bool hugepages = false, running = false, eal = false;
    Buffers buffers;
    std::vector<Port> port;
    std::vector<Ring> rings;
    std::unique_ptr<pipeline::Fib> fib;
    std::vector<TableMemory> memory;
    PortRecordFile record;
    std::vector<pipeline::WorkerState*> state;  // in `memory`
    std::vector<std::unique_ptr<Worker>> worker;
    std::unique_ptr<Punt> punt;
    std::vector<int> punt_fd;            // by port
    std::vector<unsigned> transmitter;   // by port: the worker that sends the kernel's frames
    std::vector<rte_ring*> from_kernel;  // by worker
    Clock time;
    Published published;
    nat::Steering steering;
    std::unique_ptr<const pipeline::Snapshot> current;

private:
    Expected<rte_ring*> ring(const std::string& name, unsigned frames);
    Status open_record();
    bool all_virtual() const;
    WorkerSetup basic_setup(unsigned w);
    Status make_kernel_rings(std::vector<WorkerSetup>& setups);
    Status make_worker_rings(std::vector<WorkerSetup>& setups);
};

}  // namespace isthmus::dpdk
