// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/stateless_map.h"

#include "common/net/rfc6052.h"
#include "dataplane/pipeline/forward.h"

namespace isthmus::pipeline {

namespace {

/// The longest stateless prefix around `a`, or nullptr.
const StatelessPrefix* prefix_of(const Stateless& s, const Ipv6Addr& a) noexcept {
    const StatelessPrefix* best = nullptr;
    for (unsigned i = 0; i < s.n_prefixes; i++) {
        const StatelessPrefix& p = s.prefix[i];
        if (!p.pref.contains(a)) continue;
        if (best == nullptr || p.pref.len_bits > best->pref.len_bits) best = &p;
    }
    return best;
}

In4 behind(const Snapshot& cfg, const Pref64& pref, bool well_known, const Ipv6Addr& a) noexcept {
    const Ipv4Addr z = extract(a, pref.len_bits);
    if (!well_known) return {Mapped::prefix, z};
    const bool bad = !cfg.wkp_allow_non_global && cfg.non_global.contains(z);
    return {bad ? Mapped::forbidden : Mapped::well_known, z};
}

}  // namespace

In4 to4(const Snapshot& cfg, const Ipv6Addr& a, Behind which) noexcept {
    if (const auto mapped = cfg.stateless.eam.to4(a)) return {Mapped::eam, *mapped};
    if (const StatelessPrefix* p = prefix_of(cfg.stateless, a))
        return behind(cfg, p->pref, p->well_known, a);
    const int id = which == Behind::any_prefix ? cfg.nat.match_prefix(a) : -1;
    if (id < 0) return {};
    const nat::PrefixSlot& p = cfg.nat.prefix[static_cast<unsigned>(id)];
    return behind(cfg, p.pref, p.well_known, a);
}

In6 to6(const Snapshot& cfg, Ipv4Addr a, UseEam eam) noexcept {
    if (eam == UseEam::yes) {
        if (const auto mapped = cfg.stateless.eam.to6(a)) return {Mapped::eam, *mapped};
    }
    const bool global = cfg.wkp_allow_non_global || !cfg.non_global.contains(a);
    const auto of = [&](const Pref64& pref, bool well_known) {
        return In6{well_known ? Mapped::well_known : Mapped::prefix, embed(pref, a)};
    };
    const Stateless& s = cfg.stateless;
    for (unsigned i = 0; i < s.n_prefixes; i++) {
        if (global || !s.prefix[i].well_known) return of(s.prefix[i].pref, s.prefix[i].well_known);
    }
    if (s.n_prefixes != 0) return {Mapped::forbidden, {}};
    const int id = default_prefix(cfg, a);
    if (id < 0) return {cfg.nat.n_prefixes == 0 ? Mapped::none : Mapped::forbidden, {}};
    const nat::PrefixSlot& p = cfg.nat.prefix[static_cast<unsigned>(id)];
    return of(p.pref, p.well_known);
}

bool in_stateless_prefix(const Snapshot& cfg, const Ipv6Addr& a) noexcept {
    return prefix_of(cfg.stateless, a) != nullptr;
}

bool has_host(const Snapshot& cfg, Ipv4Addr a) noexcept {
    const Stateless& s = cfg.stateless;
    for (unsigned i = 0; i < s.n_ipv4; i++) {
        if (s.ipv4[i].contains(a)) return true;
    }
    return s.eam.find(a) != nullptr;
}

bool leads_back(const Snapshot& cfg, Ipv4Addr a) noexcept {
    if (cfg.nat.slot_of(a) >= 0) return true;
    const Stateless& s = cfg.stateless;
    if (is_likely(!s.on)) return false;
    for (unsigned i = 0; i < s.n_ipv4; i++) {
        if (s.ipv4[i].len_bits != 0 && s.ipv4[i].contains(a)) return true;
    }
    return s.eam.find(a) != nullptr;
}

bool goes_without_state(const Snapshot& cfg, const Ipv6Addr& src, const Ipv6Addr& dst,
                        int prefix) noexcept {
    const Stateless& s = cfg.stateless;
    if (s.eam.find(dst) != nullptr || prefix_of(s, dst) != nullptr) return true;
    return prefix >= 0 && s.eam.find(src) != nullptr;
}

}  // namespace isthmus::pipeline
