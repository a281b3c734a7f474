// SPDX-License-Identifier: Apache-2.0
#include "common/config/validate.h"

#include <algorithm>

#include "common/base/limits.h"
#include "common/config/carrier.h"
#include "common/config/place.h"

namespace isthmus::config {

namespace {

class Checker {
public:
    Checker(Loaded& loaded, const std::string& name) : l_(loaded), c_(loaded.config), name_(name) {}

    void run() {
        prefixes();
        sources_inside();
        pool();
        workers();
        times();
    }

private:
    std::string at(Origin o) const { return place_of(o, name_); }
    void error(Origin o, std::string what) { l_.errors.push_back({at(o), std::move(what)}); }
    void warn(Origin o, std::string what) { l_.warnings.push_back({at(o), std::move(what)}); }

    void prefixes() {
        const auto& list = c_.nat64.prefixes;
        if (list.size() > limits::kPrefixes)
            error(list[limits::kPrefixes].origin, "more than " + std::to_string(limits::kPrefixes) +
                                                      " NAT64 prefixes; remove some");
        if (c_.nat64.non_global.size() > limits::kNonGlobal)
            error({}, "nat64.non_global: more than " + std::to_string(limits::kNonGlobal) +
                          " prefixes; join or remove some");
        for (std::size_t i = 0; i < list.size(); i++) {
            const Prefix6 p = list[i].prefix.prefix();
            if (p.overlaps(kWellKnownPrefix) && p != kWellKnownPrefix) {
                error(list[i].origin, p.text() +
                                          " overlaps the well-known prefix; use 64:ff9b::/96 "
                                          "itself, or another prefix");
            }
            for (std::size_t j = 0; j < i; j++) {
                if (list[j].prefix == list[i].prefix) {
                    error(list[i].origin, p.text() + " is written twice" +
                                              line_beside(list[j].origin, name_) + "; remove one");
                }
            }
        }
        if (list.empty() && (c_.nat64.stateful() || !c_.nat64.stateless.on()))
            warn({},
                 "no nat64.prefixes: the well-known prefix 64:ff9b::/96 is used (RFC 6146 section "
                 "3.5.4)");
    }

    /// Packets from inside a NAT64 prefix are loops or forgeries (RFC 6146 section 3.5).
    void sources_inside() {
        for (const PrefixEntry& e : c_.nat64.prefixes) {
            for (const PortConfig& port : c_.dataplane.ports) {
                for (const std::string& text : port.addresses) {
                    const auto a = Ipv6Addr::parse(text.substr(0, text.find('/')));
                    if (!a || !e.prefix.prefix().contains(*a)) continue;
                    warn(e.origin, e.prefix.prefix().text() + " contains " + a->text() +
                                       " of port " + port.name +
                                       ": what hosts of that network send is dropped "
                                       "(source_in_pref64); use another prefix");
                }
            }
        }
    }

    void pool() {
        const auto& list = c_.nat64.pool;
        std::uint64_t n = 0;
        bool private_pool = false;
        for (std::size_t i = 0; i < list.size(); i++) {
            const Prefix4& p = list[i].addresses;
            n += p.size();
            for (const char* bad : {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"}) {
                if (p.overlaps(*Prefix4::parse(bad)))
                    error(list[i].origin, p.text() + " has no unicast addresses for a pool (" +
                                              bad + "); remove it");
            }
            for (const char* inside :
                 {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}) {
                private_pool = private_pool || p.overlaps(*Prefix4::parse(inside));
            }
            for (std::size_t j = 0; j < i; j++) {
                if (!p.overlaps(list[j].addresses)) continue;
                error(list[i].origin, "pool entry " + p.text() + " overlaps " +
                                          list[j].addresses.text() +
                                          line_beside(list[j].origin, name_) +
                                          "; each address may stand in the pool once");
            }
            own_address(list[i]);
        }
        if (c_.has_dataplane && n > c_.dataplane.max_pool_addresses) {
            error(list.front().origin, "the pool has " + std::to_string(n) +
                                           " addresses and dataplane.max_pool_addresses is " +
                                           std::to_string(c_.dataplane.max_pool_addresses) +
                                           "; raise it or shorten the pool");
        }
        wkp_with_private(private_pool);
    }

    void own_address(const PoolEntry& entry) {
        for (const PortConfig& port : c_.dataplane.ports) {
            own_address_on(entry, port, port.name);
            for (const VlanConfig& v : port.vlans) own_address_on(entry, v, port.name);
        }
    }

    void own_address_on(const PoolEntry& entry, const InterfaceConfig& i, const std::string& port) {
        for (const std::string& text : i.addresses) {
            const auto a = Ipv4Addr::parse(text.substr(0, text.find('/')));
            if (!a || !entry.addresses.contains(*a)) continue;
            error(entry.origin, "pool entry " + entry.addresses.text() + " contains " + a->text() +
                                    ", an address of port " + port +
                                    "; pool addresses must be nobody else's: take it out of the "
                                    "pool or off the port");
        }
    }

    void wkp_with_private(bool private_pool) {
        if (!private_pool || c_.nat64.wkp_allow_non_global) return;
        const bool wkp = c_.nat64.prefixes.empty() ||
                         std::any_of(c_.nat64.prefixes.begin(), c_.nat64.prefixes.end(),
                                     [](const PrefixEntry& e) { return e.prefix.is_well_known(); });
        if (!wkp) return;
        const Origin o = c_.nat64.prefixes.empty() ? c_.nat64.pool.front().origin
                                                   : c_.nat64.prefixes.front().origin;
        error(o,
              "the well-known prefix 64:ff9b::/96 must not be used with private IPv4 addresses "
              "(RFC 6052 section 3.1); "
              "use a prefix of your own, or set nat64.wkp_allow_non_global = true in a laboratory");
    }

    void workers() {
        auto cpus = c_.dataplane.workers;
        const auto line = l_.line_of.find("dataplane.workers");
        const Origin here{line == l_.line_of.end() ? 0 : line->second};
        if (cpus.size() > limits::kWorkers)
            error(here, "more than " + std::to_string(limits::kWorkers) + " workers; remove some");
        std::sort(cpus.begin(), cpus.end());
        if (const auto twice = std::adjacent_find(cpus.begin(), cpus.end()); twice != cpus.end())
            warn(here, "CPU " + std::to_string(*twice) +
                           " has two workers: each of them gets a part of it");
    }

    void times() {
        const Lifetimes& t = c_.nat64.lifetimes;
        const bool unsafe = c_.nat64.profile == Profile::unsafe;
        if (unsafe)
            warn({}, "nat64.profile is \"unsafe\": lifetimes below the RFCs' floors are accepted");
        if (!unsafe && !c_.nat64.tcp_probes && t.tcp_established < 7440) {
            error({},
                  "nat64.lifetimes.tcp_established must be at least 7440 seconds when tcp_probes "
                  "is false (RFC 5382 REQ-5)");
        }
    }

    Loaded& l_;
    const Config& c_;
    const std::string& name_;
};

}  // namespace

void validate(Loaded& loaded, const std::string& name) {
    Checker(loaded, name).run();
    validate_ports(loaded, name);
    validate_texts(loaded, name);
    validate_carrier(loaded, name);
}

const std::vector<Prefix4>& built_in_non_global() {
    static const std::vector<Prefix4> kTable = [] {
        std::vector<Prefix4> out;
        for (const char* text :
             {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
              "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
              "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"}) {
            out.push_back(*Prefix4::parse(text));
        }
        return out;
    }();
    return kTable;
}

std::vector<Problem> pool_against_host(const Nat64Config& nat64, const std::vector<Ipv4Addr>& host,
                                       const std::string& name) {
    std::vector<Problem> out;
    for (const PoolEntry& e : nat64.pool) {
        for (const Ipv4Addr a : host) {
            if (!e.addresses.contains(a)) continue;
            out.push_back(
                {place_of(e.origin, name),
                 "pool entry " + e.addresses.text() + " contains " + a.text() +
                     ", which this host uses itself; take it out of the pool or off the host"});
        }
    }
    for (const Ipv4Addr a : nat64.icmp.rfc6791_pool) {
        if (nat64.stateless.on() && std::count(host.begin(), host.end(), a) != 0)
            out.push_back({name, "rfc6791_pool address " + a.text() +
                                     " is this host's own; leave the list empty to use it"});
    }
    for (const EamEntry& e : nat64.stateless.eam) {
        for (const Ipv4Addr a : host) {
            if (!nat64.stateless.answer_arp || !e.ipv4.contains(a)) continue;
            out.push_back({place_of(e.origin, name),
                           "nat64.stateless.answer_arp: " + e.ipv4.text() + " contains " +
                               a.text() + ", which this host uses itself; take it away"});
        }
    }
    for (const StaticEntry& e : nat64.fixed) {
        if (!e.outside_pool || std::count(host.begin(), host.end(), e.ipv4) == 0) continue;
        out.push_back(
            {place_of(e.origin, name), "static binding of " + e.ipv4.text() +
                                           ", which this host uses itself; bind another address"});
    }
    return out;
}

}  // namespace isthmus::config
