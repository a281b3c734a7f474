// SPDX-License-Identifier: Apache-2.0
// Contradictions in what a carrier's lists say, each with its line and a remedy.
#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "common/base/limits.h"
#include "common/config/carrier.h"
#include "common/config/place.h"

namespace isthmus::config {

namespace {

constexpr std::size_t kNamedPoolsMost = limits::kPools - 1;

bool name_ok(const std::string& n) {
    return !n.empty() && n.size() <= 31 &&
           n.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               std::string::npos;
}

class CarrierChecker {
public:
    CarrierChecker(Loaded& loaded, const std::string& file)
        : l_(loaded), n_(loaded.config.nat64), file_(file) {}

    void run() {
        pools();
        rules();
        fixed();
        sizes();
        udp_timers();
        port_blocks();
        deterministic();
    }

private:
    std::string at(Origin o) const { return place_of(o, file_); }
    void error(Origin o, std::string what) { l_.errors.push_back({at(o), std::move(what)}); }
    void warn(Origin o, std::string what) { l_.warnings.push_back({at(o), std::move(what)}); }

    template <typename List>
    void at_most(const List& list, std::size_t most, const std::string& what) {
        if (list.size() > most)
            error(list[most].origin,
                  "more than " + std::to_string(most) + " " + what + "; remove some");
    }
    void sizes() {
        at_most(n_.rules, limits::kRules, "rules");
        at_most(n_.exclude, limits::kExclusions, "exclusions");
        at_most(n_.udp_timers, limits::kUdpTimers, "UDP timers");
    }

    [[nodiscard]] bool is_pool(const std::string& name) const {
        return name == "default" || std::any_of(n_.pool.begin(), n_.pool.end(),
                                                [&](const PoolEntry& e) { return e.name == name; });
    }
    [[nodiscard]] const PoolEntry* in_pool(Ipv4Addr a) const {
        for (const PoolEntry& e : n_.pool) {
            if (e.addresses.contains(a)) return &e;
        }
        return nullptr;
    }

    void pools() {
        std::set<std::string> names;
        for (const PoolEntry& e : n_.pool) {
            for (const StaticEntry& b : n_.fixed) {
                if (e.drain && e.addresses.contains(b.ipv4))
                    error(e.origin, e.addresses.text() + " cannot be drained: " + b.ipv4.text() +
                                        " has a static binding; remove that first");
            }
            if (e.drain_until != 0 && !e.drain)
                error(e.origin, "drain_until without drain = true; add it, or take this away");
            if (e.name.empty()) continue;
            names.insert(e.name);
            if (!name_ok(e.name) || e.name == "default")
                error(e.origin, "pool name \"" + e.name +
                                    "\": 1 to 31 letters, digits, - or _, and not \"default\"");
        }
        if (names.size() > kNamedPoolsMost)
            error({},
                  "more than " + std::to_string(kNamedPoolsMost) + " pools with names; join some");
        std::uint32_t fresh = 0;
        std::set<std::uint32_t> outside;
        for (const StaticEntry& e : n_.fixed) {
            if (e.outside_pool) outside.insert(e.ipv4.host());
        }
        fresh = static_cast<std::uint32_t>(outside.size());
        std::uint64_t n = fresh;
        for (const PoolEntry& e : n_.pool) n += e.addresses.size();
        if (l_.config.has_dataplane && fresh != 0 && n > l_.config.dataplane.max_pool_addresses)
            error({}, "the pool and the static bindings outside it have " + std::to_string(n) +
                          " addresses and dataplane.max_pool_addresses is " +
                          std::to_string(l_.config.dataplane.max_pool_addresses) + "; raise it");
    }

    void rules() {
        std::map<std::string, Origin> seen;
        for (const RuleEntry& r : n_.rules) {
            if (!is_pool(r.pool))
                error(r.origin, "no pool has the name \"" + r.pool + "\"; write name = \"" +
                                    r.pool + "\" in an entry of nat64.pool, or \"default\" here");
            if (r.source.len_bits > n_.subscriber_prefix_len)
                error(r.origin, "source " + r.source.text() +
                                    " is longer than nat64.subscriber_prefix_length (" +
                                    std::to_string(n_.subscriber_prefix_len) +
                                    "): a subscriber has one pool; shorten it");
            const auto [old, fresh] = seen.emplace(r.source.text(), r.origin);
            if (!fresh)
                error(r.origin, "source " + r.source.text() + " has a rule already" +
                                    line_beside(old->second, file_) + "; remove one");
        }
    }

    void one_static(const StaticEntry& b) {
        if (b.ports.last - b.ports.first != b.ipv6_ports.last - b.ipv6_ports.first)
            error(b.origin, "ports " + ports_text(b.ports) + " and ipv6_ports " +
                                ports_text(b.ipv6_ports) +
                                " are not as many; write ranges of one length");
        if (in_pool(b.ipv4) == nullptr && !b.outside_pool)
            error(b.origin, b.ipv4.text() +
                                " is not in the pool; add it there, or write outside_pool = true "
                                "when it shall serve static bindings only");
        if (in_pool(b.ipv4) != nullptr && b.outside_pool)
            error(b.origin, b.ipv4.text() + " is in the pool; take outside_pool = true away");
        const std::uint32_t top = b.ipv4.host() >> 24;
        if (top == 0 || top == 127 || top >= 224)
            error(b.origin, b.ipv4.text() + " is not a unicast address; write another");
        if (b.outside_pool) own_address(b);
        for (const PrefixEntry& p : n_.prefixes) in_prefix(b.origin, b.ipv6, p.prefix.prefix());
        if (n_.prefixes.empty()) in_prefix(b.origin, b.ipv6, kWellKnownPrefix);
    }
    void own_address(const StaticEntry& b) {
        for (const PortConfig& port : l_.config.dataplane.ports) {
            for (const std::string& text : port.addresses) {
                const auto a = Ipv4Addr::parse(text.substr(0, text.find('/')));
                if (a && *a == b.ipv4)
                    error(b.origin, b.ipv4.text() + " is an address of port " + port.name +
                                        "; use another for the binding");
            }
        }
    }
    void in_prefix(Origin o, const Ipv6Addr& x, const Prefix6& p) {
        if (p.contains(x))
            error(o, x.text() + " lies in the NAT64 prefix " + p.text() +
                         ": what comes from there is dropped (RFC 6146 section 3.5); write the "
                         "host's own address");
    }

    void fixed() {
        std::uint64_t n = 0;
        for (const StaticEntry& b : n_.fixed) {
            one_static(b);
            n += (b.ports.last - b.ports.first + 1ULL) *
                 (b.protocol == StaticEntry::Protocol::all ? 3 : 1);
        }
        if (n > limits::kStaticPorts)
            return error(n_.fixed.front().origin,
                         "static bindings of " + std::to_string(n) + " ports in all; at most " +
                             std::to_string(limits::kStaticPorts) + " are possible");
        for (std::size_t i = 0; i < n_.fixed.size(); i++) {
            for (std::size_t j = 0; j < i; j++) collide(n_.fixed[i], n_.fixed[j]);
        }
    }
    static bool overlap(const PortRange& a, const PortRange& b) {
        return a.first <= b.last && b.first <= a.last;
    }
    void collide(const StaticEntry& a, const StaticEntry& b) {
        const auto all = StaticEntry::Protocol::all;
        if (a.protocol != b.protocol && a.protocol != all && b.protocol != all) return;
        const std::string other = " of " + b.ipv4.text() + " port " + ports_text(b.ports) +
                                  " and " + b.ipv6.text() + line_beside(b.origin, file_);
        if (a.ipv4 == b.ipv4 && overlap(a.ports, b.ports)) {
            error(a.origin, "static binding of " + a.ipv4.text() + " ports " + ports_text(a.ports) +
                                " overlaps that" + other + "; each port may be bound once");
        } else if (a.ipv6 == b.ipv6 && overlap(a.ipv6_ports, b.ipv6_ports)) {
            error(a.origin, "static binding of " + a.ipv6.text() + " ports " +
                                ports_text(a.ipv6_ports) + " overlaps that" + other +
                                "; one host's port has one address (RFC 6146 section 3.1)");
        }
    }

    void udp_timers() {
        std::set<unsigned> seen;
        for (const UdpTimerEntry& t : n_.udp_timers) {
            if (!seen.insert(t.port).second)
                error(t.origin, "port " + std::to_string(t.port) + " has two timers; remove one");
            if (t.seconds < 120 && t.port > 1023)
                error(t.origin,
                      "below 120 seconds is allowed for destination ports 0 to 1023 only (RFC 4787 "
                      "REQ-5a)");
        }
    }

    void port_blocks() {
        const std::uint32_t size = n_.port_blocks.size;
        if (size == 0) return;
        if (size < 64 || !std::has_single_bit(size))
            error({}, "nat64.port_blocks.size = " + std::to_string(size) +
                          ": write a power of two from 64 to 32768");
        for (const PoolEntry& e : n_.pool) {
            if (e.ports.last - e.ports.first + 1U < size)
                error(e.origin, "ports " + ports_text(e.ports) + " are fewer than one block of " +
                                    std::to_string(size) + "; widen them");
        }
    }

    void deterministic() {
        const Deterministic& d = n_.deterministic;
        if (d.source.empty()) {
            if (!d.pool.empty())
                error({}, "nat64.deterministic.pool without source; write the subscribers' prefix");
            return;
        }
        const auto source = Prefix6::parse(d.source);
        if (!source) return error({}, "nat64.deterministic.source: " + source.error().what);
        if (source->len_bits > n_.subscriber_prefix_len ||
            source->len_bits + 24 < n_.subscriber_prefix_len)
            return error({}, "nat64.deterministic.source " + d.source +
                                 " must be a prefix of 1 to 2^24 subscribers of /" +
                                 std::to_string(n_.subscriber_prefix_len));
        std::uint64_t addresses = 0;
        PortRange ports{0, 0};
        for (const PoolEntry& e : n_.pool) {
            if (d.pool.empty() || e.name != d.pool) continue;
            if (addresses != 0 && e.ports != ports)
                error(e.origin, "all addresses of the deterministic pool have the same ports");
            ports = e.ports;
            addresses += e.addresses.size();
            if (e.drain) error(e.origin, "an address of the deterministic pool cannot be drained");
        }
        if (addresses == 0)
            return error({}, "nat64.deterministic.pool \"" + d.pool +
                                 "\": write the name of an entry of nat64.pool that is for these "
                                 "subscribers alone");
        for (const RuleEntry& r : n_.rules) {
            if (r.pool == d.pool)
                error(r.origin, "pool \"" + r.pool +
                                    "\" is the deterministic one; a rule cannot "
                                    "send others to it");
        }
        if (d.dynamic != 0 && n_.port_blocks.size == 0)
            error({},
                  "nat64.deterministic.dynamic needs nat64.port_blocks.size: the dynamic part "
                  "is given out in blocks; or write dynamic = 0");
        const std::uint32_t all = ports.last - ports.first + 1U;
        if (all / (d.subscribers_per_address + d.dynamic) == 0)
            return error({}, "nat64.deterministic.subscribers_per_address: " + std::to_string(all) +
                                 " ports are too few for so many");
        const std::uint64_t want = std::uint64_t{1}
                                   << (n_.subscriber_prefix_len - source->len_bits);
        if (want > addresses * d.subscribers_per_address)
            error({}, "nat64.deterministic: " + d.source + " has " + std::to_string(want) +
                          " subscribers and the pool serves " +
                          std::to_string(addresses * d.subscribers_per_address) +
                          "; add addresses, or raise subscribers_per_address");
    }

    Loaded& l_;
    const Nat64Config& n_;
    const std::string& file_;
};

}  // namespace

std::string why_unusable(const Nat64Config& n) {
    if (n.stateful()) return {};
    if (!n.stateless.on())
        return "nat64.pool is empty: a stateful NAT64 needs an IPv4 address (RFC 6146 section 3)";
    if (!n.prefixes.empty())
        return "nat64.prefixes without nat64.pool: write them in nat64.stateless.prefixes to "
               "translate without state, or add a pool";
    return {};
}

void validate_carrier(Loaded& loaded, const std::string& file) {
    CarrierChecker(loaded, file).run();
    validate_stateless(loaded, file);
}

}  // namespace isthmus::config
