// SPDX-License-Identifier: Apache-2.0
// A gateway made of the pure parts: one or more workers, a FIB, a snapshot; packets in and out as
// byte vectors, time as a number. Port 6 looks at the IPv6 network, port 4 at the IPv4 one.
#pragma once

#include <memory>
#include <vector>

#include "dataplane/pipeline/fib_writer.h"
#include "dataplane/pipeline/pipeline.h"
#include "test/unit/packets.h"

namespace gateway {

using namespace isthmus;
using packets::Bytes;

struct Sent {
    unsigned port = 0, vlan = 0;
    Bytes packet;  // from the IP header on
};

/// What is special of a frame around a packet.
struct Link {
    MacAddr dst;                // zero: the port's own
    unsigned vlan = 0;          // 0: no tag
    bool checksum_bad = false;  // the device says so
    Bytes pad;                  // behind the packet
};

/// Routes and neighbours. Their tables take longer to make than all the rest: a fuzzer keeps one.
struct Network {
    pipeline::Fib fib{512, 512};
    pipeline::FibWriter writer{fib};
    bool has_routes = false;
};

class Gateway {
public:
    static pipeline::WorkerSizes small() {
        pipeline::WorkerSizes sizes;
        sizes.tables = {4096, 4096, 512, 16};
        return sizes;
    }
    explicit Gateway(const char* pref64 = "2001:db8:64::/96", unsigned n_workers = 1,
                     const pipeline::WorkerSizes& sizes = small(),
                     std::shared_ptr<Network> net = std::make_shared<Network>())
        : network(std::move(net)), fib(network->fib), writer(network->writer) {
        cfg.has_policy = true;
        cfg.n_workers = cfg.nat.n_workers = n_workers;
        cfg.nat.prefix[0] = {true, Pref64::parse(pref64)->is_well_known(), *Pref64::parse(pref64)};
        cfg.nat.n_slots = 1;
        cfg.nat.slot[0].state = nat::PoolSlot::State::active;
        cfg.nat.slot[0].addr = Ipv4Addr::of(198, 51, 100, 1);
        cfg.nat.seed = seed;
        cfg.to_ipv4.mode = cfg.to_ipv6.mode = pipeline::ErrorPolicy::Mode::send;
        interface(6);
        interface(4);
        if (!network->has_routes) {
            route("::/0", 6);
            route4("0.0.0.0/0", 4);
            network->has_routes = true;
        }
        const std::size_t bytes = pipeline::WorkerState::bytes_needed(sizes);
        for (unsigned i = 0; i < n_workers; i++) {
            memory_.push_back(std::make_unique<Block[]>(bytes / sizeof(Block) + 1));
            worker.push_back(
                pipeline::WorkerState::create({memory_.back()[0].b, bytes}, sizes, {i, seed}, fib));
        }
        burst_ = std::make_unique<pipeline::Burst>();
        burst_->edge = {this, &Gateway::alloc, &Gateway::flush};
        changed();
    }

    /// After a change of cfg.
    void changed() {
        cfg.generation++;
        cfg.nat.generation = cfg.generation;
        nat::finish_policy(cfg.nat);
    }
    void mtu(unsigned port, std::uint16_t bytes) {
        cfg.interfaces.item[port == 6 ? 0 : 1].mtu = bytes;
        writer.set_interface(static_cast<std::uint16_t>(port), 0, mac(port), bytes, true);
        changed();
    }

    /// Gives one packet to a port, at a worker; what leaves.
    std::vector<Sent> in(unsigned port, const Bytes& packet, unsigned at_worker = 0,
                         const Link& link = {}) {
        sent_.clear();
        arrive(port, packet, at_worker, link);
        return std::move(sent_);
    }
    /// Gives the bytes of a whole frame.
    std::vector<Sent> frame_in(unsigned port, const Bytes& bytes, unsigned at_worker = 0) {
        sent_.clear();
        pipeline::Packet p = fresh(bytes.size());
        p.port = static_cast<std::uint16_t>(port);
        p.frame.set_length(static_cast<std::uint32_t>(bytes.size()));
        if (!bytes.empty()) std::memcpy(p.frame.data, bytes.data(), bytes.size());
        give(p, at_worker);
        return std::move(sent_);
    }
    /// Several packets of one port in one burst, at worker 0; what leaves, in its order.
    std::vector<Sent> in_burst(unsigned port, const std::vector<Bytes>& all) {
        sent_.clear();
        for (const Bytes& p : all) burst_->in[burst_->n++] = received(port, p);
        run(0);
        return std::move(sent_);
    }
    std::vector<Sent> turn() {
        sent_.clear();
        for (auto* w : worker) {
            pipeline::end_turn(*burst_, cfg, *w, now);
            current_ = w->id;
            act();
        }
        return std::move(sent_);
    }
    /// Time passes, and one turn of each worker comes.
    std::vector<Sent> pass(double seconds) {
        now = Now::at(Nanos{now.ns.v + static_cast<std::uint64_t>(seconds * kNanosPerSecond)});
        return turn();
    }
    /// Time passes, with as many turns as a worker would make to go round its tables.
    std::vector<Sent> wait(std::uint64_t seconds) {
        std::vector<Sent> all;
        now = Now::at(Nanos{now.ns.v + seconds * kNanosPerSecond});
        for (unsigned i = 0; i < 64; i++) {
            now = Now::at(Nanos{now.ns.v + kNanosPerSecond / 10});
            for (auto& s : turn()) all.push_back(std::move(s));
        }
        return all;
    }
    /// The way out of a port is gone, or its next hop's link address, or there is a VLAN on it.
    void forget_route(unsigned port) {
        writer.remove_route(port == 6 ? pipeline::AnyPrefix{6, 0, {}}
                                      : pipeline::AnyPrefix{4, 0, {}});
    }
    void forget_neighbour(unsigned port) {
        Ipv6Addr gw = *Ipv6Addr::parse("fe80::1");
        if (port == 4) {
            gw = Ipv6Addr{};
            std::memcpy(gw.octet.data(), Ipv4Addr::of(192, 0, 2, 1).octets().data(), 4);
        }
        writer.remove_neighbour(port == 6 ? 6 : 4, static_cast<std::uint16_t>(port), 0, gw);
    }
    void vlan(unsigned port, std::uint16_t id, std::uint16_t bytes = 1500) {
        auto& i = cfg.interfaces.item[cfg.interfaces.n++];
        i = cfg.interfaces.item[port == 6 ? 0 : 1];
        i.vlan = id;
        i.mtu = bytes;
        writer.set_interface(i.port, id, mac(port), bytes, true);
        changed();
    }
    /// An address of the kernel's.
    void local(const std::string& address) {
        if (const auto v6 = Ipv6Addr::parse(address)) {
            (void)writer.set_local({6, 128, *v6});
        } else if (const auto v4 = Ipv4Addr::parse(address)) {
            Ipv6Addr a;
            std::memcpy(a.octet.data(), v4->octets().data(), 4);
            (void)writer.set_local({4, 32, a});
        }
    }
    [[nodiscard]] int waiting() const {
        int n = 0;
        for (auto* w : worker) n += static_cast<int>(w->pending.size());
        return n;
    }
    [[nodiscard]] std::uint64_t drops(Drop d) const {
        std::uint64_t n = 0;
        for (const auto* w : worker) n += w->counters.of(d);
        return n;
    }
    [[nodiscard]] std::uint64_t count(Counter c) const {
        std::uint64_t n = 0;
        for (const auto* w : worker) n += w->counters.of(c);
        return n;
    }

    nat::Seed seed;
    std::shared_ptr<Network> network;
    pipeline::Fib& fib;
    pipeline::FibWriter& writer;
    pipeline::Snapshot cfg;
    std::vector<pipeline::WorkerState*> worker;
    Now now = Now::at_seconds(1000);
    unsigned punted = 0;
    int outstanding = 0;      // buffers not given back
    bool no_buffers = false;  // the edge has none left
    std::size_t tail = 2048;  // room behind a packet

private:
    struct alignas(64) Block {
        std::byte b[64];
    };
    struct Buffer {
        Bytes bytes;
    };
    static MacAddr mac(unsigned port) { return {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(port)}}; }
    static MacAddr peer(unsigned port) {
        return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(port)}};
    }

    void interface(unsigned port) {
        cfg.interfaces.port[port].present = true;
        cfg.interfaces.port[port].mac = mac(port);
        auto& i = cfg.interfaces.item[cfg.interfaces.n++];
        i.port = static_cast<std::uint16_t>(port);
        i.has_v4 = i.has_v6 = true;
        i.source4 = Ipv4Addr::of(192, 0, 2, 254);
        i.source6 = *Ipv6Addr::parse("2001:db8:6::ffff");
        writer.set_interface(i.port, 0, mac(port), 1500, true);
    }

public:
    void route(const char* prefix, unsigned port, std::uint16_t vlan_id = 0) {
        const auto p = *Prefix6::parse(prefix);
        const auto gw = *Ipv6Addr::parse("fe80::1");
        writer.set_neighbour({6, static_cast<std::uint16_t>(port), vlan_id, gw, peer(port)});
        writer.set_route({6, p.len_bits, p.addr},
                         {{static_cast<std::uint16_t>(port), vlan_id, false, gw}});
    }
    void route4(const char* prefix, unsigned port) {
        const auto p = *Prefix4::parse(prefix);
        Ipv6Addr to, gw;
        std::memcpy(to.octet.data(), p.addr.octets().data(), 4);
        std::memcpy(gw.octet.data(), Ipv4Addr::of(192, 0, 2, 1).octets().data(), 4);
        writer.set_neighbour({4, static_cast<std::uint16_t>(port), 0, gw, peer(port)});
        writer.set_route({4, p.len_bits, to}, {{static_cast<std::uint16_t>(port), 0, false, gw}});
    }

private:
    pipeline::Packet fresh(std::size_t bytes) {
        auto* b = new Buffer{Bytes(256 + bytes + tail)};
        outstanding++;
        pipeline::Packet p;
        p.buffer = b;
        p.frame = Frame::between(256, b->bytes.data() + 256, 0,
                                 static_cast<std::uint32_t>(b->bytes.size() - 256));
        return p;
    }
    void release(const pipeline::Packet& p) {
        delete static_cast<Buffer*>(p.buffer);
        outstanding--;
    }
    void arrive(unsigned port, const Bytes& packet, unsigned at_worker, const Link& link) {
        give(received(port, packet, link), at_worker);
    }
    pipeline::Packet received(unsigned port, const Bytes& packet, const Link& link = {}) {
        const std::size_t l2 = link.vlan == 0 ? 14 : 18;
        const std::size_t n = l2 + packet.size() + link.pad.size();
        pipeline::Packet p = fresh(n);
        p.port = static_cast<std::uint16_t>(port);
        p.l3_checksum_bad = link.checksum_bad;
        p.frame.set_length(static_cast<std::uint32_t>(n));
        const MacAddr to = link.dst == MacAddr{} ? mac(port) : link.dst;
        std::memcpy(p.frame.data, to.octet.data(), 6);
        std::memcpy(p.frame.data + 6, peer(port).octet.data(), 6);
        const bool v6 = !packet.empty() && (packet[0] >> 4) == 6;
        std::uint8_t* type = p.frame.data + 12;
        if (link.vlan != 0) {
            pipeline::store_be16(type, pipeline::kTypeVlan);
            pipeline::store_be16(type + 2, static_cast<std::uint16_t>(link.vlan));
            type += 4;
        }
        pipeline::store_be16(type, v6 ? pipeline::kTypeIpv6 : pipeline::kTypeIpv4);
        if (!packet.empty()) std::memcpy(p.frame.data + l2, packet.data(), packet.size());
        if (!link.pad.empty())
            std::memcpy(p.frame.data + l2 + packet.size(), link.pad.data(), link.pad.size());
        return p;
    }
    void give(const pipeline::Packet& p, unsigned at_worker) {
        burst_->in[burst_->n++] = p;
        run(at_worker);
    }
    void run(unsigned at_worker) {
        current_ = at_worker;
        pipeline::run_pipeline(*burst_, cfg, *worker[at_worker], now);
        act();
    }
    void act() {
        std::vector<pipeline::Packet> over;
        for (unsigned i = 0; i < burst_->tx.n; i++) {
            const auto& p = burst_->tx.item[i];
            const bool tagged = isthmus::load_be16(p.frame.data + 12).host() == pipeline::kTypeVlan;
            const unsigned vlan = tagged ? isthmus::load_be16(p.frame.data + 14).host() : 0U;
            sent_.push_back(
                {p.port, vlan,
                 Bytes(p.frame.data + (tagged ? 18 : 14), p.frame.data + p.frame.len_bytes)});
            release(p);
        }
        for (unsigned i = 0; i < burst_->punt.n; i++) release(burst_->punt.item[i]);
        punted += burst_->punt.n;
        for (unsigned i = 0; i < burst_->done.n; i++) release(burst_->done.item[i]);
        for (unsigned i = 0; i < burst_->handover.n; i++) over.push_back(burst_->handover.item[i]);
        burst_->tx.clear();
        burst_->punt.clear();
        burst_->done.clear();
        burst_->handover.clear();
        for (auto& p : over) {
            p.handed_over = true;
            give(p, p.to_worker);
        }
    }
    static bool alloc(void* self, std::uint32_t bytes, pipeline::Packet& out) {
        if (static_cast<Gateway*>(self)->no_buffers) return false;
        out = static_cast<Gateway*>(self)->fresh(bytes);
        return true;
    }
    static void flush(void* self, pipeline::Burst&) { static_cast<Gateway*>(self)->act(); }

    std::vector<std::unique_ptr<Block[]>> memory_;
    std::unique_ptr<pipeline::Burst> burst_;
    std::vector<Sent> sent_;
    unsigned current_ = 0;
};

}  // namespace gateway
