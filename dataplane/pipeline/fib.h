// SPDX-License-Identifier: Apache-2.0
// Where packets go: what the workers ask for each outgoing packet. A copy of the kernel's routes
// and neighbours on the punt interfaces, kept by the agent (fib_writer.h) outside the snapshot, in
// place.
//
// A lookup leads to a group of next hops; the flow's hash picks one (ECMP), and that names an
// adjacency: port, VLAN, link addresses, MTU. A destination on a connected network whose neighbour
// is not known yet is `unresolved`: the worker keeps the packet (pending.h) and puts a request on
// its ring for the agent. Adjacencies are guarded by a sequence number each: a reader gets one
// whole or tries again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "common/net/addr.h"
#include "common/net/lpm.h"
#include "common/stats/drop.h"

namespace isthmus::pipeline {

using AdjacencyId = std::uint32_t;

struct Adjacency {
    enum class State : std::uint8_t { none, resolved, unresolved, glean, local, blackhole };
    State state = State::none;
    std::uint8_t family = 4;
    std::uint16_t port = 0, vlan = 0, mtu = 1500;
    MacAddr src, dst;
    Ipv6Addr next_hop;  // IPv4 in the first four octets
};
static_assert(sizeof(Adjacency) == 36);

/// Where a packet would go. `why` is none when there is a way (the link address may still be
/// missing).
struct Way {
    AdjacencyId id{};
    Adjacency adjacency;
    Drop why = Drop::none;
    std::uint32_t flow_hash = 0;  // that chose among several next hops
};

/// One next hop to be resolved, from a worker to the agent.
struct ResolveRequest {
    std::uint16_t port = 0, vlan = 0;
    std::uint8_t family = 4;
    Ipv6Addr address;  // IPv4 in the first four octets
    friend bool operator==(const ResolveRequest&, const ResolveRequest&) = default;
};

/// Single producer (a worker), single consumer (the agent).
class ResolveRing {
public:
    /// False when full: the next packet asks again.
    bool push(const ResolveRequest& r) noexcept {
        const std::uint32_t h = head_.load(std::memory_order_relaxed);
        if (h - tail_.load(std::memory_order_acquire) == kSize) return false;
        item_[h % kSize] = r;
        head_.store(h + 1, std::memory_order_release);
        return true;
    }
    bool pop(ResolveRequest& r) noexcept {
        const std::uint32_t t = tail_.load(std::memory_order_relaxed);
        if (t == head_.load(std::memory_order_acquire)) return false;
        r = item_[t % kSize];
        tail_.store(t + 1, std::memory_order_release);
        return true;
    }

private:
    static constexpr std::uint32_t kSize = 512;
    std::array<ResolveRequest, kSize> item_{};
    std::atomic<std::uint32_t> head_{0}, tail_{0};
};

class Fib {
public:
    static constexpr std::uint32_t kAdjacencies = 32768;
    static constexpr std::uint32_t kGroups = 65536;
    static constexpr unsigned kGroupMost = 8;
    enum class Kind : std::uint8_t { none, local, route };

    /// Nodes of 1 KiB bound the size of the tries: about one for each route below /16 that shares
    /// no /24 (IPv4). Memory that no route has needed yet is not touched.
    Fib(std::uint32_t nodes4, std::uint32_t nodes6);

    [[nodiscard]] bool has_memory() const noexcept {
        return memory4_ != nullptr && memory6_ != nullptr;
    }

    [[nodiscard]] AdjacencyId lookup(Ipv4Addr dst, std::uint32_t flow_hash) const noexcept {
        const auto o = dst.octets();
        return lookup4(o.data(), flow_hash);
    }
    [[nodiscard]] AdjacencyId lookup(const Ipv6Addr& dst, std::uint32_t flow_hash) const noexcept {
        return lookup6(dst.octet.data(), flow_hash);
    }
    /// Of an address whose octets lie at `dst`.
    [[nodiscard]] AdjacencyId lookup4(const std::uint8_t* dst,
                                      std::uint32_t flow_hash) const noexcept {
        return pick(v4_.find(dst), flow_hash);
    }
    [[nodiscard]] AdjacencyId lookup6(const std::uint8_t* dst,
                                      std::uint32_t flow_hash) const noexcept {
        return pick(v6_.find(dst), flow_hash);
    }
    [[nodiscard]] Kind kind_of(Ipv4Addr dst) const noexcept {
        return kind_of_group(v4_.find(dst.octets().data()));
    }
    [[nodiscard]] Kind kind_of(const Ipv6Addr& dst) const noexcept {
        return kind_of_group(v6_.find(dst.octet.data()));
    }

    /// A whole copy; id 0 is "no route".
    [[nodiscard]] Adjacency read(AdjacencyId id) const noexcept;
    /// Grows with every change: what was looked up before may be old.
    [[nodiscard]] std::uint32_t epoch() const noexcept {
        return epoch_.load(std::memory_order_acquire);
    }

    static constexpr std::uint32_t kLocalGroup = 1, kDiscardGroup = 2;  // group 0: no route

private:
    friend class FibWriter;
    struct Cell {
        std::atomic<std::uint32_t> sequence{0};
        std::array<std::atomic<std::uint32_t>, sizeof(Adjacency) / 4> word{};
    };
    struct Group {
        std::atomic<std::uint32_t> n{0};
        std::array<std::atomic<AdjacencyId>, kGroupMost> member{};
    };
    [[nodiscard]] AdjacencyId pick(std::uint32_t group, std::uint32_t flow_hash) const noexcept {
        const Group& g = groups_[group];
        const std::uint32_t n = g.n.load(std::memory_order_acquire);
        if (n <= 1) return g.member[0].load(std::memory_order_acquire);
        const auto i = static_cast<std::uint32_t>((std::uint64_t{flow_hash} * n) >> 32);
        return g.member[i].load(std::memory_order_acquire);
    }
    static Kind kind_of_group(std::uint32_t group) noexcept {
        return group == 0 ? Kind::none : group == kLocalGroup ? Kind::local : Kind::route;
    }
    void write(AdjacencyId id, const Adjacency& a) noexcept;

    struct Free {
        void operator()(std::uint32_t* p) const noexcept { std::free(p); }
    };
    using Memory = std::unique_ptr<std::uint32_t[], Free>;
    static Memory zeroed(std::size_t words);

    Memory memory4_, memory6_;
    Lpm v4_, v6_;
    std::unique_ptr<Cell[]> cells_;
    std::unique_ptr<Group[]> groups_;
    std::atomic<std::uint32_t> epoch_{0};
};

}  // namespace isthmus::pipeline
