// SPDX-License-Identifier: Apache-2.0
#include "common/config/carrier.h"

namespace isthmus::config {

namespace {

std::string quoted(const std::string& s) { return "\"" + s + "\""; }

std::string element(const RuleEntry& e) {
    return "{ source = " + quoted(e.source.text()) + "; pool = " + quoted(e.pool) + "; }";
}
std::string element(const StaticEntry& e) { return text_of(e); }
std::string element(const ExcludeEntry& e) {
    return "{ destination = " + quoted(e.destination.text()) +
           "; ports = " + quoted(ports_text(e.ports)) + "; }";
}
std::string element(const UdpTimerEntry& e) {
    return "{ port = " + std::to_string(e.port) + "; seconds = " + std::to_string(e.seconds) +
           "; }";
}
std::string element(const PrefixEntry& e) { return quoted(e.prefix.text()); }
std::string element(const Prefix4& e) { return quoted(e.text()); }
std::string element(const EamEntry& e) {
    return "{ ipv4 = " + quoted(e.ipv4.text()) + "; ipv6 = " + quoted(e.ipv6.text()) +
           (e.force ? "; force = true; }" : "; }");
}

template <typename List>
std::string whole(const List& list) {
    std::string out = "(";
    for (const auto& e : list) out += (out.size() == 1 ? "" : ", ") + element(e);
    return out + ")";
}

}  // namespace

std::string ports_text(const PortRange& r) {
    return r.first == r.last ? std::to_string(r.first)
                             : std::to_string(r.first) + "-" + std::to_string(r.last);
}

const char* name_of(StaticEntry::Protocol p) {
    switch (p) {
        case StaticEntry::Protocol::tcp:
            return "tcp";
        case StaticEntry::Protocol::udp:
            return "udp";
        case StaticEntry::Protocol::icmp:
            return "icmp";
        default:
            return "all";
    }
}

std::string text_of(const PoolEntry& e) {
    std::string out = "{ addresses = " + quoted(e.addresses.text()) +
                      "; ports = " + quoted(ports_text(e.ports)) + "; ";
    if (!e.name.empty()) out += "name = " + quoted(e.name) + "; ";
    if (e.drain) out += "drain = true; ";
    if (e.drain_until != 0) out += "drain_until = " + std::to_string(e.drain_until) + "L; ";
    return out + "}";
}

std::string text_of(const StaticEntry& e) {
    std::string out =
        "{ protocol = " + quoted(name_of(e.protocol)) + "; ipv4 = " + quoted(e.ipv4.text()) +
        "; ports = " + quoted(ports_text(e.ports)) + "; ipv6 = " + quoted(e.ipv6.text()) + "; ";
    if (e.ipv6_ports != e.ports) out += "ipv6_ports = " + quoted(ports_text(e.ipv6_ports)) + "; ";
    if (e.outside_pool) out += "outside_pool = true; ";
    return out + "}";
}

std::string carrier_list_text(const std::string& path, const Nat64Config& c) {
    if (path == "nat64.rules") return whole(c.rules);
    if (path == "nat64.static") return whole(c.fixed);
    if (path == "nat64.exclude") return whole(c.exclude);
    if (path == "nat64.udp_timers") return whole(c.udp_timers);
    if (path == "nat64.stateless.prefixes") return whole(c.stateless.prefixes);
    if (path == "nat64.stateless.ipv4") return whole(c.stateless.ipv4);
    return whole(c.stateless.eam);
}

}  // namespace isthmus::config
