// SPDX-License-Identifier: Apache-2.0
// What is translated without state, from the policy to the snapshot; and the answer to "what stands
// for what".
#include "common/net/rfc6052.h"
#include "dataplane/agent/compile.h"
#include "dataplane/agent/stateless_view.h"
#include "dataplane/pipeline/stateless_map.h"

namespace isthmus::agent {

using api::Json;
using pipeline::Mapped;

void compile_stateless(const config::Nat64Config& policy, pipeline::Snapshot& snapshot) {
    const config::Stateless& from = policy.stateless;
    pipeline::Stateless& s = snapshot.stateless;
    s.on = from.on();
    s.hairpin = static_cast<pipeline::Stateless::Hairpin>(from.hairpin);
    s.drop_zero_checksum = from.udp_zero_checksum == config::UdpZeroChecksum::drop;
    for (const auto& e : from.prefixes) {
        if (s.n_prefixes < s.prefix.size())
            s.prefix[s.n_prefixes++] = {e.prefix, e.prefix.is_well_known()};
    }
    for (const Prefix4& p : from.ipv4) {
        if (s.n_ipv4 < s.ipv4.size()) s.ipv4[s.n_ipv4++] = p;
    }
    s.name_routers = policy.icmp.name_routers;
    for (const Ipv4Addr a : policy.icmp.rfc6791_pool) {
        if (s.n_error_sources < s.error_source.size()) s.error_source[s.n_error_sources++] = a;
    }
    for (const auto& e : from.eam) (void)s.eam.add({e.ipv4, e.ipv6});
    s.eam.finish();
}

std::vector<Prefix4> answered_addresses(const config::Nat64Config& policy) {
    std::vector<Prefix4> out;
    for (const auto& e : policy.pool) out.push_back(e.addresses);
    for (const auto& e : policy.fixed) {
        if (e.outside_pool) out.push_back({e.ipv4, 32});
    }
    if (!policy.stateless.on()) return out;
    for (const Ipv4Addr a : policy.icmp.rfc6791_pool) out.push_back({a, 32});
    if (!policy.stateless.answer_arp) return out;
    for (const auto& e : policy.stateless.eam) out.push_back(e.ipv4);
    for (const Prefix4& p : policy.stateless.ipv4) out.push_back(p);
    return out;
}

namespace {

const char* name_of(Mapped how) {
    switch (how) {
        case Mapped::eam:
            return "entry";
        case Mapped::prefix:
        case Mapped::well_known:
            return "prefix";
        case Mapped::forbidden:
            return "refused: a non-global address behind the well-known prefix";
        case Mapped::none:
            return "none";
    }
    return "none";
}

/// The entry that decided, or the prefix that the result lies in.
template <typename Addr>
Json decided(const pipeline::Snapshot& cfg, const Addr& from, const std::string& to, Mapped how) {
    Json out{{"address", from.text()}, {"maps_to", pipeline::is_mapped(how) ? to : ""}};
    out["by"] = name_of(how);
    const xlat::Eam* e = cfg.stateless.eam.find(from);
    if (how == Mapped::eam && e != nullptr)
        out["by"] = "entry " + e->ipv4.text() + " " + e->ipv6.text();
    return out;
}

}  // namespace

Expected<Json> stateless_mapping(const pipeline::Snapshot& cfg, const std::string& address) {
    if (const auto a = Ipv4Addr::parse(address)) {
        const pipeline::In6 to = pipeline::to6(cfg, *a, pipeline::UseEam::yes);
        Json out = decided(cfg, *a, to.addr.text(), to.how);
        out["is_host"] = pipeline::has_host(cfg, *a);
        return out;
    }
    const auto a = Ipv6Addr::parse(address);
    if (!a) return Error{"address", "\"" + address + "\" is neither an IPv4 nor an IPv6 address"};
    const pipeline::In4 to = pipeline::to4(cfg, *a, pipeline::Behind::any_prefix);
    return decided(cfg, *a, to.addr.text(), to.how);
}

Json stateless_table(const pipeline::Snapshot& cfg, std::size_t from, std::size_t most,
                     bool& is_last) {
    const pipeline::Stateless& s = cfg.stateless;
    Json out = Json::array();
    const std::size_t all = s.eam.size() + s.n_prefixes + s.n_ipv4;
    std::size_t i = from;
    for (; i < all && out.size() < most; i++) {
        if (i < s.n_prefixes) {
            out.push_back({{"kind", "prefix"},
                           {"ipv4", i == 0 ? "without an entry" : ""},
                           {"ipv6", s.prefix[i].pref.text()}});
        } else if (i < s.n_prefixes + s.n_ipv4) {
            out.push_back({{"kind", "hosts"},
                           {"ipv4", s.ipv4[i - s.n_prefixes].text()},
                           {"ipv6", s.prefix[0].pref.text()}});
        } else {
            const xlat::Eam& e = s.eam[static_cast<unsigned>(i - s.n_prefixes - s.n_ipv4)];
            out.push_back({{"kind", "eam"}, {"ipv4", e.ipv4.text()}, {"ipv6", e.ipv6.text()}});
        }
    }
    is_last = i == all;
    return out;
}

}  // namespace isthmus::agent
