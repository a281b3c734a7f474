// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "common/config/carrier.h"
#include "common/config/place.h"

namespace isthmus::config {

namespace {

using libconfig::Setting;

/// One list of groups: each key has a function that reads it.
class ListReader {
public:
    ListReader(Loaded& out, const std::string& file) : out_(out), file_(file) {}

    void error(const Setting& s, const std::string& what) {
        out_.errors.push_back({place_of(origin(s), file_), what});
    }
    static Origin origin(const Setting& s) {
        return Origin{static_cast<unsigned>(s.getSourceLine())};
    }
    bool text(const Setting& s, const std::string& what, std::string& out) {
        if (s.getType() == Setting::TypeString) {
            out = s.c_str();
            return true;
        }
        error(s, what + " is a text in quotes");
        return false;
    }
    bool flag(const Setting& s, bool& out) {
        if (s.getType() == Setting::TypeBoolean) {
            out = s;
            return true;
        }
        error(s, std::string(s.getName()) + " is true or false");
        return false;
    }
    bool number(const Setting& s, std::uint32_t least, std::uint32_t most, std::uint32_t& out) {
        const bool good = s.getType() == Setting::TypeInt && static_cast<int>(s) >= 0 &&
                          static_cast<unsigned>(static_cast<int>(s)) >= least &&
                          static_cast<unsigned>(static_cast<int>(s)) <= most;
        if (good) {
            out = static_cast<unsigned>(static_cast<int>(s));
        } else {
            error(s, std::string(s.getName()) + " is a number from " + std::to_string(least) +
                         " to " + std::to_string(most));
        }
        return good;
    }
    bool ports(const Setting& s, unsigned least, PortRange& out) {
        std::string t;
        if (!text(s, s.getName(), t)) return false;
        if (parse_ports(t, least, out)) return true;
        error(s, std::string(s.getName()) + " \"" + t + "\": write one port or FIRST-LAST, from " +
                     std::to_string(least) + " to 65535, for example \"8080\" or \"8000-8007\"");
        return false;
    }
    template <typename Address>
    bool address(const Setting& s, const char* family, Address& out) {
        std::string t;
        if (!text(s, s.getName(), t)) return false;
        const auto a = Address::parse(t);
        if (a) {
            out = *a;
            return true;
        }
        error(s, "\"" + t + "\" is not an " + family + " address");
        return false;
    }
    template <typename Prefix>
    bool prefix(const Setting& s, const char* what, Prefix& out) {
        std::string t;
        if (!text(s, what, t)) return false;
        const auto p = Prefix::parse(t, Prefix::Bare::allow);
        if (p) {
            out = *p;
            return true;
        }
        error(s, p.error().what);
        return false;
    }

    using Keys = std::vector<std::pair<std::string, std::function<bool(const Setting&)>>>;
    /// False: something was wrong, and has been said.
    bool group(const Setting& e, const std::string& what, const Keys& keys) {
        std::string names;
        for (const auto& [name, read] : keys) names += (names.empty() ? "" : ", ") + name;
        if (!e.isGroup()) {
            error(e, what + " is a group { ... } of " + names);
            return false;
        }
        bool good = true;
        for (int i = 0; i < e.getLength(); i++) {
            const std::string name = e[i].getName();
            const auto k = std::find_if(keys.begin(), keys.end(),
                                        [&](const auto& key) { return key.first == name; });
            if (k == keys.end()) {
                error(e[i], "unknown key \"" + name + "\" in " + what + "; it has " + names);
                good = false;
            } else {
                good = k->second(e[i]) && good;
            }
        }
        return good;
    }
    bool needs(const Setting& e, const std::string& what, const char* key) {
        if (e.exists(key)) return true;
        error(e, what + " needs " + key);
        return false;
    }

private:
    Loaded& out_;
    const std::string& file_;
};

void read_rule(ListReader& r, const Setting& e, Nat64Config& c) {
    RuleEntry rule;
    rule.origin = ListReader::origin(e);
    const bool good =
        r.group(e, "a rule",
                {{"source", [&](const Setting& s) { return r.prefix(s, "source", rule.source); }},
                 {"pool", [&](const Setting& s) { return r.text(s, "pool", rule.pool); }}});
    if (good && r.needs(e, "a rule", "source") && r.needs(e, "a rule", "pool"))
        c.rules.push_back(rule);
}

bool read_protocol(ListReader& r, const Setting& s, StaticEntry& out) {
    std::string t;
    if (!r.text(s, "protocol", t)) return false;
    for (const auto p : {StaticEntry::Protocol::tcp, StaticEntry::Protocol::udp,
                         StaticEntry::Protocol::icmp, StaticEntry::Protocol::all}) {
        if (t != name_of(p)) continue;
        out.protocol = p;
        return true;
    }
    r.error(s, "protocol \"" + t + "\": write tcp, udp, icmp (ports are identifiers) or all");
    return false;
}

void read_static(ListReader& r, const Setting& e, Nat64Config& c) {
    StaticEntry b;
    b.origin = ListReader::origin(e);
    const bool good =
        r.group(e, "a static binding",
                {{"protocol", [&](const Setting& s) { return read_protocol(r, s, b); }},
                 {"ipv4", [&](const Setting& s) { return r.address(s, "IPv4", b.ipv4); }},
                 {"ports", [&](const Setting& s) { return r.ports(s, 1, b.ports); }},
                 {"ipv6", [&](const Setting& s) { return r.address(s, "IPv6", b.ipv6); }},
                 {"ipv6_ports", [&](const Setting& s) { return r.ports(s, 1, b.ipv6_ports); }},
                 {"outside_pool", [&](const Setting& s) { return r.flag(s, b.outside_pool); }}});
    if (!good) return;
    for (const char* key : {"protocol", "ipv4", "ports", "ipv6"}) {
        if (!r.needs(e, "a static binding", key)) return;
    }
    if (b.ipv6_ports.first == 0) b.ipv6_ports = b.ports;
    c.fixed.push_back(b);
}

void read_exclude(ListReader& r, const Setting& e, Nat64Config& c) {
    ExcludeEntry x;
    x.origin = ListReader::origin(e);
    if (e.getType() == Setting::TypeString) {
        if (r.prefix(e, "a destination", x.destination)) c.exclude.push_back(x);
        return;
    }
    const bool good =
        r.group(e, "an exclusion",
                {{"destination",
                  [&](const Setting& s) { return r.prefix(s, "destination", x.destination); }},
                 {"ports", [&](const Setting& s) { return r.ports(s, 0, x.ports); }}});
    if (good && r.needs(e, "an exclusion", "destination")) c.exclude.push_back(x);
}

void read_udp_timer(ListReader& r, const Setting& e, Nat64Config& c) {
    UdpTimerEntry t;
    std::uint32_t port = 0;
    t.origin = ListReader::origin(e);
    const bool good =
        r.group(e, "a UDP timer",
                {{"port", [&](const Setting& s) { return r.number(s, 1, 65535, port); }},
                 {"seconds", [&](const Setting& s) { return r.number(s, 1, 86400, t.seconds); }}});
    if (!good || !r.needs(e, "a UDP timer", "port") || !r.needs(e, "a UDP timer", "seconds"))
        return;
    t.port = static_cast<std::uint16_t>(port);
    c.udp_timers.push_back(t);
}

void read_eam(ListReader& r, const Setting& e, Nat64Config& c) {
    EamEntry m;
    m.origin = ListReader::origin(e);
    const bool good =
        r.group(e, "an EAM entry",
                {{"ipv4", [&](const Setting& s) { return r.prefix(s, "ipv4", m.ipv4); }},
                 {"ipv6", [&](const Setting& s) { return r.prefix(s, "ipv6", m.ipv6); }},
                 {"force", [&](const Setting& s) { return r.flag(s, m.force); }}});
    if (good && r.needs(e, "an EAM entry", "ipv4") && r.needs(e, "an EAM entry", "ipv6"))
        c.stateless.eam.push_back(m);
}

void read_stateless_prefix(ListReader& r, const Setting& e, Nat64Config& c) {
    std::string t;
    if (!r.text(e, "a prefix", t)) return;
    const auto p = Pref64::parse(t);
    if (!p) return r.error(e, p.error().what);
    c.stateless.prefixes.push_back({*p, ListReader::origin(e)});
}

void read_stateless_ipv4(ListReader& r, const Setting& e, Nat64Config& c) {
    Prefix4 p;
    if (r.prefix(e, "an IPv4 prefix", p)) c.stateless.ipv4.push_back(p);
}

struct List {
    std::string path;
    void (*read)(ListReader&, const Setting&, Nat64Config&);
};
const std::vector<List>& lists() {
    static const std::vector<List> kLists{{"nat64.rules", read_rule},
                                          {"nat64.static", read_static},
                                          {"nat64.exclude", read_exclude},
                                          {"nat64.udp_timers", read_udp_timer},
                                          {"nat64.stateless.prefixes", read_stateless_prefix},
                                          {"nat64.stateless.ipv4", read_stateless_ipv4},
                                          {"nat64.stateless.eam", read_eam}};
    return kLists;
}

}  // namespace

const std::vector<std::string>& carrier_lists() {
    static const std::vector<std::string> kPaths = [] {
        std::vector<std::string> out;
        for (const List& l : lists()) out.push_back(l.path);
        return out;
    }();
    return kPaths;
}

bool parse_ports(const std::string& text, unsigned least, PortRange& out) {
    const auto dash = text.find('-');
    const auto one = [](const std::string& t) {
        const bool digits = !t.empty() && t.size() <= 5 &&
                            t.find_first_not_of("0123456789") == std::string::npos &&
                            (t.size() == 1 || t[0] != '0');
        return digits ? static_cast<unsigned>(std::stoul(t)) : 70000U;
    };
    const unsigned first = one(text.substr(0, dash));
    const unsigned last = dash == std::string::npos ? first : one(text.substr(dash + 1));
    if (first < least || first > last || last > 65535) return false;
    out = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
    return true;
}

bool read_carrier_list(const Setting& list, const std::string& path, Loaded& out,
                       const std::string& file) {
    ListReader reader(out, file);
    for (const List& l : lists()) {
        if (l.path != path) continue;
        for (int i = 0; i < list.getLength(); i++) l.read(reader, list[i], out.config.nat64);
        return true;
    }
    return false;
}

}  // namespace isthmus::config
