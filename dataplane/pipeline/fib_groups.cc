// SPDX-License-Identifier: Apache-2.0
// The writer's adjacencies and groups: made when a prefix wants them, counted, and reclaimed when
// the readers have passed.
#include <algorithm>
#include <utility>

#include "dataplane/pipeline/fib_writer.h"

namespace isthmus::pipeline {

FibWriter::FibWriter(Fib& fib, Grace* grace) : fib_(fib), grace_(grace) {
    // Adjacency 0 and group 0 say "no route"; the first ones after them never change.
    place_of_.resize(Fib::kDiscardGroup + 1);
    group_use_.resize(Fib::kDiscardGroup + 1);
    const auto fixed = [&](std::uint32_t id, Adjacency::State state) {
        Adjacency a;
        a.state = state;
        fib_.write(id, a);
        fib_.groups_[id].member[0].store(id, std::memory_order_release);
        fib_.groups_[id].n.store(1, std::memory_order_release);
    };
    fixed(Fib::kLocalGroup, Adjacency::State::local);
    fixed(Fib::kDiscardGroup, Adjacency::State::blackhole);
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
    for (const auto& [place, use] : adjacencies_) refresh(use.id, place);
}

/// The adjacency of a next hop, counted for one group.
std::optional<AdjacencyId> FibWriter::acquire_adjacency(const Place& place) {
    const auto known = adjacencies_.find(place);
    if (known != adjacencies_.end()) {
        known->second.groups++;
        return known->second.id;
    }
    if (free_adjacencies_.empty() && place_of_.size() >= Fib::kAdjacencies) reclaim_now();
    AdjacencyId id = 0;
    if (!free_adjacencies_.empty()) {
        id = free_adjacencies_.back();
        free_adjacencies_.pop_back();
        place_of_[id] = place;
    } else if (place_of_.size() < Fib::kAdjacencies) {
        id = static_cast<AdjacencyId>(place_of_.size());
        place_of_.push_back(place);
    } else {
        return std::nullopt;
    }
    adjacencies_[place] = {id, 1, 0};
    if (!place.glean) perhaps_unresolved_.push_back(place);
    refresh(id, place);
    return id;
}

void FibWriter::release_adjacencies(const std::vector<AdjacencyId>& members) {
    for (const AdjacencyId id : members) {
        const auto a = adjacencies_.find(place_of_[id]);
        if (--a->second.groups != 0) continue;
        adjacencies_.erase(a);
        free_adjacencies_.push_back(id);
    }
}

std::optional<std::uint32_t> FibWriter::free_group() {
    if (free_groups_.empty() && group_use_.size() >= Fib::kGroups) reclaim_now();
    if (!free_groups_.empty()) {
        const std::uint32_t id = free_groups_.back();
        free_groups_.pop_back();
        return id;
    }
    if (group_use_.size() >= Fib::kGroups) return std::nullopt;
    group_use_.emplace_back();
    return static_cast<std::uint32_t>(group_use_.size() - 1);
}

/// The group of some next hops, counted for one prefix.
std::optional<std::uint32_t> FibWriter::acquire_group(const std::vector<Place>& places) {
    std::vector<AdjacencyId> members;
    for (const Place& p : places) {
        const auto id = acquire_adjacency(p);
        if (!id) {
            release_adjacencies(members);
            return std::nullopt;
        }
        members.push_back(*id);
    }
    const auto known = groups_.find(members);
    if (known != groups_.end()) {
        release_adjacencies(members);
        group_use_[known->second].prefixes++;
        return known->second;
    }
    const auto id = free_group();
    if (!id) {
        release_adjacencies(members);
        return std::nullopt;
    }
    auto& g = fib_.groups_[*id];
    for (std::size_t i = 0; i < members.size(); i++)
        g.member[i].store(members[i], std::memory_order_release);
    g.n.store(static_cast<std::uint32_t>(members.size()), std::memory_order_release);
    groups_[members] = *id;
    for (const AdjacencyId m : members) adjacencies_.find(place_of_[m])->second.live++;
    group_use_[*id] = {std::move(members), 1};
    return id;
}

void FibWriter::release_group(std::uint32_t id) {
    if (id <= Fib::kDiscardGroup) return;
    GroupUse& u = group_use_[id];
    if (--u.prefixes != 0) return;
    groups_.erase(u.members);
    for (const AdjacencyId m : u.members) adjacencies_.find(place_of_[m])->second.live--;
    open_.groups.push_back(id);
}

void FibWriter::free_batch(const Batch& b) {
    for (const std::uint32_t id : b.groups) {
        // Who could come to the group could come to its adjacencies: the same wait frees both.
        release_adjacencies(std::exchange(group_use_[id].members, {}));
        free_groups_.push_back(id);
    }
    for (const std::uint32_t n : b.nodes4) fib_.v4_.give_back(n);
    for (const std::uint32_t n : b.nodes6) fib_.v6_.give_back(n);
}

void FibWriter::reclaim() {
    if (open_.size() != 0) {
        open_.ticket = grace_ == nullptr ? 0 : grace_->take_ticket();
        waiting_.push_back(std::exchange(open_, Batch{}));
    }
    while (!waiting_.empty() && (grace_ == nullptr || grace_->passed(waiting_.front().ticket))) {
        free_batch(waiting_.front());
        waiting_.pop_front();
    }
}

void FibWriter::reclaim_now() {
    reclaim();
    if (waiting_.empty()) return;
    grace_->wait(waiting_.back().ticket);
    reclaim();
}

std::vector<ResolveRequest> FibWriter::take_unresolved(std::size_t most) {
    std::vector<ResolveRequest> out;
    while (!perhaps_unresolved_.empty() && out.size() < most) {
        const Place p = perhaps_unresolved_.front();
        perhaps_unresolved_.pop_front();
        const auto a = adjacencies_.find(p);
        const auto iface = ifaces_.find({p.port, p.vlan});
        const bool wanted = a != adjacencies_.end() && a->second.live != 0 &&
                            iface != ifaces_.end() && iface->second.up;
        if (!wanted || neighbours_.contains(p)) continue;
        asked_.insert(p);
        out.push_back({p.port, p.vlan, p.family, p.address});
    }
    return out;
}

void FibWriter::retry_unresolved() {
    perhaps_unresolved_.insert(perhaps_unresolved_.end(), asked_.begin(), asked_.end());
    asked_.clear();
}

FibWriter::Use FibWriter::use() const {
    Use u;
    u.prefixes = entries_.size();
    u.adjacencies = adjacencies_.size();
    u.groups = groups_.size();
    u.retired = open_.size();
    for (const Batch& b : waiting_) u.retired += b.size();
    u.refused = refused_;
    u.nodes4 = fib_.v4_.nodes_used();
    u.nodes6 = fib_.v6_.nodes_used();
    return u;
}

}  // namespace isthmus::pipeline
