// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/fib_writer.h"

#include <algorithm>

namespace isthmus::pipeline {

namespace {

unsigned bits_of(std::uint8_t family) { return family == 4 ? 32 : 128; }

AnyPrefix host_of(std::uint8_t family, const Ipv6Addr& address) {
    return {family, static_cast<std::uint8_t>(bits_of(family)), address};
}

}  // namespace

FibWriter::FibWriter(Fib& fib) : fib_(fib) {
    Adjacency local;
    local.state = Adjacency::State::local;
    fib_.write(next_adjacency_, local);
    fib_.groups_[Fib::kLocalGroup].member[0].store(next_adjacency_++, std::memory_order_release);
    fib_.groups_[Fib::kLocalGroup].n.store(1, std::memory_order_release);
}

void FibWriter::refresh(AdjacencyId id, const Place& place) {
    Adjacency a;
    a.family = place.family;
    a.port = place.port;
    a.vlan = place.vlan;
    a.next_hop = place.address;
    const auto iface = ifaces_.find({place.port, place.vlan});
    if (iface == ifaces_.end() || !iface->second.up) {
        a.state = Adjacency::State::blackhole;
    } else {
        a.src = iface->second.mac;
        // The least a link may have (RFC 8200 s5, RFC 791 s3.2).
        a.mtu = std::max<std::uint16_t>(iface->second.mtu, place.family == 6 ? 1280 : 68);
        a.state = place.glean ? Adjacency::State::glean : Adjacency::State::unresolved;
        const auto n = neighbours_.find(place);
        if (!place.glean && n != neighbours_.end()) {
            a.state = Adjacency::State::resolved;
            a.dst = n->second.mac;
        }
    }
    fib_.write(id, a);
}

void FibWriter::refresh_all() {
    for (const auto& [place, id] : adjacencies_) refresh(id, place);
}

std::optional<AdjacencyId> FibWriter::adjacency(const Place& place) {
    const auto known = adjacencies_.find(place);
    if (known != adjacencies_.end()) return known->second;
    if (next_adjacency_ >= Fib::kAdjacencies) return std::nullopt;
    const AdjacencyId id = next_adjacency_++;
    adjacencies_[place] = id;
    refresh(id, place);
    return id;
}

std::optional<std::uint32_t> FibWriter::group(const std::vector<AdjacencyId>& members) {
    const auto known = groups_.find(members);
    if (known != groups_.end()) return known->second;
    if (next_group_ >= Fib::kGroups) return std::nullopt;
    const std::uint32_t id = next_group_++;
    auto& g = fib_.groups_[id];
    for (std::size_t i = 0; i < members.size(); i++)
        g.member[i].store(members[i], std::memory_order_release);
    g.n.store(static_cast<std::uint32_t>(members.size()), std::memory_order_release);
    groups_[members] = id;
    return id;
}

std::optional<std::uint32_t> FibWriter::group_of(const AnyPrefix& prefix, const Route& r) {
    if (r.local) return Fib::kLocalGroup;
    std::vector<AdjacencyId> members;
    for (const NextHop& h : r.hops) {
        if (members.size() == Fib::kGroupMost) break;
        const bool glean = h.on_link;
        const auto id =
            adjacency({prefix.family, h.port, h.vlan, glean, glean ? Ipv6Addr{} : h.gateway});
        if (!id) return std::nullopt;
        members.push_back(*id);
    }
    if (members.empty()) return std::nullopt;
    return group(members);
}

std::pair<std::uint32_t, unsigned> FibWriter::cover_of(const AnyPrefix& prefix) const {
    for (unsigned len = prefix.len_bits; len-- > 0;) {
        const AnyPrefix shorter{prefix.family, static_cast<std::uint8_t>(len),
                                masked(prefix.addr, len)};
        const auto found = installed_.find(shorter);
        if (found != installed_.end()) return {found->second, len};
    }
    return {0, 0};
}

bool FibWriter::install(const AnyPrefix& prefix, std::uint32_t value) {
    const auto known = installed_.find(prefix);
    if (known != installed_.end() && known->second == value) return true;
    if (!trie(prefix.family).insert(prefix.addr.octet.data(), prefix.len_bits, value)) return false;
    installed_[prefix] = value;
    fib_.epoch_.fetch_add(1, std::memory_order_acq_rel);
    return true;
}

void FibWriter::uninstall(const AnyPrefix& prefix) {
    if (installed_.erase(prefix) == 0) return;
    const auto [value, len] = cover_of(prefix);
    trie(prefix.family).remove(prefix.addr.octet.data(), prefix.len_bits, value, len);
    fib_.epoch_.fetch_add(1, std::memory_order_acq_rel);
}

void FibWriter::set_interface(std::uint16_t port, std::uint16_t vlan, MacAddr mac,
                              std::uint16_t mtu, bool up) {
    Iface& i = ifaces_[{port, vlan}];
    i = Iface{mac, mtu, up};
    refresh_all();
}

void FibWriter::remove_interface(std::uint16_t port, std::uint16_t vlan) {
    if (ifaces_.erase({port, vlan}) != 0) refresh_all();
}

bool FibWriter::set_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops) {
    Route& r = routes_[prefix];
    r.marked = false;
    if (r.local) return true;
    r.hops = hops;
    const auto id = group_of(prefix, r);
    if (id && install(prefix, *id)) return true;
    uninstall(prefix);
    routes_.erase(prefix);
    return false;
}

void FibWriter::remove_route(const AnyPrefix& prefix) {
    const auto r = routes_.find(prefix);
    if (r == routes_.end() || r->second.local) return;
    routes_.erase(r);
    uninstall(prefix);
}

bool FibWriter::set_local(const AnyPrefix& host) {
    Route& r = routes_[host];
    r = Route{{}, true, false};
    return install(host, Fib::kLocalGroup);
}

void FibWriter::remove_local(const AnyPrefix& host) {
    const auto r = routes_.find(host);
    if (r == routes_.end() || !r->second.local) return;
    routes_.erase(r);
    uninstall(host);
}

void FibWriter::set_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                              const Ipv6Addr& address, MacAddr mac, bool is_static) {
    const Place place{family, port, vlan, false, address};
    Neighbour& n = neighbours_[place];
    if (n.is_static && !is_static) {
        n.marked = false;
        return;
    }
    n = Neighbour{mac, is_static, false};
    const auto id = adjacency(place);
    if (!id) return;
    refresh(*id, place);
    const AnyPrefix host = host_of(family, address);
    if (routes_.contains(host)) return;  // a route of its own, or ours
    const auto g = group({*id});
    if (g) install(host, *g);
}

void FibWriter::remove_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                                 const Ipv6Addr& address) {
    const Place place{family, port, vlan, false, address};
    const auto n = neighbours_.find(place);
    if (n == neighbours_.end() || n->second.is_static) return;
    neighbours_.erase(n);
    const auto a = adjacencies_.find(place);
    if (a != adjacencies_.end()) refresh(a->second, place);
    const AnyPrefix host = host_of(family, address);
    if (!routes_.contains(host)) uninstall(host);
}

void FibWriter::begin_resync() {
    for (auto& [prefix, r] : routes_) r.marked = true;
    for (auto& [place, n] : neighbours_) n.marked = !n.is_static;
}

void FibWriter::commit_resync() {
    std::vector<std::pair<AnyPrefix, bool>> old_routes;
    for (const auto& [prefix, r] : routes_) {
        if (r.marked) old_routes.emplace_back(prefix, r.local);
    }
    for (const auto& [prefix, local] : old_routes)
        local ? remove_local(prefix) : remove_route(prefix);
    std::vector<Place> old_neighbours;
    for (const auto& [place, n] : neighbours_) {
        if (n.marked) old_neighbours.push_back(place);
    }
    for (const Place& p : old_neighbours) remove_neighbour(p.family, p.port, p.vlan, p.address);
}

std::vector<RouteEntry> FibWriter::routes() const {
    std::vector<RouteEntry> out;
    for (const auto& [prefix, r] : routes_) out.push_back({prefix, r.hops});
    return out;
}

std::vector<NeighbourEntry> FibWriter::neighbours() const {
    std::vector<NeighbourEntry> out;
    for (const auto& [p, n] : neighbours_)
        out.push_back({p.family, p.port, p.vlan, p.address, n.mac});
    return out;
}

}  // namespace isthmus::pipeline
