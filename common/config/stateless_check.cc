// SPDX-License-Identifier: Apache-2.0
// Contradictions in what shall be translated without state, each with its line and a remedy.
#include <algorithm>
#include <array>

#include "common/base/limits.h"
#include "common/config/carrier.h"
#include "common/config/place.h"

namespace isthmus::config {

namespace {

bool is_private(const Prefix4& p) {
    constexpr std::array kPrivate{
        Prefix4{Ipv4Addr::of(10, 0, 0, 0), 8}, Prefix4{Ipv4Addr::of(172, 16, 0, 0), 12},
        Prefix4{Ipv4Addr::of(192, 168, 0, 0), 16}, Prefix4{Ipv4Addr::of(100, 64, 0, 0), 10}};
    return std::any_of(kPrivate.begin(), kPrivate.end(), [&](const Prefix4& inside) {
        return inside.len_bits <= p.len_bits && inside.contains(p.addr);
    });
}

class StatelessChecker {
public:
    StatelessChecker(Loaded& loaded, const std::string& file)
        : l_(loaded), n_(loaded.config.nat64), s_(n_.stateless), file_(file) {}

    void run() {
        sizes();
        for (std::size_t i = 0; i < s_.prefixes.size(); i++) prefix(i);
        ipv4();
        for (std::size_t i = 0; i < s_.eam.size(); i++) eam(i);
        error_sources();
        if (s_.answer_arp) answers();
    }

private:
    void error(Origin o, std::string what) { l_.errors.push_back({at(o), std::move(what)}); }
    void warn(Origin o, std::string what) { l_.warnings.push_back({at(o), std::move(what)}); }
    std::string at(Origin o) const { return place_of(o, file_); }

    void sizes() {
        const auto at_most = [&](const auto& list, std::size_t most, const char* what) {
            if (list.size() > most)
                error({}, std::string(what) + ": more than " + std::to_string(most) +
                              " entries; remove some");
        };
        at_most(s_.eam, limits::kEamEntries, "nat64.stateless.eam");
        at_most(s_.prefixes, limits::kPrefixes, "nat64.stateless.prefixes");
        at_most(s_.ipv4, limits::kPrefixes, "nat64.stateless.ipv4");
        at_most(n_.icmp.rfc6791_pool, limits::kErrorSources, "nat64.icmp.rfc6791_pool");
        if (s_.eam.size() > limits::kEamEntries)
            l_.config.nat64.stateless.eam.resize(limits::kEamEntries);
    }

    void prefix(std::size_t i) {
        const PrefixEntry& e = s_.prefixes[i];
        const Prefix6 p = e.prefix.prefix();
        std::vector<Prefix6> stateful;
        for (const PrefixEntry& other : n_.prefixes) stateful.push_back(other.prefix.prefix());
        if (stateful.empty()) stateful.push_back(kWellKnownPrefix);
        for (const Prefix6& other : stateful) {
            if (n_.stateful() && p.overlaps(other))
                error(e.origin, p.text() + " overlaps " + other.text() +
                                    " of nat64.prefixes; a prefix is translated with state or "
                                    "without");
        }
        for (std::size_t j = 0; j < i; j++) {
            if (s_.prefixes[j].prefix == e.prefix)
                error(e.origin, p.text() + " is written twice; remove one");
        }
    }

    void ipv4() {
        const bool own_prefix =
            std::any_of(s_.prefixes.begin(), s_.prefixes.end(),
                        [](const PrefixEntry& e) { return !e.prefix.is_well_known(); });
        if (!s_.prefixes.empty() && !own_prefix && s_.eam.empty())
            error(s_.prefixes.front().origin,
                  "no host can have an address in 64:ff9b::/96 (RFC 6052 section 3.3); give the "
                  "hosts entries in nat64.stateless.eam, or use a prefix of your own");
        if (!s_.ipv4.empty() && s_.prefixes.empty())
            error({},
                  "nat64.stateless.ipv4 needs nat64.stateless.prefixes: the prefix that these "
                  "addresses are mapped into");
        for (const Prefix4& p : s_.ipv4) {
            for (const PoolEntry& e : n_.pool) {
                if (p.len_bits != 0 && p.overlaps(e.addresses))
                    error(e.origin, "pool entry " + e.addresses.text() +
                                        " overlaps nat64.stateless.ipv4 " + p.text());
            }
        }
    }

    void eam(std::size_t i) {
        const EamEntry& e = s_.eam[i];
        if (128 - e.ipv6.len_bits < 32 - e.ipv4.len_bits)
            error(e.origin, e.ipv6.text() + " has fewer addresses than " + e.ipv4.text() +
                                " (RFC 7757 section 3.2); write a shorter IPv6 prefix");
        std::vector<Prefix6> taken{kWellKnownPrefix};
        for (const PrefixEntry& p : n_.prefixes) taken.push_back(p.prefix.prefix());
        for (const PrefixEntry& p : s_.prefixes) taken.push_back(p.prefix.prefix());
        for (const Prefix6& p : taken) {
            if (!e.ipv6.overlaps(p) || e.force) continue;
            error(e.origin, e.ipv6.text() + " lies in the NAT64 prefix " + p.text() +
                                "; write force = true if that is meant");
            break;
        }
        for (const PoolEntry& p : n_.pool) {
            if (e.ipv4.overlaps(p.addresses))
                error(e.origin, "EAM entry " + e.ipv4.text() + " overlaps pool entry " +
                                    p.addresses.text() + "; an address has one use");
        }
        for (const StaticEntry& b : n_.fixed) {
            if (e.ipv4.contains(b.ipv4))
                error(e.origin, "EAM entry " + e.ipv4.text() + " contains " + b.ipv4.text() +
                                    ", which has a static binding; an address has one use");
        }
        beside(i);
    }

    /// RFC 7757 s5: the first other entry that is in the way.
    void beside(std::size_t i) {
        const EamEntry& e = s_.eam[i];
        for (std::size_t j = 0; j < i; j++) {
            const EamEntry& other = s_.eam[j];
            const bool repeats = other.ipv4 == e.ipv4 || other.ipv6 == e.ipv6;
            if (!repeats && !other.ipv4.overlaps(e.ipv4) && !other.ipv6.overlaps(e.ipv6)) continue;
            const std::string entry = "EAM entry " + e.ipv4.text() + " " + e.ipv6.text();
            const std::string it =
                other.ipv4.text() + " " + other.ipv6.text() + line_beside(other.origin, file_);
            if (repeats) {
                error(e.origin, entry + " repeats a prefix of " + it + "; remove one");
            } else {
                warn(e.origin, entry + " overlaps " + it +
                                   ": the longest prefix decides on each side, which need not be "
                                   "the same entry (RFC 7757 section 5)");
            }
            return;
        }
    }

    /// Answering for a network that a port is on would take the hosts there off it.
    void answers() {
        const auto one = [this](Origin o, const Prefix4& p) {
            if (p.len_bits == 0)
                error(o,
                      "nat64.stateless.answer_arp with 0.0.0.0/0 would answer for everybody; "
                      "take it away");
            for (const PortConfig& port : l_.config.dataplane.ports) {
                for (const std::string& text : port.addresses) {
                    const auto a = Ipv4Addr::parse(text.substr(0, text.find('/')));
                    if (!a || p.len_bits == 0 || !p.contains(*a)) continue;
                    error(o, "nat64.stateless.answer_arp: " + p.text() + " contains " + a->text() +
                                 " of port " + port.name +
                                 ", so the hosts on that link answer themselves; take it away");
                }
            }
        };
        for (const EamEntry& e : s_.eam) one(e.origin, e.ipv4);
        for (const Prefix4& p : s_.ipv4) one({}, p);
    }

    /// RFC 6791: where ICMPv6 errors of routers without a mapping seem to come from.
    void error_sources() {
        const auto& sources = n_.icmp.rfc6791_pool;
        for (const Ipv4Addr a : sources) {
            const std::string text = "rfc6791_pool address " + a.text();
            if (is_private({a, 32}))
                warn({}, text +
                             " is private: filters on the way will drop what it sends (RFC 6791 "
                             "section 3.1)");
            for (const PoolEntry& p : n_.pool) {
                if (p.addresses.contains(a))
                    error(p.origin, text + " is in the pool entry " + p.addresses.text() +
                                        "; an address has one use");
            }
            for (const EamEntry& e : s_.eam) {
                if (e.ipv4.len_bits != 0 && e.ipv4.contains(a))
                    error(e.origin, text + " is in the EAM entry " + e.ipv4.text() +
                                        "; an address has one use");
            }
        }
        // Behind private addresses, in a CLAT, there is nobody to filter them.
        const bool faces_internet =
            std::any_of(s_.eam.begin(), s_.eam.end(),
                        [](const EamEntry& e) { return !is_private(e.ipv4); }) ||
            (s_.eam.empty() && s_.on());
        if (!sources.empty() || !faces_internet) return;
        for (const PortConfig& port : l_.config.dataplane.ports) {
            for (const std::string& text : port.addresses) {
                const auto a = Ipv4Addr::parse(text.substr(0, text.find('/')));
                if (a && is_private({*a, 32}))
                    warn(port.origin, "port " + port.name + " has the private address " +
                                          a->text() +
                                          ", and ICMP errors of routers without a mapping are sent "
                                          "from it; write nat64.icmp.rfc6791_pool (RFC 6791)");
            }
        }
    }

    Loaded& l_;
    const Nat64Config& n_;
    const Stateless& s_;
    const std::string& file_;
};

}  // namespace

void validate_stateless(Loaded& loaded, const std::string& file) {
    StatelessChecker(loaded, file).run();
}

}  // namespace isthmus::config
