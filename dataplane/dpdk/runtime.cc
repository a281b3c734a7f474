// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <set>
#include <utility>

#include "dataplane/dpdk/runtime_impl.h"
#include "dataplane/dpdk/telemetry.h"

namespace isthmus::dpdk {

namespace {

int run_worker(void* self) {
    static_cast<Worker*>(self)->run();
    return 0;
}

}  // namespace

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() { stop(); }

void Runtime::add_punt(std::uint16_t port_id, std::uint16_t vlan, int fd) {
    if (vlan == 0) impl_->punt_fd[port_id] = fd;
    impl_->punt->add_way({fd, port_id, vlan, impl_->from_kernel[impl_->transmitter[port_id]]});
}

Status Runtime::launch() {
    impl_->running = true;  // from here on there is something to stop
    for (Port& p : impl_->port) {
        const auto started = p.start();
        if (!started) return started.error();
    }
    impl_->punt->start({impl_->buffers.of_node(SOCKET_ID_ANY), impl_->buffers.large()});
    impl_->published.stop.store(false);
    for (unsigned w = 0; w < impl_->worker.size(); w++) {
        impl_->worker[w]->about_to_run();
        if (rte_eal_remote_launch(&run_worker, impl_->worker[w].get(), w + 1) != 0) {
            return Error{"worker " + std::to_string(w), "did not start"};
        }
    }
    show_telemetry(*this);
    return Done{};
}

void Runtime::tell_alive() noexcept { impl_->record.alive(seconds_since_boot()); }

pipeline::Fib& Runtime::fib() { return *impl_->fib; }

void Runtime::stop() noexcept {
    if (!std::exchange(impl_->running, false)) return;
    hide_telemetry();
    impl_->published.stop.store(true);
    rte_eal_mp_wait_lcore();
    impl_->punt->stop();
    for (Port& p : impl_->port) p.stop();
}

std::vector<int> Runtime::capabilities_needed() const {
    // Addresses, routes, neighbours, TAPs, MTU.
    std::set<int> out{CAP_NET_ADMIN};
    for (const DeviceSpec& d : impl_->devices) {
        if (d.is_pci) out.insert({CAP_IPC_LOCK, CAP_SYS_RAWIO});  // memory and registers of the NIC
        if (d.driver == "net_af_xdp") out.insert({CAP_BPF, CAP_NET_RAW, CAP_IPC_LOCK});
    }
    return {out.begin(), out.end()};
}

unsigned Runtime::n_workers() const { return static_cast<unsigned>(impl_->worker.size()); }
const pipeline::WorkerState& Runtime::state(unsigned worker) const { return *impl_->state[worker]; }
const nat::Steering& Runtime::steering() const { return impl_->steering; }
agent::WorkerFacts Runtime::facts(unsigned worker) const { return impl_->worker[worker]->facts(); }

std::vector<agent::PortFacts> Runtime::ports() const {
    std::vector<agent::PortFacts> out;
    for (unsigned i = 0; i < impl_->port.size(); i++) {
        agent::PortFacts f = impl_->port[i].facts();
        f.port_id = static_cast<std::uint16_t>(i);
        f.punt_fd = impl_->punt_fd[i];
        const Punt::Stats& s = impl_->punt->stats(i);
        f.punted = s.punted.load(std::memory_order_relaxed);
        f.punt_dropped = s.punt_dropped.load(std::memory_order_relaxed);
        f.from_kernel = s.from_kernel.load(std::memory_order_relaxed);
        f.from_kernel_dropped = s.from_kernel_dropped.load(std::memory_order_relaxed);
        out.push_back(std::move(f));
    }
    return out;
}

void Runtime::publish(std::unique_ptr<const pipeline::Snapshot> next) {
    impl_->published.snapshot.store(next.get(), std::memory_order_release);
    const std::uint64_t ticket = take_ticket();
    while (!passed(ticket)) rte_delay_us_sleep(20);
    impl_->current = std::move(next);
}

std::uint64_t Runtime::take_ticket() { return impl_->take_ticket(); }

bool Runtime::passed(std::uint64_t ticket) const { return impl_->passed(ticket); }

Now Runtime::now() const { return impl_->worker.front()->setup().clock.at(rte_rdtsc()); }

Status Runtime::set_mtu(std::uint16_t port_id, std::uint16_t mtu) {
    Status done = impl_->port[port_id].set_mtu(mtu);
    if (done)
        impl_->published.frame_max[port_id].store(mtu + kLinkBytes, std::memory_order_relaxed);
    return done;
}
Status Runtime::add_mac(std::uint16_t port_id, MacAddr mac) {
    return impl_->port[port_id].add_mac(mac);
}
Status Runtime::remove_mac(std::uint16_t port_id, MacAddr mac) {
    return impl_->port[port_id].remove_mac(mac);
}

}  // namespace isthmus::dpdk
