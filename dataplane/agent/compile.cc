// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/compile.h"

#include <vector>

#include "common/config/validate.h"

namespace isthmus::agent {

namespace {

using nat::PoolSlot;

struct Wanted {
    Ipv4Addr addr;
    config::PortRange ports;
};

/// An id that is free in `now` and was not in use by something else a snapshot ago.
template <typename Used>
int free_id(unsigned most, Used&& used) {
    for (unsigned i = 0; i < most; i++) {
        if (!used(i)) return static_cast<int>(i);
    }
    return -1;
}

Status compile_prefixes(const CompileInput& in, pipeline::Snapshot& s) {
    std::vector<Pref64> wanted;
    for (const auto& e : in.policy->prefixes) wanted.push_back(e.prefix);
    if (wanted.empty()) wanted.push_back({kWellKnownPrefix.addr, kWellKnownPrefix.len_bits});
    std::vector<Pref64> fresh;
    for (const Pref64& w : wanted) {
        bool kept = false;
        for (unsigned i = 0; in.previous != nullptr && i < nat::kPrefixesMax; i++) {
            const auto& old = in.previous->nat.prefix[i];
            if (!old.live || old.pref != w) continue;
            s.nat.prefix[i] = old;
            kept = true;
        }
        if (!kept) fresh.push_back(w);
    }
    for (const Pref64& w : fresh) {
        const int id = free_id(nat::kPrefixesMax, [&](unsigned i) {
            const bool old = in.previous != nullptr &&
                             in.previous->nat.prefix[i].pref.len_bits != 0 &&
                             in.previous->nat.prefix[i].live;
            return s.nat.prefix[i].live || old || (!in.reusable && i < s.nat.n_prefixes);
        });
        if (id < 0)
            return Error{"nat64.prefixes",
                         "no id is free until the workers have swept what was removed; try again "
                         "in some seconds"};
        s.nat.prefix[static_cast<unsigned>(id)] = {true, w.is_well_known(), w};
    }
    return Done{};
}

Status compile_pool(const CompileInput& in, pipeline::Snapshot& s) {
    std::vector<Wanted> fresh;
    const unsigned most = std::min<unsigned>(in.max_pool_addresses, nat::kSlotsMax);
    for (const auto& e : in.policy->pool) {
        for (std::uint64_t k = 0; k < e.addresses.size(); k++) {
            const Ipv4Addr addr =
                Ipv4Addr::from_host(e.addresses.addr.host() + static_cast<std::uint32_t>(k));
            const int old = in.previous == nullptr ? -1 : in.previous->nat.slot_of(addr);
            if (old < 0) {
                fresh.push_back({addr, e.ports});
                if (fresh.size() > most) break;
                continue;
            }
            PoolSlot& slot = s.nat.slot[static_cast<unsigned>(old)];
            slot.state = PoolSlot::State::active;
            slot.addr = addr;
            slot.first_port = e.ports.first;
            slot.last_port = e.ports.last;
        }
    }
    for (const Wanted& w : fresh) {
        const int id = free_id(most, [&](unsigned i) {
            const bool old =
                in.previous != nullptr && in.previous->nat.slot[i].state != PoolSlot::State::unused;
            return s.nat.slot[i].state != PoolSlot::State::unused || old ||
                   (!in.reusable && in.previous != nullptr && i < in.previous->nat.n_slots);
        });
        if (id < 0) {
            return Error{"nat64.pool", "more addresses than dataplane.max_pool_addresses (" +
                                           std::to_string(most) +
                                           "), counting those just removed; raise it and restart "
                                           "isthmus-dataplane, or try again in some seconds"};
        }
        PoolSlot& slot = s.nat.slot[static_cast<unsigned>(id)];
        slot.state = PoolSlot::State::active;
        slot.addr = w.addr;
        slot.first_port = w.ports.first;
        slot.last_port = w.ports.last;
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
    n.rst_in_fin = c.rst_in_fin;
    n.lifetimes = {ticks_of_seconds(c.lifetimes.udp), ticks_of_seconds(c.lifetimes.icmp),
                   ticks_of_seconds(c.lifetimes.tcp_established),
                   ticks_of_seconds(c.lifetimes.tcp_transitory),
                   ticks_of_seconds(c.lifetimes.port_hold)};
    n.limits = {c.limits.ports_per_subscriber, c.limits.sessions_per_subscriber,
                c.limits.sessions_per_binding, c.limits.new_sessions_per_second};
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
                                     c.icmp.burst, c.icmp.rate_per_source};
    };
    s.to_ipv6 = errors(c.icmp.to_ipv6);
    s.to_ipv4 = errors(c.icmp.to_ipv4);
    const auto& table = c.non_global.empty() ? config::built_in_non_global() : c.non_global;
    for (const Prefix4& p : table) {
        if (s.non_global.n < pipeline::NonGlobal::kMax) s.non_global.prefix[s.non_global.n++] = p;
    }
}

}  // namespace

Expected<std::unique_ptr<pipeline::Snapshot>> compile(const CompileInput& in) {
    auto s = std::make_unique<pipeline::Snapshot>();
    s->generation = in.previous == nullptr ? 1 : in.previous->generation + 1;
    s->n_workers = s->nat.n_workers = in.n_workers;
    s->nat.seed = in.seed;
    s->nat.log = in.log;
    s->interfaces = in.interfaces;
    if (in.policy != nullptr) {
        s->has_policy = true;
        compile_rules(*in.policy, *s);
        for (auto step : {&compile_prefixes, &compile_pool}) {
            const Status done = step(in, *s);
            if (!done) return done.error();
        }
    }
    s->nat.generation = s->generation;
    nat::finish_policy(s->nat);
    return s;
}

}  // namespace isthmus::agent
