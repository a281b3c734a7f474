// SPDX-License-Identifier: Apache-2.0
#include "common/config/parse_dns64.h"

#include <charconv>

#include "common/config/parse.h"

namespace isthmus::config {

namespace {

using libconfig::Setting;

std::optional<std::uint16_t> port_of(const std::string& text) {
    std::uint16_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || end != text.data() + text.size() || v == 0) return std::nullopt;
    return v;
}

/// Splits "[v6]:port", "v4:port", "v6" and "v4"; false: no such form.
bool split_host(const std::string& text, std::string& host, std::string& port) {
    if (!text.empty() && text[0] == '[') {
        const auto close = text.find(']');
        if (close == std::string::npos) return false;
        host = text.substr(1, close - 1);
        const std::string rest = text.substr(close + 1);
        if (rest.empty()) return true;
        if (rest[0] != ':') return false;
        port = rest.substr(1);
        return !port.empty();
    }
    const auto colon = text.find(':');
    if (colon == std::string::npos || text.find(':', colon + 1) != std::string::npos) {
        host = text;
        return true;
    }
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    return !port.empty();
}

class Dns64Reader {
public:
    Dns64Reader(Dns64Config& out, const Complain& complain, const Unknown& unknown)
        : out_(out), complain_(complain), unknown_(unknown) {}

    void list(const Setting& s, const std::string& name) {
        if (!is_list(s, name)) return;
        for (int i = 0; i < s.getLength(); i++) {
            const Setting& e = s[i];
            if (name == "listen") {
                endpoint(e, out_.listen);
            } else if (name == "upstreams") {
                endpoint(e, out_.upstreams);
            } else if (name == "allow") {
                network(e, out_.allow);
            } else if (name == "resolve_zones") {
                text(e, "a zone", out_.resolve_zones);
            } else if (name == "upstream_source") {
                source(e);
            } else if (name == "upstream_avoid_ports") {
                avoid_ports(e);
            } else if (name == "cpus") {
                cpu(e);
            } else if (name == "gateways") {
                gateway(e);
            } else {
                view_element(e, name, out_.view);
            }
        }
    }

    void views(const Setting& s) {
        if (!is_list(s, "views")) return;
        for (int i = 0; i < s.getLength(); i++) view(s[i]);
    }

private:
    bool is_list(const Setting& s, const std::string& name) {
        if (s.isList() || s.isArray()) return true;
        complain_(s, name + " is a list: write ( ... )");
        return false;
    }
    bool string_of(const Setting& s, const char* what, std::string& out) {
        if (s.getType() != Setting::TypeString) {
            complain_(s, std::string(what) + " is a text in quotes");
            return false;
        }
        out = s.c_str();
        return true;
    }
    void text(const Setting& s, const char* what, std::vector<std::string>& out) {
        std::string t;
        if (string_of(s, what, t)) out.push_back(t);
    }
    void endpoint(const Setting& s, std::vector<Endpoint>& out) {
        std::string t, why;
        if (!string_of(s, "an address", t)) return;
        auto e = parse_endpoint(t, why);
        if (!e) return complain_(s, why);
        e->line = static_cast<unsigned>(s.getSourceLine());
        out.push_back(*e);
    }
    void network(const Setting& s, std::vector<Network>& out) {
        std::string t;
        if (!string_of(s, "a network", t)) return;
        Network n;
        n.is_v6 = t.find(':') != std::string::npos;
        if (n.is_v6) {
            const auto p = Prefix6::parse(t, Prefix6::Bare::allow);
            if (!p) return complain_(s, p.error().what);
            n.v6 = *p;
        } else {
            const auto p = Prefix4::parse(t, Prefix4::Bare::allow);
            if (!p) return complain_(s, p.error().what);
            n.v4 = *p;
        }
        out.push_back(n);
    }
    void source(const Setting& s) {
        std::string t;
        if (!string_of(s, "an address", t)) return;
        Endpoint e;
        const auto v4 = Ipv4Addr::parse(t);
        const auto v6 = Ipv6Addr::parse(t);
        if (!v4 && !v6)
            return complain_(s, "\"" + t + "\": write an address of this host without a port");
        e.is_v6 = v6.has_value();
        if (v4) e.v4 = *v4;
        if (v6) e.v6 = *v6;
        e.port = 0;
        e.line = static_cast<unsigned>(s.getSourceLine());
        out_.upstream_source.push_back(e);
    }
    void avoid_ports(const Setting& s) {
        std::string t;
        PortRange range;
        if (!string_of(s, "a port", t)) return;
        if (!parse_ports(t, 1, range))
            return complain_(s, "\"" + t +
                                    "\": write PORT or FIRST-LAST, from 1 to 65535, for example "
                                    "\"5060\" or \"8000-8099\"");
        out_.upstream_avoid_ports.push_back(range);
    }
    void cpu(const Setting& s) {
        if (s.getType() != Setting::TypeInt || static_cast<int>(s) < 0 ||
            static_cast<int>(s) > 1023)
            return complain_(s, "a CPU is a number from 0 to 1023");
        out_.cpus.push_back(static_cast<std::uint16_t>(static_cast<int>(s)));
    }
    void gateway(const Setting& e) {
        if (!e.isGroup())
            return complain_(e, "a gateway is { prefixes = (\"...\"); status = \"...\"; }");
        Dns64Gateway g;
        g.line = static_cast<unsigned>(e.getSourceLine());
        for (int i = 0; i < e.getLength(); i++) {
            const std::string name = e[i].getName();
            if (name == "status") {
                if (!string_of(e[i], "status", g.status)) return;
            } else if (name == "prefixes") {
                if (!is_list(e[i], name)) return;
                for (int k = 0; k < e[i].getLength(); k++) pref64(e[i][k], g.prefixes);
            } else {
                return unknown_(e[i], name, {"prefixes", "status"});
            }
        }
        if (g.prefixes.empty()) return complain_(e, "a gateway needs prefixes = (\"PREFIX\", ...)");
        std::string why;
        const bool http = g.status.starts_with(kHttp);
        if (http ? !parse_endpoint(g.status.substr(kHttp.size()), why) : !g.status.starts_with("/"))
            return complain_(e,
                             "status is the path of isthmus-control's socket, or "
                             "\"http://ADDRESS:PORT\" of its control.http");
        out_.gateways.push_back(g);
    }
    void pref64(const Setting& s, std::vector<Pref64>& out) {
        std::string t;
        if (!string_of(s, "a NAT64 prefix", t)) return;
        const auto p = Pref64::parse(t);
        if (!p) return complain_(s, p.error().what);
        out.push_back(*p);
    }

    /// One element of a list that the section and each view have.
    void view_element(const Setting& e, const std::string& name, Dns64View& v) {
        std::string t;
        if (name == "prefixes") return pref64(e, v.prefixes);
        if (name == "ranges") return range(e, v);
        if (name == "clients") return network(e, v.clients);
        if (name == "exclude_names") return text(e, "a name", v.exclude_names);
        if (name == "include_names") return text(e, "a name", v.include_names);
        if (name == "ignore_aaaa") return text(e, "a name", v.ignore_aaaa);
        if (!string_of(e, "a prefix", t)) return;
        if (name == "exclude_ipv4") {
            const auto p = Prefix4::parse(t, Prefix4::Bare::allow);
            if (!p) return complain_(e, p.error().what);
            v.exclude_ipv4.push_back(*p);
        } else {
            const auto p = Prefix6::parse(t, Prefix6::Bare::allow);
            if (!p) return complain_(e, p.error().what);
            v.exclude_aaaa.push_back(*p);
        }
    }

    void range(const Setting& e, Dns64View& v) {
        if (!e.isGroup())
            return complain_(e, "a range is { ipv4 = \"10.0.0.0/8\"; prefixes = (\"...\"); }");
        Dns64Range r;
        r.line = static_cast<unsigned>(e.getSourceLine());
        bool has_ipv4 = false;
        for (int i = 0; i < e.getLength(); i++) {
            const std::string name = e[i].getName();
            std::string t;
            if (name == "ipv4") {
                if (!string_of(e[i], "ipv4", t)) return;
                const auto p = Prefix4::parse(t, Prefix4::Bare::allow);
                if (!p) return complain_(e[i], p.error().what);
                r.ipv4 = *p;
                has_ipv4 = true;
            } else if (name == "prefixes") {
                if (!is_list(e[i], name)) return;
                for (int k = 0; k < e[i].getLength(); k++) pref64(e[i][k], r.prefixes);
            } else {
                return unknown_(e[i], name, {"ipv4", "prefixes"});
            }
        }
        if (!has_ipv4) return complain_(e, "a range needs ipv4 = \"PREFIX\"");
        v.ranges.push_back(r);
    }

    void view(const Setting& e) {
        static const std::set<std::string> kLists{"clients",       "prefixes",     "ranges",
                                                  "exclude_ipv4",  "exclude_aaaa", "exclude_names",
                                                  "include_names", "ignore_aaaa"};
        static const std::set<std::string> kSwitches{"synthesis", "break_dnssec"};
        if (!e.isGroup())
            return complain_(e, "a view is { name = \"...\"; clients = (\"PREFIX\"); ... }");
        Dns64View v = out_.view;
        v.name.clear();
        v.clients.clear();
        v.line = static_cast<unsigned>(e.getSourceLine());
        for (int i = 0; i < e.getLength(); i++) {
            const Setting& s = e[i];
            const std::string name = s.getName();
            if (kLists.contains(name)) {
                if (!is_list(s, name)) continue;
                clear(name, v);
                for (int k = 0; k < s.getLength(); k++) view_element(s[k], name, v);
            } else if (kSwitches.contains(name)) {
                if (s.getType() != Setting::TypeBoolean) {
                    complain_(s, name + " is true or false");
                    continue;
                }
                (name == "synthesis" ? v.synthesis : v.break_dnssec) = s;
            } else if (name == "name") {
                (void)string_of(s, "name", v.name);
            } else if (name == "cd_only") {
                std::string t;
                if (!string_of(s, "cd_only", t)) continue;
                if (t != "plain" && t != "synthesize")
                    complain_(s, "cd_only is one of \"plain\", \"synthesize\"");
                v.cd_only = t == "synthesize" ? CdOnly::synthesize : CdOnly::plain;
            } else {
                std::set<std::string> known = kLists;
                known.insert({"name", "synthesis", "break_dnssec", "cd_only"});
                unknown_(s, name, known);
            }
        }
        if (v.name.empty()) complain_(e, "a view needs name = \"...\"");
        if (v.clients.empty()) complain_(e, "a view needs clients = (\"PREFIX\", ...)");
        for (const Dns64View& other : out_.views) {
            if (other.name == v.name) complain_(e, "two views are named \"" + v.name + "\"");
        }
        out_.views.push_back(v);
    }

    static void clear(const std::string& name, Dns64View& v) {
        if (name == "prefixes") v.prefixes.clear();
        if (name == "ranges") v.ranges.clear();
        if (name == "exclude_ipv4") v.exclude_ipv4.clear();
        if (name == "exclude_aaaa") v.exclude_aaaa.clear();
        if (name == "exclude_names") v.exclude_names.clear();
        if (name == "include_names") v.include_names.clear();
        if (name == "ignore_aaaa") v.ignore_aaaa.clear();
    }

    Dns64Config& out_;
    const Complain& complain_;
    const Unknown& unknown_;
};

}  // namespace

std::string Endpoint::text() const {
    if (transport == Transport::xdp) return "xdp:" + name;
    const std::string scheme = transport == Transport::tls   ? "tls://"
                               : transport == Transport::tcp ? "tcp://"
                                                             : "";
    const std::string host = is_v6 ? "[" + v6.text() + "]" : v4.text();
    return scheme + host + ":" + std::to_string(port) + (name.empty() ? "" : "#" + name);
}

std::optional<Endpoint> parse_endpoint(const std::string& text, std::string& why) {
    Endpoint e;
    std::string rest = text;
    why = "\"" + text +
          "\": write an address, for example \"192.0.2.53\", \"[2001:db8::53]:53\" or "
          "\"tls://192.0.2.53:853#dns.example.net\"";
    if (rest.rfind("xdp:", 0) == 0) {
        e.transport = Transport::xdp;
        e.name = rest.substr(4);
        return e.name.empty() ? std::nullopt : std::optional(e);
    }
    if (rest.rfind("tls://", 0) == 0 || rest.rfind("tcp://", 0) == 0 ||
        rest.rfind("udp://", 0) == 0) {
        if (rest[1] == 'l') e.transport = Transport::tls;
        if (rest[1] == 'c') e.transport = Transport::tcp;
        rest.erase(0, 6);
    }
    if (const auto hash = rest.find('#'); hash != std::string::npos) {
        if (e.transport != Transport::tls || hash + 1 == rest.size()) return std::nullopt;
        e.name = rest.substr(hash + 1);
        rest.erase(hash);
    }
    if (e.transport == Transport::tls) e.port = 853;
    std::string host, port;
    if (!split_host(rest, host, port)) return std::nullopt;
    if (!port.empty()) {
        const auto p = port_of(port);
        if (!p) return std::nullopt;
        e.port = *p;
    }
    const auto v4 = Ipv4Addr::parse(host);
    const auto v6 = Ipv6Addr::parse(host);
    if (!v4 && !v6) return std::nullopt;
    e.is_v6 = v6.has_value();
    if (v4) e.v4 = *v4;
    if (v6) e.v6 = *v6;
    return e;
}

const std::set<std::string>& dns64_lists() {
    static const std::set<std::string> kLists{"dns64.listen",
                                              "dns64.upstreams",
                                              "dns64.allow",
                                              "dns64.resolve_zones",
                                              "dns64.cpus",
                                              "dns64.prefixes",
                                              "dns64.ranges",
                                              "dns64.exclude_ipv4",
                                              "dns64.exclude_aaaa",
                                              "dns64.exclude_names",
                                              "dns64.include_names",
                                              "dns64.ignore_aaaa",
                                              "dns64.gateways",
                                              "dns64.views",
                                              "dns64.upstream_source",
                                              "dns64.upstream_avoid_ports"};
    return kLists;
}

void read_dns64_list(const Setting& list, const std::string& path, Dns64Config& out,
                     const Complain& complain, const Unknown& unknown) {
    const std::string name = path.substr(path.find('.') + 1);
    if (name == "exclude_aaaa") out.view.exclude_aaaa.clear();  // replaces the default
    if (name != "views") Dns64Reader(out, complain, unknown).list(list, name);
}

void read_dns64_views(const Setting& list, Dns64Config& out, const Complain& complain,
                      const Unknown& unknown) {
    Dns64Reader(out, complain, unknown).views(list);
}

}  // namespace isthmus::config
