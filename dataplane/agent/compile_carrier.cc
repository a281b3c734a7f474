// SPDX-License-Identifier: Apache-2.0
// Rules, exclusions, timers, blocks, deterministic NAT and static bindings: from names and text to
// the ids that workers read.
#include <algorithm>
#include <bit>

#include "dataplane/agent/compile.h"

namespace isthmus::agent {

namespace {

void compile_lists(const config::Nat64Config& c, nat::Policy& n) {
    const auto groups = pool_groups(c);
    n.n_rules = 0;
    for (const auto& r : c.rules) {
        if (n.n_rules < nat::kRulesMax) n.rule[n.n_rules++] = {r.source, groups.at(r.pool)};
    }
    n.n_excluded = 0;
    for (const auto& e : c.exclude) {
        if (n.n_excluded < nat::kExcludedMax)
            n.excluded[n.n_excluded++] = {e.destination, e.ports.first, e.ports.last};
    }
    n.n_udp_timers = 0;
    for (const auto& t : c.udp_timers) {
        if (n.n_udp_timers < nat::kUdpTimersMax)
            n.udp_timer[n.n_udp_timers++] = {Be16{t.port}, ticks_of_seconds(t.seconds)};
    }
}

void compile_deterministic(const config::Nat64Config& c, nat::Policy& n) {
    const config::Deterministic& from = c.deterministic;
    const auto source = Prefix6::parse(from.source);
    if (from.source.empty() || !source) return;
    nat::Deterministic& d = n.deterministic;
    d.on = true;
    d.inside = *source;
    d.per_address = from.subscribers_per_address;
    d.dynamic = static_cast<std::uint8_t>(from.dynamic);
    d.most_blocks = static_cast<std::uint8_t>(from.blocks_per_subscriber);
    for (const auto& e : c.pool) {
        if (e.name != from.pool) continue;
        d.first_port = e.ports.first;
        d.ports_each = (e.ports.last - e.ports.first + 1U) / (d.per_address + from.dynamic);
        for (std::uint64_t k = 0; k < e.addresses.size() && d.n_slots < nat::kSlotsMax; k++) {
            const int slot = n.slot_of(
                Ipv4Addr::from_host(e.addresses.addr.host() + static_cast<std::uint32_t>(k)));
            d.slot[d.n_slots++] = static_cast<std::uint16_t>(slot);
        }
    }
}

void add_static(const config::StaticEntry& e, Proto proto, nat::Policy& n) {
    const int slot = n.slot_of(e.ipv4);
    for (std::uint32_t k = 0; slot >= 0 && k <= std::uint32_t{e.ports.last} - e.ports.first; k++) {
        if (n.n_static >= nat::kStaticMax) return;
        n.fixed[n.n_static++] = {{e.ipv6, Be16{static_cast<std::uint16_t>(e.ipv6_ports.first + k)}},
                                 {e.ipv4, Be16{static_cast<std::uint16_t>(e.ports.first + k)}},
                                 static_cast<std::uint16_t>(slot),
                                 proto};
    }
}

void compile_static(const config::Nat64Config& c, nat::Policy& n) {
    using P = config::StaticEntry::Protocol;
    for (const auto& e : c.fixed) {
        if (e.protocol == P::tcp || e.protocol == P::all) add_static(e, Proto::tcp, n);
        if (e.protocol == P::udp || e.protocol == P::all) add_static(e, Proto::udp, n);
        if (e.protocol == P::icmp || e.protocol == P::all) add_static(e, Proto::icmp, n);
    }
}

}  // namespace

std::map<std::string, std::uint8_t> pool_groups(const config::Nat64Config& policy) {
    std::map<std::string, std::uint8_t> out{{"", 0}, {"default", 0}};
    for (const auto& e : policy.pool) {
        if (out.size() < nat::kGroupsMax + 1)
            out.emplace(e.name, static_cast<std::uint8_t>(out.size() - 1));
    }
    return out;
}

void compile_carrier(const config::Nat64Config& policy, pipeline::Snapshot& s) {
    nat::Policy& n = s.nat;
    n.blocks.bits = static_cast<std::uint8_t>(
        policy.port_blocks.size == 0 ? 0 : std::countr_zero(policy.port_blocks.size));
    n.blocks.most = static_cast<std::uint8_t>(policy.port_blocks.per_subscriber);
    n.blocks.hold = ticks_of_seconds(policy.port_blocks.hold);
    const std::uint32_t share = (policy.limits.stored_syns + s.n_workers - 1) / s.n_workers;
    n.stored_syns = {share, policy.limits.stored_syns_per_source};
    compile_lists(policy, n);
    nat::finish_policy(n);  // slot_of() answers from here on
    compile_deterministic(policy, n);
    compile_static(policy, n);
}

}  // namespace isthmus::agent
