// SPDX-License-Identifier: Apache-2.0
// The fixed workload that everyone measures the same (docs/benchmarking.md): UDP or TCP flows,
// each a binding of its own, 16 ports per host, each host a subscriber, 250 servers behind the
// well-known prefix; created in one random order and measured in another. Or, without state, hosts
// that have an explicit mapping each, or addresses behind a prefix. And a gateway of the pure
// parts to put it through: one worker, two ports, a default route and a neighbour on each side,
// everything switched on that is on by default.
#pragma once

#include <sys/mman.h>
#include <x86intrin.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "common/config/validate.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/fib_writer.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/xlat/rewrite.h"

namespace workload {

using namespace isthmus;

inline constexpr unsigned kPortsOfHost = 16, kServers = 250;
inline constexpr std::uint16_t kPort6 = 0, kPort4 = 1;
inline constexpr std::uint16_t kServerPort = 4433;

[[noreturn]] inline void fail(const char* what) {
    std::fprintf(stderr, "bench: %s\n", what);
    std::exit(1);
}

/// Zeroed memory on huge pages: of hugetlbfs where some are free, else as the kernel gives them.
/// Every page is touched, as the dataplane does at its start.
class Memory {
public:
    explicit Memory(std::size_t bytes)
        : bytes_((bytes + kPage - 1) / kPage * kPage), start_(map(MAP_HUGETLB)), huge_(true) {
        if (start_ != MAP_FAILED) return;
        huge_ = false;
        bytes_ += kPage;
        start_ = map(0);
        if (start_ == MAP_FAILED) fail("no memory for the tables");
        (void)madvise(start_, bytes_, MADV_HUGEPAGE);
    }
    ~Memory() { munmap(start_, bytes_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    void touch() const {
        for (std::size_t i = 0; i < bytes_; i += 4096) static_cast<volatile char*>(start_)[i] = 0;
    }
    [[nodiscard]] std::byte* at() const {
        const std::size_t past = reinterpret_cast<std::uintptr_t>(start_) % kPage;
        return static_cast<std::byte*>(start_) + (past == 0 ? 0 : kPage - past);
    }
    [[nodiscard]] bool huge() const { return huge_; }

private:
    static constexpr std::size_t kPage = std::size_t{2} << 20;
    void* map(int flags) const {
        return mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
                    -1, 0);
    }
    std::size_t bytes_;
    void* start_;
    bool huge_;
};

struct Flow {
    std::uint32_t host = 0;
    std::uint16_t x_id = 0, server = 0;
    Ipv4Addr t_addr;  // known once the first packet went through
    Be16 t_id;
};

/// `sessions`: to so many servers from each port, at most kServers.
inline Flow flow_of(std::uint32_t number, unsigned ports_of_host = kPortsOfHost,
                    unsigned sessions = 1) {
    const std::uint32_t binding = number / sessions;
    const std::uint32_t host = binding / ports_of_host;
    const std::uint32_t k = binding % ports_of_host;
    return {host, static_cast<std::uint16_t>(2048 + k * 3989 + host % 1009),
            static_cast<std::uint16_t>((host * 7 + k * 31 + number % sessions) % kServers),
            Ipv4Addr{}, Be16{}};
}
/// Hosts without state: their IPv4 addresses are in a row.
inline Ipv4Addr mapped_host(std::uint32_t host) {
    return Ipv4Addr::from_host(Ipv4Addr::of(100, 64, 0, 0).host() + host);
}
inline Ipv6Addr host_of(const Flow& f) {
    Ipv6Addr a = Ipv6Addr::from_groups({0x2001, 0xdb8, 0, 0, 0, 0, 0, 1});
    store(a.octet.data() + 4, Be32{f.host});
    return a;
}
inline Ipv4Addr server_of(const Flow& f) { return Ipv4Addr::of(9, 9, 9, f.server + 1U); }

struct Shape {
    std::uint32_t flows = 1000;
    unsigned pool = 16;
    unsigned payload = 18;  // bytes behind the UDP header, or behind the TCP header less 12
    bool tcp = false;
    std::uint32_t port_block = 0;  // ports in a block; 0: none
    unsigned ports_of_host = kPortsOfHost;
    unsigned sessions_of_binding = 1;
    unsigned eam = 0;   // explicit mappings; flows are of their hosts in turn
    bool siit = false;  // hosts behind a stateless prefix
    [[nodiscard]] std::uint32_t bindings() const {
        return (flows + sessions_of_binding - 1) / sessions_of_binding;
    }
    [[nodiscard]] bool stateless() const { return eam != 0 || siit; }
    [[nodiscard]] const char* mode() const { return eam != 0 ? "eam" : siit ? "siit" : "nat64"; }
};

inline pipeline::WorkerSizes sizes_for(const Shape& s) {
    pipeline::WorkerSizes sizes;
    const std::uint32_t further = s.flows - s.bindings();
    sizes.tables = {s.bindings() + 64, further + 1024, s.bindings() / s.ports_of_host + 64, s.pool,
                    1024};
    return sizes;
}

/// The gateway, and the frames that go into it.
class World {
public:
    explicit World(const Shape& shape)
        : shape_(shape),
          fib_(512, 512),
          writer_(fib_),
          bytes_(pipeline::WorkerState::bytes_needed(sizes_for(shape))),
          tables_(bytes_),
          frames_(std::size_t{kFrames} * kFrameRoom),
          cfg_(std::make_unique<pipeline::Snapshot>()),
          burst_(std::make_unique<pipeline::Burst>()) {
        tables_.touch();
        frames_.touch();
        make_policy();
        side(kPort6, "::/0", true);
        side(kPort4, "0.0.0.0/0", false);
        worker_ = pipeline::WorkerState::create({tables_.at(), bytes_}, sizes_for(shape), {}, fib_);
        burst_->edge = {this, [](void*, std::uint32_t, pipeline::Packet&) { return false; },
                        [](void*, pipeline::Burst& b) { clear(b); }};
        for (unsigned i = 0; i < 2 * shape.pool / 4 + 64; i++) turn(Now::at_seconds(1));
    }

    static constexpr unsigned kFrames = 1024, kFrameRoom = 2048, kHead = 128;

    [[nodiscard]] std::uint8_t* frame(unsigned i) const {
        // As buffers of a pool: not all on the same sets of the caches.
        return reinterpret_cast<std::uint8_t*>(frames_.at()) + std::size_t{i} * kFrameRoom +
               (i * 192) % 1024 / 64 * 64;
    }
    [[nodiscard]] unsigned frame_bytes(bool v6) const {
        return 14U + (v6 ? 40U : 20U) + (shape_.tcp ? 20U : 8U) + shape_.payload;
    }

    /// Writes the frame of a flow, as its sender would, into frame `i`.
    void write(unsigned i, const Flow& f, bool v6, bool syn = false) const {
        std::uint8_t* const l2 = frame(i) + kHead;
        std::memcpy(l2, mac(v6 ? kPort6 : kPort4).octet.data(), 6);
        std::memcpy(l2 + 6, peer(v6 ? kPort6 : kPort4).octet.data(), 6);
        pipeline::store_be16(l2 + 12, v6 ? pipeline::kTypeIpv6 : pipeline::kTypeIpv4);
        std::uint8_t* const ip = l2 + 14;
        v6 ? write_v6(ip, f) : write_v4(ip, f);
        write_l4(ip + (v6 ? 40 : 20), ip, f, v6, syn);
    }

    /// Puts frames [first, first + n) into the burst.
    void receive(unsigned first, unsigned n, bool v6) {
        const unsigned bytes = frame_bytes(v6);
        pipeline::Burst& b = *burst_;
        for (unsigned i = 0; i < n; i++) {
            pipeline::Packet& p = b.in[i];
            p = pipeline::Packet{};
            p.buffer = frame(first + i);
            p.frame = Frame::between(kHead, frame(first + i) + kHead, bytes,
                                     kFrameRoom - 1024 - kHead - bytes);
            p.port = v6 ? kPort6 : kPort4;
        }
        b.n = n;
    }
    /// `tsc`: when the turn began, as a worker's own turn has read it already.
    void turn(Now now, std::uint64_t tsc = 0) {
        if (burst_->n != 0) worker_->stages.start(tsc);
        if (burst_->n != 0) pipeline::run_pipeline(*burst_, *cfg_, *worker_, now);
        pipeline::end_turn(*burst_, *cfg_, *worker_, now);
    }
    /// A new policy: change(nat::Policy&).
    template <typename Fn>
    void apply(Fn&& change) {
        change(cfg_->nat);
        cfg_->nat.generation = ++cfg_->generation;
        nat::finish_policy(cfg_->nat);
    }
    static void clear(pipeline::Burst& b) {
        b.tx.clear();
        b.punt.clear();
        b.handover.clear();
        b.done.clear();
    }

    pipeline::Burst& burst() { return *burst_; }
    pipeline::Snapshot& cfg() { return *cfg_; }
    pipeline::WorkerState& worker() { return *worker_; }
    [[nodiscard]] bool huge() const { return tables_.huge(); }

private:
    static MacAddr mac(unsigned port) { return {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(port)}}; }
    static MacAddr peer(unsigned port) {
        return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(port)}};
    }
    void make_policy() {
        pipeline::Snapshot& s = *cfg_;
        s.generation = 1;
        s.has_policy = true;
        s.nat.prefix[0] = {true, true, *Pref64::parse("64:ff9b::/96")};
        s.nat.n_slots = shape_.pool;
        for (unsigned i = 0; i < shape_.pool; i++) {
            s.nat.slot[i].state = nat::PoolSlot::State::active;
            s.nat.slot[i].addr = Ipv4Addr::from_host(Ipv4Addr::of(100, 20, 0, 0).host() + i);
        }
        s.nat.lifetimes.port_hold = Tick{0};
        while ((1U << s.nat.blocks.bits) < shape_.port_block) s.nat.blocks.bits++;
        make_mappings();
        for (const Prefix4& p : config::built_in_non_global()) s.non_global.add(p);
        s.nat.generation = 1;
        nat::finish_policy(s.nat);
    }
    void make_mappings() {
        pipeline::Stateless& s = cfg_->stateless;
        s.on = shape_.stateless();
        for (unsigned i = 0; i < shape_.eam; i++) {
            const Flow f{i, 0, 0, Ipv4Addr{}, Be16{}};
            if (!s.eam.add({{mapped_host(i), 32}, {host_of(f), 128}})) fail("too many mappings");
        }
        s.eam.finish();
        if (!shape_.siit) return;
        cfg_->nat.prefix[0] = {};
        s.prefix[s.n_prefixes++] = {kHosts, false};
        s.prefix[s.n_prefixes++] = {*Pref64::parse("64:ff9b::/96"), true};
        s.ipv4[s.n_ipv4++] = {mapped_host(0), 10};
    }
    /// Behind this prefix hosts without state live.
    static constexpr Pref64 kHosts{Ipv6Addr::from_groups({0x2001, 0xdb8, 0x64, 0, 0, 0, 0, 0}), 96};
    [[nodiscard]] Ipv6Addr source_of(const Flow& f) const {
        return shape_.siit ? embed(kHosts, mapped_host(f.host)) : host_of(f);
    }
    void side(std::uint16_t port, const char* prefix, bool v6) {
        cfg_->interfaces.port[port].present = true;
        cfg_->interfaces.port[port].mac = mac(port);
        auto& i = cfg_->interfaces.item[cfg_->interfaces.n++];
        i.port = port;
        writer_.set_interface(port, 0, mac(port), 1500, true);
        Ipv6Addr to, gateway;
        std::uint8_t len = 0;
        if (v6) {
            len = Prefix6::parse(prefix)->len_bits;
            gateway = *Ipv6Addr::parse("fe80::1");
        } else {
            len = Prefix4::parse(prefix)->len_bits;
            store(gateway.octet.data(), Ipv4Addr::of(192, 0, 2, 1));
        }
        const std::uint8_t family = v6 ? 6 : 4;
        writer_.set_neighbour({family, port, 0, gateway, peer(port)});
        writer_.set_route({family, len, to}, {{port, 0, false, gateway}});
    }
    void write_v6(std::uint8_t* ip, const Flow& f) const {
        store(ip, Be32{6U << 28});
        store(ip + 4, Be16{static_cast<std::uint16_t>(frame_bytes(true) - 54)});
        ip[6] = shape_.tcp ? ip_proto::kTcp : ip_proto::kUdp;
        ip[7] = 64;
        store(ip + 8, source_of(f));
        Ipv6Addr y = kWellKnownPrefix.addr;
        store(y.octet.data() + 12, server_of(f));
        store(ip + 24, y);
    }
    void write_v4(std::uint8_t* ip, const Flow& f) const {
        ip[0] = 0x45;
        ip[1] = 0;
        store(ip + 2, Be16{static_cast<std::uint16_t>(frame_bytes(false) - 14)});
        store(ip + 4, Be32{0x4000});  // DF
        ip[8] = 64;
        ip[9] = shape_.tcp ? ip_proto::kTcp : ip_proto::kUdp;
        store(ip + 12, server_of(f));
        store(ip + 16, f.t_addr);
        xlat::write_ipv4_checksum(ip);
    }
    void write_l4(std::uint8_t* l4, std::uint8_t* ip, const Flow& f, bool v6, bool syn) const {
        store(l4, v6 ? Be16{f.x_id} : Be16{kServerPort});
        store(l4 + 2, v6 ? Be16{kServerPort} : f.t_id);
        std::memset(l4 + 4, 0, shape_.tcp ? 16 : 4);
        if (shape_.tcp) {
            l4[tcp_at::kDataOffset] = 5 << 4;
            l4[tcp_at::kFlags] = syn ? 0x02 : 0x10;
            if (syn && !v6) l4[tcp_at::kFlags] = 0x12;
        } else {
            store(l4 + udp_at::kLength, Be16{static_cast<std::uint16_t>(8 + shape_.payload)});
        }
        Frame whole = Frame::between(0, ip, frame_bytes(v6) - 14, 0);
        xlat::Parsed p;
        p.l3_bytes = whole.len_bytes;
        p.l4_at = v6 ? 40 : 20;
        p.protocol = shape_.tcp ? ip_proto::kTcp : ip_proto::kUdp;
        xlat::write_transport_checksum(whole, p, v6);
    }

    Shape shape_;
    pipeline::Fib fib_;
    pipeline::FibWriter writer_;
    std::size_t bytes_;
    Memory tables_, frames_;
    std::unique_ptr<pipeline::Snapshot> cfg_;
    std::unique_ptr<pipeline::Burst> burst_;
    pipeline::WorkerState* worker_ = nullptr;
};

}  // namespace workload
