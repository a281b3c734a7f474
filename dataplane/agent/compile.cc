// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/compile.h"

#include <algorithm>
#include <vector>

#include "common/config/validate.h"

namespace isthmus::agent {

namespace {

using nat::PoolSlot;

/// An address that needs a pool slot.
struct Wanted {
    Ipv4Addr addr;
    config::PortRange ports;
    std::uint8_t group = 0;
    bool draining = false;
};

/// The lowest id that is not `taken`, or -1.
template <typename Taken>
int free_id(unsigned most, Taken&& taken) {
    for (unsigned i = 0; i < most; i++) {
        if (!taken(i)) return static_cast<int>(i);
    }
    return -1;
}

std::vector<Pref64> wanted_prefixes(const config::Nat64Config& c) {
    std::vector<Pref64> out;
    for (const auto& e : c.prefixes) out.push_back(e.prefix);
    if (out.empty() && c.stateful())
        out.push_back({kWellKnownPrefix.addr, kWellKnownPrefix.len_bits});
    return out;
}

Status compile_prefixes(const CompileInput& in, pipeline::Snapshot& s) {
    std::vector<Pref64> fresh = wanted_prefixes(*in.policy);
    for (unsigned i = 0; in.previous != nullptr && i < nat::kPrefixesMax; i++) {
        const auto& old = in.previous->nat.prefix[i];
        s.nat.prefix[i].retired = old.live ? s.generation : old.retired;
        const auto same = std::find(fresh.begin(), fresh.end(), old.pref);
        if (!old.live || same == fresh.end()) continue;
        s.nat.prefix[i] = old;
        fresh.erase(same);
    }
    for (const Pref64& w : fresh) {
        const int id = free_id(nat::kPrefixesMax, [&](unsigned i) {
            return s.nat.prefix[i].live || s.nat.prefix[i].retired > in.swept;
        });
        if (id < 0)
            return Error{"nat64.prefixes",
                         "no id is free until the workers have swept what was removed; try again "
                         "in some seconds"};
        s.nat.prefix[static_cast<unsigned>(id)] = {true, w.is_well_known(), w, 0};
    }
    const std::vector<Pref64> all = wanted_prefixes(*in.policy);
    for (nat::PrefixSlot& p : s.nat.prefix) {
        if (!p.live) continue;
        p.rank = static_cast<std::uint8_t>(std::find(all.begin(), all.end(), p.pref) - all.begin());
    }
    return Done{};
}

std::vector<Wanted> wanted_addresses(const config::Nat64Config& c, unsigned most) {
    std::vector<Wanted> out;
    const auto groups = pool_groups(c);
    for (const auto& e : c.pool) {
        for (std::uint64_t k = 0; k < e.addresses.size() && out.size() <= most; k++) {
            out.push_back(
                {Ipv4Addr::from_host(e.addresses.addr.host() + static_cast<std::uint32_t>(k)),
                 e.ports, groups.at(e.name), e.drain});
        }
    }
    for (const auto& e : c.fixed) {
        const bool known =
            std::any_of(out.begin(), out.end(), [&](const Wanted& w) { return w.addr == e.ipv4; });
        if (!known) out.push_back({e.ipv4, {1, 65535}, nat::kStaticGroup, false});
    }
    return out;
}

void fill(PoolSlot& slot, const Wanted& w) {
    slot.state = w.draining ? PoolSlot::State::draining : PoolSlot::State::active;
    slot.addr = w.addr;
    slot.first_port = w.ports.first;
    slot.last_port = w.ports.last;
    slot.group = w.group;
    slot.retired = 0;
}

Status compile_pool(const CompileInput& in, pipeline::Snapshot& s) {
    const unsigned most = std::min<unsigned>(in.max_pool_addresses, nat::kSlotsMax);
    const std::vector<Wanted> wanted = wanted_addresses(*in.policy, most);
    for (unsigned i = 0; in.previous != nullptr && i < most; i++) {
        const PoolSlot& old = in.previous->nat.slot[i];
        s.nat.slot[i].retired = old.state != PoolSlot::State::unused ? s.generation : old.retired;
        // For its return:
        s.nat.slot[i].addr = old.addr;
        s.nat.slot[i].first_owner = old.first_owner;
        s.nat.slot[i].n_owners = old.n_owners;
    }
    std::vector<Wanted> fresh;
    for (const Wanted& w : wanted) {
        const int old = in.previous == nullptr ? -1 : in.previous->nat.slot_of(w.addr);
        if (old < 0) {
            fresh.push_back(w);
            continue;
        }
        // Its workers stay too: the owner of a binding never changes.
        PoolSlot& slot = s.nat.slot[static_cast<unsigned>(old)];
        slot = in.previous->nat.slot[static_cast<unsigned>(old)];
        fill(slot, w);
    }
    for (const Wanted& w : fresh) {
        const auto taken = [&](unsigned i) {
            const PoolSlot& slot = s.nat.slot[i];
            return slot.state != PoolSlot::State::unused || slot.retired > in.swept;
        };
        // An address that comes back gets the slot and the workers that it had, for there some of
        // its ports rest: at once, too. What of its bindings is not yet swept then lives on.
        int id = free_id(most, [&](unsigned i) {
            const PoolSlot& slot = s.nat.slot[i];
            return slot.state != PoolSlot::State::unused || slot.addr != w.addr;
        });
        if (id < 0) id = free_id(most, taken);
        if (id < 0) {
            return Error{"nat64.pool", "more addresses than dataplane.max_pool_addresses (" +
                                           std::to_string(most) +
                                           "), counting those just removed; raise it and restart "
                                           "isthmus-dataplane, or try again in some seconds"};
        }
        PoolSlot& slot = s.nat.slot[static_cast<unsigned>(id)];
        if (slot.addr != w.addr) slot.first_owner = slot.n_owners = 0;
        fill(slot, w);
    }
    s.nat.n_slots = most;
    return Done{};
}

void compile_rules(const config::Nat64Config& c, pipeline::Snapshot& s) {
    nat::Policy& n = s.nat;
    n.subscriber_bits = c.subscriber_prefix_len;
    n.address_dependent_filtering = c.filtering == config::Filtering::address_dependent;
    n.pooling_soft = c.pooling == config::Pooling::soft;
    n.preserve_parity = c.preserve_parity;
    n.drop_external_tcp = c.drop_external_tcp;
    n.v4_refresh = c.v4_refresh;
    n.tcp_probes = c.tcp_probes;
    n.rst_in_fin = c.rst_in_fin && c.profile != config::Profile::strict;
    n.drop_tcp_strays = c.drop_tcp_without_session;
    n.lifetimes = {ticks_of_seconds(c.lifetimes.udp),
                   ticks_of_seconds(c.lifetimes.icmp),
                   ticks_of_seconds(c.lifetimes.tcp_established),
                   ticks_of_seconds(c.lifetimes.tcp_transitory),
                   ticks_of_seconds(c.lifetimes.tcp_half_open),
                   ticks_of_seconds(c.lifetimes.port_hold)};
    n.limits = {c.limits.ports_per_subscriber, c.limits.sessions_per_subscriber,
                c.limits.sessions_per_binding, c.limits.new_sessions_per_second,
                c.limits.ports_held,           c.limits.ports_per_subscriber_alarm};
    s.xlat.lowest_ipv6_mtu = c.lowest_ipv6_mtu;
    s.xlat.mss_clamp_64 = static_cast<std::uint16_t>(c.tcp_mss_clamp_ipv4);
    s.xlat.mss_clamp_46 = static_cast<std::uint16_t>(c.tcp_mss_clamp_ipv6);
    s.xlat.copy_traffic_class = c.copy_traffic_class;
    s.xlat.override_tos = c.override_tos;
    s.xlat.reset_traffic_class = c.reset_traffic_class;
    s.xlat.ipv6_zero_checksum = c.udp_ipv6_zero_checksum;
    s.xlat.remap_frag_id = c.frag_id == config::FragId::remap;
    s.wkp_allow_non_global = c.wkp_allow_non_global;
    s.errors_from_router = c.icmp.error_source == config::ErrorSource::router;
    s.drop_icmpv6_info = c.drop_icmpv6_info;
    s.fragment_hold = ticks_of_seconds(c.lifetimes.fragment);
    const auto errors = [&](config::IcmpErrors mode) {
        return pipeline::ErrorPolicy{static_cast<pipeline::ErrorPolicy::Mode>(mode), c.icmp.rate,
                                     c.icmp.burst, c.icmp.rate_per_source, c.icmp.burst_per_source};
    };
    s.to_ipv6 = errors(c.icmp.to_ipv6);
    s.to_ipv4 = errors(c.icmp.to_ipv4);
    const auto& table = c.non_global.empty() ? config::built_in_non_global() : c.non_global;
    for (const Prefix4& p : table) {
        s.non_global.add(p);
    }
}

}  // namespace

Expected<std::unique_ptr<pipeline::Snapshot>> compile(const CompileInput& in) {
    auto s = std::make_unique<pipeline::Snapshot>();
    s->generation = in.previous == nullptr ? 1 : in.previous->generation + 1;
    s->n_workers = s->nat.n_workers = in.n_workers;
    s->nat.seed = in.seed;
    s->nat.steering = in.steering;
    s->nat.log = in.log;
    s->interfaces = in.interfaces;
    if (in.policy != nullptr) {
        s->has_policy = true;
        compile_rules(*in.policy, *s);
        for (auto step : {&compile_prefixes, &compile_pool}) {
            const Status done = step(in, *s);
            if (!done) return done.error();
        }
        compile_carrier(*in.policy, *s);
        compile_stateless(*in.policy, *s);
    }
    s->nat.generation = s->generation;
    nat::finish_policy(s->nat);
    return s;
}

}  // namespace isthmus::agent
