// SPDX-License-Identifier: Apache-2.0
// What the agent needs of the workers, and nothing else: the one arrow that goes sideways
// (docs/architecture.md). dataplane/dpdk fulfils it; a test may fulfil it with an array.
//
// All calls come from the agent's thread (the main lcore). None blocks longer than the slowest
// worker's turn, except publish(), which waits until every worker has passed a quiescent point.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/expected.h"
#include "common/base/units.h"
#include "common/net/addr.h"

namespace isthmus::nat {
class Steering;
}
namespace isthmus::pipeline {
struct Snapshot;
struct WorkerState;
}  // namespace isthmus::pipeline

namespace isthmus::agent {

/// A port as the device reports it; counters since start.
struct PortFacts {
    std::string name, device, driver;
    MacAddr mac;
    std::uint16_t port_id = 0;
    std::uint16_t mtu = 0;
    bool link_up = false;
    std::uint32_t link_mbps = 0;  // 0: unknown
    bool kernel_device = false;   // veth, tap, af_packet, af_xdp: the kernel sees its frames too
    bool far_end = false;         // that device is the other end of the wire: left alone
    std::uint16_t rx_queues = 0, tx_queues = 0;
    std::string offloads;            // those in use, by name, for people
    std::string unused_offloads;     // that the device has and we leave off
    std::string steering;            // how packets reach their owners, for people
    int punt_fd = -1;                // the TAP
    std::string kernel_device_name;  // "veth0" when kernel_device
    std::uint64_t rx_packets = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0, rx_no_buffer = 0;
    std::uint64_t tx_packets = 0, tx_bytes = 0, tx_errors = 0;
    std::uint64_t punted = 0, punt_dropped = 0, from_kernel = 0, from_kernel_dropped = 0;
};

struct WorkerFacts {
    unsigned id = 0;
    unsigned cpu = 0;
    int numa_node = -1;
    std::uint64_t turns = 0, busy_turns = 0;  // a busy turn had packets
    std::uint64_t busy_cycles = 0;            // TSC cycles in busy turns
    std::uint64_t cycles_per_second = 0;      // of the TSC
    std::uint64_t turn_max_cycles = 0;        // longest turn since start
    bool sleeping_allowed = false;
    std::string_view instructions;  // what its code is compiled for: "x86-64-v3"
};

class Workers {
public:
    virtual ~Workers() = default;
    [[nodiscard]] virtual unsigned n_workers() const = 0;
    [[nodiscard]] virtual const pipeline::WorkerState& state(unsigned worker) const = 0;
    [[nodiscard]] virtual const nat::Steering& steering() const = 0;
    [[nodiscard]] virtual WorkerFacts facts(unsigned worker) const = 0;
    [[nodiscard]] virtual std::vector<PortFacts> ports() const = 0;
    /// Workers see `next` at their next turn; the snapshot before it is freed after all have
    /// passed.
    virtual void publish(std::unique_ptr<const pipeline::Snapshot> next) = 0;
    /// True once every worker has completed a turn that began after this call's `ticket` was taken.
    [[nodiscard]] virtual std::uint64_t take_ticket() = 0;
    [[nodiscard]] virtual bool passed(std::uint64_t ticket) const = 0;
    /// The engines' clock, as a worker would read it now.
    [[nodiscard]] virtual Now now() const = 0;
    virtual Status set_mtu(std::uint16_t port_id, std::uint16_t mtu) = 0;
    virtual Status add_mac(std::uint16_t port_id, MacAddr mac) = 0;
    virtual Status remove_mac(std::uint16_t port_id, MacAddr mac) = 0;
};

}  // namespace isthmus::agent
