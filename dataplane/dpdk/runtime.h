// SPDX-License-Identifier: Apache-2.0
// The dataplane as one object: EAL, ports, workers and the punt thread, in the order of their
// lives. Fulfils agent::Workers, so that the agent needs no DPDK.
//
//   create()      EAL, buffers, ports (stopped), tables, workers; nothing runs yet
//   agent         looks at ports(), makes the punt interfaces, calls add_punt() and publish()
//   launch()      starts the ports, the punt thread, the workers
//   tell_alive()  now and then: so that the next process knows when this one ended
//   stop()        workers, punt thread, ports, EAL; the punt file descriptors stay the agent's
//
// All calls come from the main lcore's thread.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "dataplane/agent/workers.h"

namespace isthmus::pipeline {
class Fib;
}

namespace isthmus::dpdk {

class Runtime final : public agent::Workers {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Runtime>> create(const config::Config& cfg);
    ~Runtime() override;
    /// What is wrong with the devices' strings, each with the line of its port. Touches nothing.
    [[nodiscard]] static std::vector<std::pair<unsigned, Error>> check(const config::Config& cfg);

    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    /// The TAP of a port, or of a VLAN on it: opened with IFF_TAP | IFF_NO_PI; made non-blocking
    /// here, not closed here.
    void add_punt(std::uint16_t port_id, std::uint16_t vlan, int fd);
    Status launch();
    void tell_alive() noexcept;
    /// The routes that the workers read; the agent writes it (FibWriter).
    [[nodiscard]] pipeline::Fib& fib();
    void stop() noexcept;
    /// Capabilities (CAP_*) that the devices need for the whole life of the process.
    [[nodiscard]] std::vector<int> capabilities_needed() const;

    [[nodiscard]] unsigned n_workers() const override;
    [[nodiscard]] const pipeline::WorkerState& state(unsigned worker) const override;
    [[nodiscard]] const nat::Steering& steering() const override;
    [[nodiscard]] agent::WorkerFacts facts(unsigned worker) const override;
    [[nodiscard]] std::vector<agent::PortFacts> ports() const override;
    void publish(std::unique_ptr<const pipeline::Snapshot> next) override;
    [[nodiscard]] std::uint64_t take_ticket() override;
    [[nodiscard]] bool passed(std::uint64_t ticket) const override;
    [[nodiscard]] Now now() const override;
    Status set_mtu(std::uint16_t port_id, std::uint16_t mtu) override;
    Status add_mac(std::uint16_t port_id, MacAddr mac) override;
    Status remove_mac(std::uint16_t port_id, MacAddr mac) override;

private:
    struct Impl;
    explicit Runtime(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace isthmus::dpdk
