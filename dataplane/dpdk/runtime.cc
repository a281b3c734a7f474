// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/runtime.h"

#include <linux/capability.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <ctime>
#include <set>
#include <utility>

#include "common/log/log.h"
#include "dataplane/dpdk/af_packet_fanout.h"
#include "dataplane/dpdk/device_socket.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/instance_lock.h"
#include "dataplane/dpdk/kernel_link.h"
#include "dataplane/dpdk/memif_leave.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/port.h"
#include "dataplane/dpdk/port_record.h"
#include "dataplane/dpdk/punt.h"
#include "dataplane/dpdk/sizing.h"
#include "dataplane/dpdk/telemetry.h"
#include "dataplane/dpdk/worker.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::dpdk {
namespace {

constexpr unsigned kHandoverFrames = 2048, kPuntFrames = 1024;

nat::Seed random_seed() {
    nat::Seed seed;
    (void)getrandom(&seed, sizeof seed, 0);
    return seed;
}

constexpr const char* kRecords = "/run/isthmus/ports";

/// Goes on over restarts of the process, and nobody sets it.
std::uint64_t seconds_since_boot() {
    timespec t{};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec);
}

class ScopedUmask {
public:
    explicit ScopedUmask(mode_t mask) : before_(::umask(mask)) {}
    ~ScopedUmask() { (void)::umask(before_); }
    ScopedUmask(const ScopedUmask&) = delete;
    ScopedUmask& operator=(const ScopedUmask&) = delete;

private:
    mode_t before_;
};

/// Where DPDK's driver would only say that the device failed.
Status queues_can_be_had(const std::string& port, const DeviceSpec& spec) {
    if (spec.driver != "net_af_xdp" || spec.iface.empty()) return Done{};
    const std::string wished(devarg(spec.devargs, "queue_count"));
    const unsigned most = combined_channels(spec.iface);
    if (wished.empty() || std::strtoul(wished.c_str(), nullptr, 10) <= most) return Done{};
    return Error{"port " + port, "queue_count=" + wished + ", and \"" + spec.iface + "\" has " +
                                     std::to_string(most) + " combined channel" +
                                     (most == 1 ? "" : "s") + " (ethtool -l " + spec.iface +
                                     "); raise them (ethtool -L " + spec.iface + " combined " +
                                     wished +
                                     ") or lower queue_count. A veth never has more than one"};
}

}  // namespace

struct Runtime::Impl {
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
    std::vector<pipeline::WorkerState*> state;
    std::vector<std::unique_ptr<Worker>> worker;
    std::unique_ptr<Punt> punt;
    std::vector<int> punt_fd;
    std::vector<unsigned> transmitter;  // by port: the worker that sends the kernel's frames
    std::vector<std::vector<rte_ring*>> from_kernel;
    Clock time;
    Published published;
    nat::Steering steering;
    std::unique_ptr<const pipeline::Snapshot> current;

    /// From any thread: the interrupt thread takes tickets too.
    std::uint64_t take_ticket() {
        return published.ticket.fetch_add(1, std::memory_order_acq_rel) + 1;
    }
    bool passed(std::uint64_t ticket) const {
        return std::all_of(worker.begin(), worker.end(),
                           [&](const auto& w) { return w->passed(ticket); });
    }

    Status guard_memif() {
        const bool any = std::any_of(devices.begin(), devices.end(),
                                     [](const DeviceSpec& d) { return d.driver == "net_memif"; });
        if (!any) return Done{};
        if (!memif_guard_works())
            return Error{"dataplane.ports",
                         "memif needs DPDK's drivers as shared objects: linked into the program a "
                         "client that leaves could crash it"};
        set_memif_guard([this] {
            const std::uint64_t ticket = take_ticket();
            while (!passed(ticket)) rte_delay_us_sleep(20);
            log::info("memif: a connection goes down, and no worker is in it any more");
        });
        return Done{};
    }

    ~Impl() {
        set_memif_guard({});
        punt.reset();
        worker.clear();
        for (Port& p : port) p.close();
        rings.clear();
        buffers = Buffers{};
        if (eal) (void)rte_eal_cleanup();
    }

    /// Before any port is opened: one key and one map of owners for all of them.
    Status decide_steering() {
        std::vector<RssAbility> abilities;
        for (std::size_t i = 0; i < cfg.dataplane.ports.size(); i++) {
            auto a = Port::rss_of(cfg.dataplane.ports[i], devices[i]);
            if (!a) return a.error();
            abilities.push_back(*a);
        }
        std::vector<Ipv4Addr> pool;
        for (const auto& e : cfg.nat64.pool) {
            const std::uint32_t first = e.addresses.addr.host();
            for (std::uint32_t k = 0; k <= ~e.addresses.mask() && pool.size() < nat::kSlotsMax; k++)
                pool.push_back(Ipv4Addr::from_host(first + k));
        }
        const nat::SteeringWish wish{least_bits(abilities), static_cast<unsigned>(cpus.size()),
                                     cfg.nat64.subscriber_prefix_len == 128, pool.data(),
                                     static_cast<unsigned>(pool.size())};
        steering = nat::choose_steering(wish, random_seed().a, 256);
        return Done{};
    }

    Status open_ports() {
        const ScopedUmask ours_alone(0077);  // sockets that drivers make only now
        for (std::size_t i = 0; i < cfg.dataplane.ports.size(); i++) {
            auto p = Port::open(cfg.dataplane.ports[i], devices[i],
                                static_cast<unsigned>(cpus.size()), buffers, steering);
            if (!p) return p.error();
            shut_socket(devices[i]);
            published.frame_max[i].store(p->mtu() + kLinkBytes, std::memory_order_relaxed);
            port.push_back(*p);
        }
        return Done{};
    }

    Expected<rte_ring*> ring(const std::string& name, unsigned frames) {
        auto r = make_ring(name, frames, SOCKET_ID_ANY);
        if (!r) return r.error();
        rings.push_back(std::move(*r));
        return rings.back().get();
    }

    /// Without its file the gateway works all the same; only the next one will not know.
    Status open_record() {
        const PortRecordFile::Shape shape{
            static_cast<unsigned>(cpus.size()), cfg.dataplane.max_pool_addresses,
            cfg.dataplane.unknown_ports == config::UnknownPorts::rest};
        (void)::mkdir(kRecords, 0700);
        auto r = PortRecordFile::open(std::string(kRecords) + "/" + cfg.dataplane.file_prefix,
                                      shape, seconds_since_boot());
        if (!r) {
            log::warn("ports in use now will not be known after a restart: " + r.error().text());
            r = PortRecordFile::without(shape);
            if (!r) return r.error();
        }
        record = std::move(*r);
        if (!record.found().empty()) log::info(record.found());
        return Done{};
    }

    Status make_tables() {
        const pipeline::WorkerSizes sizes = worker_sizes(cfg, static_cast<unsigned>(cpus.size()));
        const std::size_t bytes = pipeline::WorkerState::bytes_needed(sizes);
        fib = std::make_unique<pipeline::Fib>(kFibNodes4, kFibNodes6);
        if (!fib->has_memory())
            return Error{"dataplane", "no memory for the forwarding table; give the process more"};
        const Status recorded = open_record();
        if (!recorded) return recorded.error();
        for (unsigned w = 0; w < cpus.size(); w++) {
            auto m = TableMemory::map(bytes, node_of_cpu(cpus[w]),
                                      cfg.dataplane.hugepages != config::Hugepages::no);
            if (!m) return m.error();
            memory.push_back(std::move(*m));
            state.push_back(pipeline::WorkerState::create(
                memory.back().span(), sizes, w, random_seed(), *fib, record.of_worker(w)));
        }
        log::info("tables: " + std::to_string(bytes >> 20) + " MiB for each of " +
                  std::to_string(cpus.size()) + " workers, " +
                  std::string(name_of(memory.back().kind())));
        return Done{};
    }

    bool all_virtual() const {
        return std::all_of(port.begin(), port.end(), [](const Port& p) { return p.is_virtual(); });
    }

    WorkerSetup basic_setup(unsigned w) {
        WorkerSetup s;
        s.id = w;
        s.cpu = cpus[w];
        s.lcore = w + 1;
        s.node = node_of_cpu(cpus[w]);
        const config::Idle idle = cfg.dataplane.idle;
        s.may_sleep =
            idle == config::Idle::sleep || (idle == config::Idle::automatic && all_virtual());
        s.clock = time;
        s.buffers = {buffers.of_node(s.node), buffers.large()};
        s.published = &published;
        s.state = state[w];
        s.counters = &state[w]->counters;
        for (std::uint16_t p = 0; p < port.size(); p++) {
            for (std::uint16_t q = 0; q < port[p].rx_queues(); q++) {
                if (q % cpus.size() == w) s.rx.push_back({port[p].dpdk_id(), q, p});
            }
            TxPath path{port[p].dpdk_id(), static_cast<int>(w), 0};
            if (w >= port[p].tx_queues()) path = {port[p].dpdk_id(), -1, w % port[p].tx_queues()};
            s.tx.push_back(path);
        }
        return s;
    }

    Status make_workers() {
        const auto n = static_cast<unsigned>(cpus.size());
        time = Clock(rte_rdtsc(), rte_get_tsc_hz());
        punt = std::make_unique<Punt>(static_cast<unsigned>(port.size()));
        std::vector<WorkerSetup> setups;
        for (unsigned w = 0; w < n; w++) setups.push_back(basic_setup(w));
        for (unsigned a = 0; a < n; a++) {
            setups[a].handover_to.resize(n);
            setups[a].tx_to.resize(n);
            for (unsigned c = 0; c < kPuntClasses; c++) {
                auto r = ring("punt_" + std::to_string(a) + "_" + std::to_string(c), kPuntFrames);
                if (!r) return r.error();
                setups[a].punt_to[c] = *r;
                punt->add_source(c, *r);
            }
            auto k = ring("kernel_" + std::to_string(a), kPuntFrames);
            if (!k) return k.error();
            setups[a].from_kernel = *k;
        }
        for (unsigned a = 0; a < n; a++) {
            for (unsigned b = 0; b < n; b++) {
                if (a == b) continue;
                const std::string pair = std::to_string(a) + "_" + std::to_string(b);
                auto over = ring("over_" + pair, kHandoverFrames);
                auto tx = ring("tx_" + pair, kHandoverFrames);
                if (!over) return over.error();
                if (!tx) return tx.error();
                setups[a].handover_to[b] = *over;
                setups[b].handover_in.push_back(*over);
                setups[a].tx_to[b] = *tx;
                setups[b].tx_in.push_back(*tx);
            }
        }
        for (std::size_t p = 0; p < port.size(); p++) {
            transmitter.push_back(
                static_cast<unsigned>(p % std::min<std::size_t>(n, port[p].tx_queues())));
        }
        from_kernel.resize(1);
        for (WorkerSetup& s : setups) {
            from_kernel[0].push_back(s.from_kernel);
            worker.push_back(std::make_unique<Worker>(std::move(s)));
        }
        punt_fd.assign(port.size(), -1);
        return Done{};
    }

    static int worker_main(void* self) {
        static_cast<Worker*>(self)->run();
        return 0;
    }
};

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Runtime::~Runtime() { stop(); }

Expected<std::unique_ptr<Runtime>> Runtime::create(const config::Config& cfg) {
    auto impl = std::make_unique<Impl>();
    impl->cfg = cfg;
    if (cfg.dataplane.ports.empty()) {
        return Error{"dataplane.ports",
                     "no ports: name at least one, for example ports = ({ name = \"p0\"; device = "
                     "\"0000:01:00.0\"; });"};
    }
    auto cpus = worker_cpus(cfg.dataplane);
    if (!cpus) return cpus.error();
    impl->cpus = *cpus;
    for (const auto& p : cfg.dataplane.ports) {
        auto spec = parse_device(p, static_cast<unsigned>(cpus->size()));
        if (!spec) return spec.error();
        const bool wants_kernels =
            spec->is_kernel_device && !spec->is_far_end && !spec->iface.empty();
        if (wants_kernels && kernel_link(spec->iface) == KernelLink::gone)
            return Error{"port " + p.name, "there is no interface \"" + spec->iface +
                                               "\" in this network namespace; make it first, or "
                                               "correct device (ip -br link lists them)"};
        if (const Status had = queues_can_be_had(p.name, *spec); !had) return had.error();
        impl->devices.push_back(*spec);
    }
    auto lock = InstanceLock::take(cfg.dataplane, impl->devices);
    if (!lock) return lock.error();
    impl->lock = std::move(*lock);
    (void)fanout_without_defrag(0);
    const BufferPlan plan = buffer_plan(cfg.dataplane, impl->devices, impl->cpus);
    const std::uint64_t bytes = Buffers::bytes_needed(plan);
    std::vector<int> nodes;
    for (const unsigned cpu : impl->cpus) nodes.push_back(node_of_cpu(cpu));
    const Status room =
        fits(sizing_of(cfg, nodes, plan), memory_of_machine(), cfg.dataplane.hugepages);
    if (!room) return room.error();
    auto huge = decide_hugepages(cfg.dataplane, bytes);
    if (!huge) return huge.error();
    impl->hugepages = *huge;
    log::info(*huge ? "huge pages are used"
                    : "ordinary pages are used (no huge pages free, or hugepages = \"no\")");
    const auto eal = start_eal(cfg.dataplane, {impl->cpus, bytes}, impl->devices, *huge);
    if (!eal) return eal.error();
    impl->eal = true;
    auto buffers = Buffers::create(plan);
    if (!buffers) return buffers.error();
    impl->buffers = std::move(*buffers);
    for (auto step : {&Impl::decide_steering, &Impl::open_ports, &Impl::make_tables,
                      &Impl::make_workers, &Impl::guard_memif}) {
        const Status done = (impl.get()->*step)();
        if (!done) return done.error();
    }
    return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

std::vector<std::pair<unsigned, Error>> Runtime::check(const config::Config& cfg) {
    std::vector<std::pair<unsigned, Error>> out;
    const auto n = static_cast<unsigned>(std::max<std::size_t>(cfg.dataplane.workers.size(), 1));
    for (const auto& p : cfg.dataplane.ports) {
        const auto spec = parse_device(p, n);
        if (!spec) out.emplace_back(p.origin.line, spec.error());
    }
    return out;
}

void Runtime::add_punt(std::uint16_t port_id, std::uint16_t vlan, int fd) {
    if (vlan == 0) impl_->punt_fd[port_id] = fd;
    impl_->punt->add_way({fd, port_id, vlan, impl_->from_kernel[0][impl_->transmitter[port_id]]});
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
        if (rte_eal_remote_launch(&Impl::worker_main, impl_->worker[w].get(), w + 1) != 0) {
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
    for (std::uint16_t i = 0; i < impl_->port.size(); i++) {
        agent::PortFacts f = impl_->port[i].facts();
        f.port_id = i;
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
    const auto done = impl_->port[port_id].set_mtu(mtu);
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
