// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/route_list.h"

#include <algorithm>
#include <optional>

#include "common/api/params.h"
#include "common/api/socket.h"
#include "common/net/prefix.h"

namespace isthmus::agent {

using api::Json;
using pipeline::AnyPrefix;
using pipeline::RouteEntry;

namespace {

Ipv6Addr stored(Ipv4Addr a) {
    Ipv6Addr out{};
    const auto octets = a.octets();
    std::copy(octets.begin(), octets.end(), out.octet.begin());
    return out;
}

std::optional<AnyPrefix> prefix_of(const std::string& text) {
    if (const auto p = Prefix4::parse(text, Prefix4::Bare::allow))
        return AnyPrefix{4, p->len_bits, stored(p->addr)};
    if (const auto p = Prefix6::parse(text, Prefix6::Bare::allow))
        return AnyPrefix{6, p->len_bits, p->addr};
    return std::nullopt;
}

std::string prefix_text(const AnyPrefix& p) {
    return any_text(p.family, p.addr) + "/" + std::to_string(p.len_bits);
}

Json row_of(const RouteEntry& r, const config::Config& cfg) {
    Json hops = Json::array();
    for (const auto& h : r.hops) {
        hops.push_back({{"port", cfg.dataplane.ports[h.port].name},
                        {"vlan", h.vlan},
                        {"via", h.on_link ? "" : any_text(h.family(r.prefix.family), h.gateway)}});
    }
    return {
        {"to", prefix_text(r.prefix)}, {"local", r.local}, {"discard", r.discard}, {"hops", hops}};
}

bool leaves_by(const RouteEntry& r, const config::Config& cfg, const std::string& port) {
    return port.empty() || std::any_of(r.hops.begin(), r.hops.end(), [&](const auto& h) {
               return cfg.dataplane.ports[h.port].name == port;
           });
}

}  // namespace

std::string any_text(std::uint8_t family, const Ipv6Addr& a) {
    if (family == 6) return a.text();
    return Ipv4Addr::of(a.octet[0], a.octet[1], a.octet[2], a.octet[3]).text();
}

Expected<Json> route_list(const pipeline::FibWriter& fib, const config::Config& cfg,
                          const Json& p) {
    using Is = api::Param::Is;
    if (const Status known = api::only_these(
            p, {{"cursor"}, {"to"}, {"port_name"}, {"limit", Is::number}, {"count", Is::truth}});
        !known)
        return known.error();
    const std::string to = api::text_of(p, "to"), port = api::text_of(p, "port_name"),
                      cursor = api::text_of(p, "cursor");
    const auto limit = api::number_of(p, "limit", 0);
    pipeline::FibWriter::RoutePage page;
    if (!to.empty()) {
        const auto host = prefix_of(to);
        if (!host || host->len_bits != (host->family == 4 ? 32 : 128))
            return Error{"to", "is neither an IPv6 nor an IPv4 address", api::code::kParams};
        page.rows = fib.routes_to(host->family, host->addr);
    } else {
        std::optional<AnyPrefix> after;
        if (!cursor.empty()) after = prefix_of(cursor);
        if (!cursor.empty() && !after)
            return Error{"cursor", "is none of ours", api::code::kParams};
        page = fib.routes(after, api::kPage);
    }
    std::erase_if(page.rows, [&](const RouteEntry& r) { return !leaves_by(r, cfg, port); });
    Json out = Json::object();
    if (api::truth_of(p, "count")) {
        out["count"] = page.rows.size();
    } else {
        const auto most = static_cast<std::size_t>(limit);
        if (most != 0 && page.rows.size() > most) {
            page.rows.resize(most);
            page.next = page.rows.back().prefix;
        }
        out["rows"] = Json::array();
        for (const RouteEntry& r : page.rows) out["rows"].push_back(row_of(r, cfg));
    }
    if (page.next && to.empty()) out["next"] = prefix_text(*page.next);
    return out;
}

}  // namespace isthmus::agent
