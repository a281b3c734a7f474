// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/fib_writer.h"

#include <algorithm>

namespace isthmus::pipeline {

namespace {

unsigned bits_of(std::uint8_t family) { return family == 4 ? 32 : 128; }

AnyPrefix host_of(std::uint8_t family, const Ipv6Addr& address) {
    return {family, static_cast<std::uint8_t>(bits_of(family)), address};
}

/// fe80::/10: never a destination that is routed, only a gateway.
bool is_link_local(std::uint8_t family, const Ipv6Addr& a) {
    return family == 6 && a.octet[0] == 0xfe && (a.octet[1] & 0xc0) == 0x80;
}

}  // namespace

std::pair<std::uint32_t, unsigned> FibWriter::cover_of(const AnyPrefix& prefix) const {
    for (unsigned len = prefix.len_bits; len-- > 0;) {
        if (lengths(prefix.family)[len] == 0) continue;
        const AnyPrefix shorter{prefix.family, static_cast<std::uint8_t>(len),
                                masked(prefix.addr, len)};
        const auto found = entries_.find(shorter);
        if (found != entries_.end() && found->second.group != 0) return {found->second.group, len};
    }
    return {0, 0};
}

/// Takes over the count that `group` was acquired with.
bool FibWriter::install(const AnyPrefix& prefix, Entry& e, std::uint32_t group) {
    if (e.group == group) {
        release_group(group);
        return true;
    }
    const auto put = [&] {
        return trie(prefix.family).insert(prefix.addr.octet.data(), prefix.len_bits, group);
    };
    if (!put()) {
        reclaim_now();
        if (!put()) {
            release_group(group);
            return false;
        }
    }
    fib_.epoch_.fetch_add(1, std::memory_order_acq_rel);
    if (e.group == 0) {
        n_of_length_[prefix.family == 4 ? 0 : 1][prefix.len_bits]++;
    } else {
        release_group(e.group);
    }
    e.group = group;
    return true;
}

void FibWriter::uninstall(const AnyPrefix& prefix, Entry& e) {
    if (e.group == 0) return;
    const auto [value, len] = cover_of(prefix);
    const Lpm::Retired gone =
        trie(prefix.family).remove(prefix.addr.octet.data(), prefix.len_bits, value, len);
    auto& nodes = prefix.family == 4 ? open_.nodes4 : open_.nodes6;
    nodes.insert(nodes.end(), gone.node.begin(), gone.node.begin() + gone.n);
    fib_.epoch_.fetch_add(1, std::memory_order_acq_rel);
    n_of_length_[prefix.family == 4 ? 0 : 1][prefix.len_bits]--;
    release_group(e.group);
    e.group = 0;
}

/// The group that the best of what is known of a prefix leads to, acquired; 0: nothing is known.
std::optional<std::uint32_t> FibWriter::wanted(const AnyPrefix& prefix, const Entry& e) {
    if (e.local) return Fib::kLocalGroup;
    if (e.routes.empty()) {
        if (!e.neighbour) return 0;
        return acquire_group({*e.neighbour});
    }
    const bool is_host = prefix.len_bits == bits_of(prefix.family);
    std::vector<Place> places;
    for (const NextHop& h : e.routes.front().hops) {
        if (places.size() == Fib::kGroupMost) break;
        Place p{h.family(prefix.family), h.port, h.vlan, h.on_link && !is_host, h.gateway};
        // On a connected network each destination is its own next hop.
        if (h.on_link) p.address = is_host ? prefix.addr : Ipv6Addr{};
        places.push_back(p);
    }
    if (places.empty()) return Fib::kDiscardGroup;
    return acquire_group(places);
}

/// Makes the trie say what is known of a prefix; forgets the prefix when nothing is.
bool FibWriter::settle(Entries::iterator at) {
    const AnyPrefix& prefix = at->first;
    Entry& e = at->second;
    const auto group = wanted(prefix, e);
    const bool fits = group && (*group == 0 || install(prefix, e, *group));
    if (!fits) refused_++;
    if (!fits || *group == 0) uninstall(prefix, e);
    if (e.routes.empty() && !e.local && !e.neighbour) entries_.erase(at);
    return fits;
}

void FibWriter::set_interface(std::uint16_t port, std::uint16_t vlan, MacAddr mac,
                              std::uint16_t mtu, bool up) {
    const bool was_up = ifaces_.contains({port, vlan}) && ifaces_[{port, vlan}].up;
    ifaces_[{port, vlan}] = Iface{mac, mtu, up};
    refresh_all();
    if (was_up || !up) return;
    for (const auto& [place, use] : adjacencies_) {
        if (place.port == port && place.vlan == vlan && !place.glean)
            perhaps_unresolved_.push_back(place);
    }
}

void FibWriter::remove_interface(std::uint16_t port, std::uint16_t vlan) {
    if (ifaces_.erase({port, vlan}) != 0) refresh_all();
}

bool FibWriter::set_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops, RouteKey key,
                          Among among) {
    const auto at = entries_.try_emplace(prefix).first;
    auto& routes = at->second.routes;
    const auto same = [&](const Candidate& c) { return c.key == key && c.hops == hops; };
    auto found = std::find_if(routes.begin(), routes.end(), same);
    if (found == routes.end() && among != Among::first) {
        // What a resync has not named yet was replaced while we did not look.
        found = std::find_if(routes.begin(), routes.end(), [&](const Candidate& c) {
            return c.key == key && (among == Among::replace || c.marked);
        });
    }
    if (found != routes.end()) {
        found->hops = hops;
        found->marked = false;
    } else {
        const auto place = std::find_if(routes.begin(), routes.end(), [&](const Candidate& c) {
            return among == Among::first ? c.key.metric >= key.metric : c.key.metric > key.metric;
        });
        routes.insert(place, Candidate{key, hops, false});
    }
    if (settle(at)) return true;
    std::erase_if(routes, same);
    (void)settle(at);
    return false;
}

void FibWriter::remove_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops,
                             RouteKey key) {
    const auto at = entries_.find(prefix);
    if (at == entries_.end()) return;
    auto& routes = at->second.routes;
    auto found = std::find_if(routes.begin(), routes.end(),
                              [&](const Candidate& c) { return c.key == key && c.hops == hops; });
    if (found == routes.end()) {
        found = std::find_if(routes.begin(), routes.end(),
                             [&](const Candidate& c) { return c.key == key; });
        if (found == routes.end()) return;
        std::erase_if(found->hops, [&](const NextHop& h) {
            return std::find(hops.begin(), hops.end(), h) != hops.end();
        });
        if (hops.empty()) found->hops.clear();
    } else {
        found->hops.clear();
    }
    if (found->hops.empty()) routes.erase(found);
    (void)settle(at);
}

bool FibWriter::set_local(const AnyPrefix& host) {
    const auto at = entries_.try_emplace(host).first;
    at->second.local = true;
    at->second.local_marked = false;
    return settle(at);
}

void FibWriter::set_neighbour(const NeighbourEntry& entry, bool is_static) {
    const Place place{entry.family, entry.port, entry.vlan, false, entry.address};
    const auto [at, is_new] = neighbours_.try_emplace(place);
    Neighbour& n = at->second;
    n.marked = false;
    if (n.is_static && !is_static) return;
    const bool same = !is_new && n.mac == entry.mac && n.is_static == is_static;
    n = Neighbour{entry.mac, is_static, false};
    if (!same) {
        const auto a = adjacencies_.find(place);
        if (a != adjacencies_.end()) refresh(a->second.id, place);
    }
    if (is_link_local(entry.family, entry.address)) return;
    const auto host = entries_.try_emplace(host_of(entry.family, entry.address)).first;
    if (host->second.neighbour == place) return;
    host->second.neighbour = place;
    (void)settle(host);
}

void FibWriter::remove_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                                 const Ipv6Addr& address) {
    const Place place{family, port, vlan, false, address};
    const auto n = neighbours_.find(place);
    if (n == neighbours_.end() || n->second.is_static) return;
    neighbours_.erase(n);
    neighbour_gone(place);
}

void FibWriter::neighbour_gone(const Place& place) {
    const auto a = adjacencies_.find(place);
    if (a != adjacencies_.end()) {
        refresh(a->second.id, place);
        perhaps_unresolved_.push_back(place);
    }
    const auto host = entries_.find(host_of(place.family, place.address));
    if (host == entries_.end() || host->second.neighbour != place) return;
    host->second.neighbour.reset();
    (void)settle(host);
}

bool FibWriter::is_gateway(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                           const Ipv6Addr& address) const {
    const auto a = adjacencies_.find(Place{family, port, vlan, false, address});
    if (a == adjacencies_.end()) return false;
    const auto host = entries_.find(host_of(family, address));
    // Its own host entry is one group; any other is a route by way of it.
    const bool own = host != entries_.end() && host->second.group != 0 &&
                     group_use_[host->second.group].members == std::vector{a->second.id};
    return a->second.groups > 1 || !own || group_use_[host->second.group].prefixes > 1;
}

void FibWriter::begin_resync() {
    for (auto& [prefix, e] : entries_) {
        for (Candidate& c : e.routes) c.marked = true;
        e.local_marked = e.local;
    }
    for (auto& [place, n] : neighbours_) n.marked = !n.is_static;
}

void FibWriter::commit_resync() {
    for (auto at = entries_.begin(); at != entries_.end();) {
        const auto here = at++;  // settle() may take it out
        Entry& e = here->second;
        const bool stale = std::any_of(e.routes.begin(), e.routes.end(),
                                       [](const Candidate& c) { return c.marked; });
        if (!stale && !e.local_marked) continue;
        std::erase_if(e.routes, [](const Candidate& c) { return c.marked; });
        if (e.local_marked) e.local = e.local_marked = false;
        (void)settle(here);
    }
    std::vector<Place> old;
    for (const auto& [place, n] : neighbours_) {
        if (n.marked) old.push_back(place);
    }
    for (const Place& p : old) remove_neighbour(p.family, p.port, p.vlan, p.address);
}

std::optional<RouteEntry> FibWriter::seen(const AnyPrefix& prefix, const Entry& e) {
    if (e.local) return RouteEntry{prefix, {}, true, false};
    if (e.routes.empty()) return std::nullopt;
    return RouteEntry{prefix, e.routes.front().hops, false, e.routes.front().hops.empty()};
}

FibWriter::RoutePage FibWriter::routes(const std::optional<AnyPrefix>& after,
                                       std::size_t most) const {
    RoutePage out;
    auto at = after ? entries_.upper_bound(*after) : entries_.begin();
    for (std::size_t i = 0; i < most && at != entries_.end(); i++, ++at) {
        if (auto route = seen(at->first, at->second)) out.rows.push_back(std::move(*route));
        if (i + 1 == most) out.next = at->first;
    }
    if (at == entries_.end()) out.next.reset();
    return out;
}

std::vector<RouteEntry> FibWriter::routes_to(std::uint8_t family, const Ipv6Addr& host) const {
    std::vector<RouteEntry> out;
    for (unsigned bits = 0; bits <= bits_of(family); bits++) {
        const auto len = static_cast<std::uint8_t>(bits);
        const auto at = entries_.find(AnyPrefix{family, len, masked(host, len)});
        if (at == entries_.end()) continue;
        if (auto route = seen(at->first, at->second)) out.push_back(std::move(*route));
    }
    return out;
}

std::optional<RouteEntry> FibWriter::route_of(std::uint8_t family, const Ipv6Addr& host) const {
    for (int bits = family == 4 ? 32 : 128; bits >= 0; bits--) {
        const auto len = static_cast<std::uint8_t>(bits);
        const AnyPrefix prefix{family, len, masked(host, len)};
        const auto at = entries_.find(prefix);
        if (at == entries_.end() || at->second.group == 0) continue;
        const Entry& e = at->second;
        const bool routed = !e.local && !e.routes.empty();
        return RouteEntry{prefix, routed ? e.routes.front().hops : std::vector<NextHop>{}, e.local,
                          routed && e.routes.front().hops.empty()};
    }
    return std::nullopt;
}

std::vector<NeighbourEntry> FibWriter::neighbours() const {
    std::vector<NeighbourEntry> out;
    for (const auto& [p, n] : neighbours_)
        out.push_back({p.family, p.port, p.vlan, p.address, n.mac});
    return out;
}

}  // namespace isthmus::pipeline
