// SPDX-License-Identifier: Apache-2.0
// How the dataplane is put together, before anything runs.
#include <rte_cycles.h>
#include <rte_eal.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "common/log/log.h"
#include "dataplane/dpdk/af_packet_fanout.h"
#include "dataplane/dpdk/device_socket.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/kernel_link.h"
#include "dataplane/dpdk/memif_leave.h"
#include "dataplane/dpdk/runtime_impl.h"
#include "dataplane/dpdk/sizing.h"

namespace isthmus::dpdk {
namespace {

constexpr unsigned kHandoverFrames = 2048, kPuntFrames = 1024;

nat::Seed random_seed() {
    nat::Seed seed;
    (void)getrandom(&seed, sizeof seed, 0);
    return seed;
}

constexpr const char* kRecords = "/run/isthmus/ports";

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

std::uint64_t seconds_since_boot() {
    timespec t{};
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec);
}

Runtime::Impl::~Impl() {
    set_memif_guard({});
    punt.reset();
    worker.clear();
    for (Port& p : port) p.close();
    rings.clear();
    buffers = Buffers{};
    if (eal) (void)rte_eal_cleanup();
}

Status Runtime::Impl::guard_memif() {
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

Status Runtime::Impl::decide_steering() {
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

Status Runtime::Impl::open_ports() {
    const ScopedUmask ours_alone(0077);  // sockets that drivers make only now
    for (std::size_t i = 0; i < cfg.dataplane.ports.size(); i++) {
        auto p = Port::open(cfg.dataplane.ports[i], devices[i], static_cast<unsigned>(cpus.size()),
                            buffers, steering);
        if (!p) return p.error();
        shut_socket(devices[i]);
        published.frame_max[i].store(p->mtu() + kLinkBytes, std::memory_order_relaxed);
        port.push_back(*p);
    }
    return Done{};
}

Expected<rte_ring*> Runtime::Impl::ring(const std::string& name, unsigned frames) {
    auto r = make_ring(name, frames, SOCKET_ID_ANY);
    if (!r) return r.error();
    rings.push_back(std::move(*r));
    return rings.back().get();
}

/// Without its file the gateway works all the same; only the next process will not know.
Status Runtime::Impl::open_record() {
    const PortRecordFile::Shape shape{static_cast<unsigned>(cpus.size()),
                                      cfg.dataplane.max_pool_addresses,
                                      cfg.dataplane.unknown_ports == config::UnknownPorts::rest};
    (void)::mkdir(kRecords, 0700);
    auto r = PortRecordFile::open(std::string(kRecords) + "/" + cfg.dataplane.file_prefix, shape,
                                  seconds_since_boot());
    if (!r) {
        log::warn("ports in use now will not be known after a restart: " + r.error().text());
        r = PortRecordFile::without(shape);
        if (!r) return r.error();
    }
    record = std::move(*r);
    if (!record.found().empty()) log::info(record.found());
    return Done{};
}

Status Runtime::Impl::make_tables() {
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
            memory.back().span(), sizes, {w, random_seed(), record.of_worker(w)}, *fib));
    }
    log::info("tables: " + std::to_string(bytes >> 20) + " MiB for each of " +
              std::to_string(cpus.size()) + " workers, " +
              std::string(name_of(memory.back().kind())));
    return Done{};
}

bool Runtime::Impl::all_virtual() const {
    return std::all_of(port.begin(), port.end(), [](const Port& p) { return p.is_virtual(); });
}

WorkerSetup Runtime::Impl::basic_setup(unsigned w) {
    WorkerSetup s;
    s.id = w;
    s.cpu = cpus[w];
    s.lcore = w + 1;
    s.node = node_of_cpu(cpus[w]);
    const config::Idle idle = cfg.dataplane.idle;
    s.may_sleep = idle == config::Idle::sleep || (idle == config::Idle::automatic && all_virtual());
    s.clock = time;
    s.buffers = {buffers.of_node(s.node), buffers.large()};
    s.published = &published;
    s.state = state[w];
    s.counters = &state[w]->counters;
    for (unsigned p = 0; p < port.size(); p++) {
        for (std::uint16_t q = 0; q < port[p].rx_queues(); q++) {
            if (q % cpus.size() == w)
                s.rx.push_back({port[p].dpdk_id(), q, static_cast<std::uint16_t>(p)});
        }
        TxPath path{port[p].dpdk_id(), static_cast<int>(w), 0};
        if (w >= port[p].tx_queues()) path = {port[p].dpdk_id(), -1, w % port[p].tx_queues()};
        s.tx.push_back(path);
    }
    return s;
}

/// Rings between each worker and the punt thread.
Status Runtime::Impl::make_kernel_rings(std::vector<WorkerSetup>& setups) {
    for (WorkerSetup& s : setups) {
        const std::string id = std::to_string(s.id);
        for (unsigned c = 0; c < kPuntClasses; c++) {
            auto up = ring("punt_" + id + "_" + std::to_string(c), kPuntFrames);
            if (!up) return up.error();
            s.punt_to[c] = *up;
            punt->add_source(c, *up);
        }
        auto down = ring("kernel_" + id, kPuntFrames);
        if (!down) return down.error();
        s.from_kernel = *down;
        from_kernel.push_back(*down);
    }
    return Done{};
}

/// Rings from each worker to each other one: for packets that it owns, and for frames that it sends
/// for a worker without a transmit queue.
Status Runtime::Impl::make_worker_rings(std::vector<WorkerSetup>& setups) {
    for (WorkerSetup& a : setups) {
        a.handover_to.resize(setups.size());
        a.tx_to.resize(setups.size());
        for (WorkerSetup& b : setups) {
            if (a.id == b.id) continue;
            const std::string pair = std::to_string(a.id) + "_" + std::to_string(b.id);
            auto over = ring("over_" + pair, kHandoverFrames);
            auto tx = ring("tx_" + pair, kHandoverFrames);
            if (!over) return over.error();
            if (!tx) return tx.error();
            a.handover_to[b.id] = *over;
            b.handover_in.push_back(*over);
            a.tx_to[b.id] = *tx;
            b.tx_in.push_back(*tx);
        }
    }
    return Done{};
}

Status Runtime::Impl::make_workers() {
    const auto n = static_cast<unsigned>(cpus.size());
    time = Clock(rte_rdtsc(), rte_get_tsc_hz());
    punt = std::make_unique<Punt>(static_cast<unsigned>(port.size()));
    std::vector<WorkerSetup> setups;
    for (unsigned w = 0; w < n; w++) setups.push_back(basic_setup(w));
    if (const Status made = make_kernel_rings(setups); !made) return made.error();
    if (const Status made = make_worker_rings(setups); !made) return made.error();
    for (std::size_t p = 0; p < port.size(); p++) {
        transmitter.push_back(
            static_cast<unsigned>(p % std::min<std::size_t>(n, port[p].tx_queues())));
    }
    for (WorkerSetup& s : setups) worker.push_back(std::make_unique<Worker>(std::move(s)));
    punt_fd.assign(port.size(), -1);
    return Done{};
}

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

}  // namespace isthmus::dpdk
