// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/sizing.h"

#include <rte_memory.h>

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

namespace isthmus::dpdk {
namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr unsigned kPageShift1g = 30, kPageShift2m = 21;
// Of RFC 6056: ports 1024 to 65535.
constexpr std::uint64_t kPortsOfAddress = 64512;

std::uint64_t mib(std::uint64_t bytes) { return (bytes + kMib - 1) / kMib; }
std::uint64_t pages(std::uint64_t bytes, unsigned shift) {
    return (bytes + (std::uint64_t{1} << shift) - 1) >> shift;
}

/// 20000000 as "20,000,000".
std::string number(std::uint64_t n) {
    const std::string digits = std::to_string(n);
    std::string out;
    for (std::size_t i = 0; i < digits.size(); i++) {
        if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
        out += digits[i];
    }
    return out;
}

std::uint64_t first_number(const std::string& path) {
    std::ifstream in(path);
    std::uint64_t n = 0;
    return in >> n ? n : 0;
}

/// The value of `key` in a file of "[Node N] key:   value kB" lines, in bytes.
std::uint64_t meminfo(const std::string& path, const std::string& key) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        const std::size_t at = line.find(key + ":");
        if (at == std::string::npos || (at != 0 && line[at - 1] != ' ')) continue;
        return std::stoull(line.substr(at + key.size() + 1)) * 1024;
    }
    return 0;
}

std::uint64_t free_pages(const std::string& under, const char* kib) {
    return first_number(under + "/hugepages/hugepages-" + kib + "kB/free_hugepages");
}

/// What the cgroup still lets us have; all there is without a limit.
std::uint64_t cgroup_room() {
    std::ifstream in("/sys/fs/cgroup/memory.max");
    std::uint64_t most = 0;
    if (!(in >> most)) return ~std::uint64_t{0};
    const std::uint64_t now = first_number("/sys/fs/cgroup/memory.current");
    return most > now ? most - now : 0;
}

}  // namespace

pipeline::WorkerSizes worker_sizes(const config::Config& cfg, unsigned n_workers) {
    const config::DataplaneConfig& d = cfg.dataplane;
    const std::uint32_t bindings = d.max_bindings != 0 ? d.max_bindings : d.max_sessions;
    const std::uint32_t subscribers =
        d.max_subscribers != 0 ? d.max_subscribers : std::max<std::uint32_t>(bindings / 16, 4096);
    pipeline::WorkerSizes s;
    // Subscribers fall on workers by hash: room for an uneven share.
    const auto share = [&](std::uint32_t n) {
        return n_workers == 1 ? n : n / n_workers + n / n_workers / 8 + 64;
    };
    s.tables = {share(bindings), share(d.max_sessions), share(subscribers), d.max_pool_addresses};
    const std::uint32_t events =
        d.log_events != 0 ? d.log_events : std::clamp(bindings, 65536U, 4194304U);
    s.tables.has_record = true;
    s.tables.events = std::bit_ceil(share(events));
    s.tables.stored_syns = std::max(cfg.nat64.limits.stored_syns / n_workers + 1, 8U);
    s.fragment_cells = std::max<std::uint32_t>(cfg.nat64.fragment_memory_kib / 2, 64);
    return s;
}

BufferPlan buffer_plan(const config::DataplaneConfig& cfg, const std::vector<DeviceSpec>& devices,
                       const std::vector<unsigned>& cpus) {
    BufferPlan plan;
    std::uint32_t frame = 1514;
    std::uint64_t n = 8192;
    for (std::size_t i = 0; i < cfg.ports.size(); i++) {
        const auto& p = cfg.ports[i];
        frame = std::max({frame, p.mtu + kLinkBytes, devices[i].frame_room_bytes});
        n += std::uint64_t{p.descriptors} * 2 * cpus.size();
    }
    plan.count = cfg.buffers != 0 ? cfg.buffers : static_cast<std::uint32_t>(n);
    plan.room_bytes = room_bytes_for(frame);
    std::set<int> nodes;
    for (const unsigned cpu : cpus) nodes.insert(node_of_cpu(cpu));
    plan.nodes.assign(nodes.begin(), nodes.end());
    if (plan.nodes.size() <= 1) plan.nodes = {SOCKET_ID_ANY};
    return plan;
}

Sizing sizing_of(const config::Config& cfg, const std::vector<int>& node_of_worker,
                 const BufferPlan& buffers) {
    Sizing s;
    s.n_workers = static_cast<unsigned>(node_of_worker.size());
    s.sessions = cfg.dataplane.max_sessions;
    s.pool_addresses = cfg.dataplane.max_pool_addresses;
    s.worker = worker_sizes(cfg, s.n_workers);
    s.worker_bytes = pipeline::WorkerState::bytes_needed(s.worker);
    pipeline::WorkerSizes without = s.worker;
    without.tables.slots = 0;
    s.pool_bytes = s.worker_bytes - pipeline::WorkerState::bytes_needed(without);
    s.event_bytes = std::uint64_t{s.worker.tables.events} * sizeof(nat::NatEvent);
    s.buffers = buffers.count;
    s.buffer_bytes = buffers.room_bytes;
    s.fib_most_bytes = (std::uint64_t{kFibNodes4} + kFibNodes6) * 1024;
    for (const int node : node_of_worker) {
        auto at = std::find_if(s.nodes.begin(), s.nodes.end(),
                               [&](const NodeNeed& n) { return n.node == node; });
        if (at == s.nodes.end()) at = s.nodes.insert(at, NodeNeed{node, 0, 0, 0});
        at->workers++;
        at->table_bytes += s.worker_bytes;
    }
    const std::uint64_t all_buffers = Buffers::bytes_needed(buffers);
    for (NodeNeed& n : s.nodes) n.buffer_bytes = all_buffers / s.nodes.size();
    return s;
}

std::uint64_t Sizing::bytes() const {
    return std::accumulate(nodes.begin(), nodes.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const NodeNeed& n) { return sum + n.bytes(); });
}

std::string Sizing::text() const {
    const std::uint64_t ports = std::uint64_t{pool_addresses} * kPortsOfAddress;
    const std::uint64_t tables = worker_bytes - pool_bytes - event_bytes;
    const auto each = static_cast<double>(tables) * n_workers / std::max(sessions, 1U);
    char line[256];
    std::string out;
    const auto add = [&](const char* format, auto... args) {
        (void)std::snprintf(line, sizeof line, format, args...);
        out += line;
    };
    add("%s sessions, %s pool address%s, %u worker%s\n", number(sessions).c_str(),
        number(pool_addresses).c_str(), pool_addresses == 1 ? "" : "es", n_workers,
        n_workers == 1 ? "" : "s");
    add("  each worker       %8" PRIu64
        " MiB for %s bindings, %s further sessions, %s subscribers\n",
        mib(worker_bytes), number(worker.tables.bindings).c_str(),
        number(worker.tables.sessions).c_str(), number(worker.tables.subscribers).c_str());
    add("    tables          %8" PRIu64 " MiB (%.0f bytes for a session)\n", mib(tables), each);
    add("    pool addresses  %8" PRIu64 " MiB (%" PRIu64 " KiB for an address)\n", mib(pool_bytes),
        pool_addresses == 0 ? 0 : pool_bytes / pool_addresses / 1024);
    add("    log records     %8" PRIu64 " MiB (%s records)\n", mib(event_bytes),
        number(worker.tables.events).c_str());
    for (const NodeNeed& n : nodes) {
        add("  NUMA node %-3d     %8" PRIu64 " MiB: %u worker%s %" PRIu64
            " MiB, packet buffers %" PRIu64 " MiB\n",
            n.node, mib(n.bytes()), n.workers, n.workers == 1 ? "" : "s", mib(n.table_bytes),
            mib(n.buffer_bytes));
        add("    huge pages      %8" PRIu64 " of 1 GiB for tables and %" PRIu64
            " of 2 MiB for buffers; or %" PRIu64 " of 2 MiB\n",
            n.workers * pages(worker_bytes, kPageShift1g), pages(n.buffer_bytes, kPageShift2m),
            n.workers * pages(worker_bytes, kPageShift2m) + pages(n.buffer_bytes, kPageShift2m));
    }
    add("  in all            %8" PRIu64
        " MiB; the program takes some 50 MiB "
        "besides, routes up to %" PRIu64 " MiB more as they come\n",
        mib(bytes()), mib(fib_most_bytes));
    add("  ports             %s of each protocol, %.1f for each session\n", number(ports).c_str(),
        static_cast<double>(ports) / std::max(sessions, 1U));
    return out;
}

Status fits(const Sizing& need, const std::vector<NodeHas>& has, config::Hugepages hugepages) {
    for (const NodeNeed& n : need.nodes) {
        const auto at = std::find_if(has.begin(), has.end(),
                                     [&](const NodeHas& h) { return h.node == n.node; });
        if (at == has.end())
            return Error{"dataplane.workers",
                         "NUMA node " + std::to_string(n.node) + " has no memory that is known"};
        const bool huge_only = hugepages == config::Hugepages::yes;
        const std::uint64_t have =
            huge_only ? (at->free_1g_pages << kPageShift1g) + (at->free_2m_pages << kPageShift2m)
            : hugepages == config::Hugepages::no ? at->ordinary_bytes
                                                 : at->bytes();
        if (n.bytes() <= have) continue;
        std::string help =
            "lower dataplane.max_sessions, max_bindings, log_events or max_pool_addresses";
        if (huge_only)
            help += ", or reserve " +
                    std::to_string(n.workers * pages(need.worker_bytes, kPageShift2m) +
                                   pages(n.buffer_bytes, kPageShift2m)) +
                    " huge pages of 2 MiB there";
        return Error{"dataplane.max_sessions",
                     "does not fit: NUMA node " + std::to_string(n.node) + " needs " +
                         std::to_string(mib(n.bytes())) + " MiB and has " +
                         std::to_string(have / kMib) + " MiB free" +
                         (huge_only ? " in huge pages" : "") + "; " + help};
    }
    return Done{};
}

std::vector<NodeHas> memory_of_machine() {
    namespace fs = std::filesystem;
    std::vector<NodeHas> out;
    const std::uint64_t room = cgroup_room();
    for (int node = 0; node < 64; node++) {
        const std::string dir = "/sys/devices/system/node/node" + std::to_string(node);
        std::error_code ec;
        if (!fs::exists(dir, ec)) continue;
        // What the page cache holds can be had; the kernel gives no estimate for one node.
        const std::string info = dir + "/meminfo";
        NodeHas h{node, meminfo(info, "MemFree") + meminfo(info, "Inactive(file)"),
                  free_pages(dir, "1048576"), free_pages(dir, "2048")};
        out.push_back(h);
    }
    const std::string pages_dir = "/sys/kernel/mm";
    if (out.empty())
        out.push_back({0, 0, free_pages(pages_dir, "1048576"), free_pages(pages_dir, "2048")});
    if (out.size() == 1) out[0].ordinary_bytes = meminfo("/proc/meminfo", "MemAvailable");
    for (NodeHas& h : out) h.ordinary_bytes = std::min(h.ordinary_bytes, room);
    return out;
}

Expected<SizeReport> size_report(const config::Config& cfg) {
    std::vector<unsigned> cpus(cfg.dataplane.workers.begin(), cfg.dataplane.workers.end());
    if (cpus.empty()) cpus.push_back(0);
    if (cpus.size() > nat::kWorkersMax)
        return Error{"dataplane.workers", "at most " + std::to_string(nat::kWorkersMax)};
    if (cfg.dataplane.max_pool_addresses == 0 || cfg.dataplane.max_pool_addresses > nat::kSlotsMax)
        return Error{"dataplane.max_pool_addresses",
                     "must be 1 to " + std::to_string(nat::kSlotsMax)};
    std::vector<DeviceSpec> devices;
    for (const auto& p : cfg.dataplane.ports) {
        auto spec = parse_device(p, static_cast<unsigned>(cpus.size()));
        if (!spec) return spec.error();
        devices.push_back(*spec);
    }
    std::vector<int> nodes;
    nodes.reserve(cpus.size());
    for (const unsigned cpu : cpus) nodes.push_back(node_of_cpu(cpu));
    const Sizing s = sizing_of(cfg, nodes, buffer_plan(cfg.dataplane, devices, cpus));
    return SizeReport{s.text(), fits(s, memory_of_machine(), cfg.dataplane.hugepages), s.bytes()};
}

int node_of_cpu(unsigned cpu) {
    namespace fs = std::filesystem;
    const std::string dir = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/node";
    std::error_code ec;
    for (int node = 0; node < 64; node++) {
        if (fs::exists(dir + std::to_string(node), ec)) return node;
    }
    return 0;
}

}  // namespace isthmus::dpdk
