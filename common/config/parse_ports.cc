// SPDX-License-Identifier: Apache-2.0
#include "common/config/parse_ports.h"

namespace isthmus::config {

namespace {

using libconfig::Setting;

const std::set<std::string> kInterfaceLists{"addresses", "routes", "neighbours"};
const std::set<std::string> kPortKeys{"name",        "device",      "mtu",       "rx_queues",
                                      "descriptors", "promiscuous", "addresses", "routes",
                                      "neighbours",  "vlans"};
const std::set<std::string> kVlanKeys{"id", "mtu", "addresses", "routes", "neighbours"};

/// "192.0.2.1/24": the host's address may have bits behind the prefix, its length is strict.
bool interface_address_ok(const std::string& text) {
    const auto slash = text.find('/');
    if (slash == std::string::npos) return false;
    const std::string host = text.substr(0, slash), len = text.substr(slash);
    if (Ipv4Addr::parse(host)) return Prefix4::parse("0.0.0.0" + len).ok();
    return Ipv6Addr::parse(host) && Prefix6::parse("::" + len).ok();
}

class PortReader {
public:
    PortReader(const Complain& complain, const Unknown& unknown)
        : error_(complain), unknown_(unknown) {}

    PortConfig port(const Setting& e) {
        PortConfig p;
        p.origin = origin(e);
        if (!e.isGroup()) {
            error_(e, "a port is a group: { name = \"...\"; device = \"...\"; }");
            return p;
        }
        for (int i = 0; i < e.getLength(); i++) port_key(e[i], p);
        if (!e.exists("name")) error_(e, "a port needs name = \"...\"");
        if (!e.exists("device"))
            error_(e, "a port needs device = \"PCI address or virtual device\"");
        return p;
    }

private:
    static Origin origin(const Setting& s) {
        return Origin{static_cast<unsigned>(s.getSourceLine())};
    }

    bool text(const Setting& s, const char* what, std::string& out) {
        if (s.getType() != Setting::TypeString) {
            error_(s, std::string(what) + " is a text in quotes");
            return false;
        }
        out = s.c_str();
        return true;
    }

    template <typename T>
    void number(const Setting& s, const char* what, int least, int most, T& out) {
        if (s.getType() == Setting::TypeInt && static_cast<int>(s) >= least &&
            static_cast<int>(s) <= most) {
            out = static_cast<T>(static_cast<int>(s));
            return;
        }
        error_(s, std::string(what) + " is a number from " + std::to_string(least) + " to " +
                      std::to_string(most));
    }

    void port_key(const Setting& s, PortConfig& p) {
        const std::string name = s.getName();
        if (name == "name") {
            (void)text(s, "name", p.name);
        } else if (name == "device") {
            (void)text(s, "device", p.device);
        } else if (name == "mtu") {
            number(s, "mtu", 1280, 9600, p.mtu);
        } else if (name == "rx_queues") {
            number(s, "rx_queues", 0, 64, p.rx_queues);
        } else if (name == "descriptors") {
            number(s, "descriptors", 64, 32768, p.descriptors);
        } else if (name == "promiscuous") {
            if (s.getType() != Setting::TypeBoolean)
                return error_(s, "promiscuous is true or false");
            p.promiscuous = s;
        } else if (name == "vlans") {
            each(s, name, [&](const Setting& e) { vlan(e, p); });
        } else if (kInterfaceLists.contains(name)) {
            interface_list(s, name, p);
        } else {
            unknown_(s, name, kPortKeys);
        }
    }

    void vlan(const Setting& e, PortConfig& p) {
        VlanConfig v;
        v.origin = origin(e);
        if (!e.isGroup()) {
            number(e, "a VLAN", 1, 4094, v.id);
        } else {
            for (int i = 0; i < e.getLength(); i++) vlan_key(e[i], v);
            if (!e.exists("id")) error_(e, "a VLAN needs id = 1 to 4094");
        }
        p.vlans.push_back(v);
    }

    void vlan_key(const Setting& s, VlanConfig& v) {
        const std::string name = s.getName();
        if (name == "id") {
            number(s, "id", 1, 4094, v.id);
        } else if (name == "mtu") {
            number(s, "mtu", 1280, 9600, v.mtu);
        } else if (kInterfaceLists.contains(name)) {
            interface_list(s, name, v);
        } else {
            unknown_(s, name, kVlanKeys);
        }
    }

    template <typename Fn>
    void each(const Setting& s, const std::string& name, Fn&& fn) {
        if (!s.isList() && !s.isArray()) return error_(s, name + " is a list: write ( ... )");
        for (int i = 0; i < s.getLength(); i++) fn(s[i]);
    }

    void interface_list(const Setting& s, const std::string& name, InterfaceConfig& out) {
        each(s, name, [&](const Setting& e) {
            if (name == "addresses") {
                address(e, out);
            } else if (name == "routes") {
                route(e, out);
            } else {
                neighbour(e, out);
            }
        });
    }

    void address(const Setting& e, InterfaceConfig& out) {
        std::string a;
        if (!text(e, "an address", a)) return;
        if (interface_address_ok(a)) return out.addresses.push_back(a);
        error_(e, "\"" + a + "\": write an address with its length, for example \"192.0.2.1/24\"");
    }

    void route(const Setting& e, InterfaceConfig& out) {
        Route r;
        r.origin = origin(e);
        if (!e.isGroup()) return error_(e, "a route is { to = \"prefix\"; via = \"address\"; }");
        for (int i = 0; i < e.getLength(); i++) {
            const std::string name = e[i].getName();
            if (name == "to") {
                if (!text(e[i], "to", r.to)) return;
            } else if (name == "via") {
                if (!text(e[i], "via", r.via)) return;
            } else {
                return unknown_(e[i], name, {"to", "via"});
            }
        }
        const bool v4 = Prefix4::parse(r.to).ok() && Ipv4Addr::parse(r.via);
        const bool v6 = Prefix6::parse(r.to).ok() && Ipv6Addr::parse(r.via);
        if (!v4 && !v6)
            return error_(e,
                          "a route needs to = \"prefix\" and via = \"address\" of the same family");
        out.routes.push_back(r);
    }

    void neighbour(const Setting& e, InterfaceConfig& out) {
        StaticNeighbour n;
        n.origin = origin(e);
        std::string mac;
        if (!e.isGroup()) return error_(e, "a neighbour is { address = \"...\"; mac = \"...\"; }");
        for (int i = 0; i < e.getLength(); i++) {
            const std::string name = e[i].getName();
            if (name == "address") {
                if (!text(e[i], "address", n.address)) return;
            } else if (name == "mac") {
                if (!text(e[i], "mac", mac)) return;
            } else if (name == "vlan") {
                number(e[i], "vlan", 0, 4094, n.vlan);
            } else {
                return unknown_(e[i], name, {"address", "mac", "vlan"});
            }
        }
        const auto parsed = MacAddr::parse(mac);
        if (!parsed || parsed->is_multicast())
            return error_(e,
                          "\"" + mac + "\" is not a unicast link address; write 02:00:00:00:00:01");
        if (!Ipv4Addr::parse(n.address) && !Ipv6Addr::parse(n.address))
            return error_(e, "\"" + n.address + "\" is not an address");
        n.mac = *parsed;
        out.neighbours.push_back(n);
    }

    const Complain& error_;
    const Unknown& unknown_;
};

}  // namespace

PortConfig read_port_group(const Setting& group, const Complain& complain, const Unknown& unknown) {
    return PortReader(complain, unknown).port(group);
}

}  // namespace isthmus::config
