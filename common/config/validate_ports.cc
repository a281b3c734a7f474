// SPDX-License-Identifier: Apache-2.0
// Contradictions among ports, their VLANs, addresses, routes and neighbours.
#include <algorithm>
#include <map>
#include <set>

#include "common/base/limits.h"
#include "common/config/place.h"
#include "common/config/validate.h"

namespace isthmus::config {

namespace {

/// Linux's IFNAMSIZ less the end.
constexpr std::size_t kNameMost = 15;

bool is_interface_name(const std::string& s) {
    return !s.empty() && s.size() <= kNameMost && s[0] != '-' &&
           s.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
               std::string::npos;
}

std::string host_of(const std::string& address) { return address.substr(0, address.find('/')); }

/// The network that an interface address stands in.
bool on_network(const std::string& address, const std::string& gateway) {
    const std::string host = host_of(address), len = address.substr(address.find('/') + 1);
    const unsigned bits = static_cast<unsigned>(std::stoul(len));
    if (const auto g = Ipv4Addr::parse(gateway)) {
        const auto h = Ipv4Addr::parse(host);
        const std::uint32_t mask = bits == 0 ? 0 : ~0U << (32 - bits);
        return h && (h->host() & mask) == (g->host() & mask);
    }
    const auto g = Ipv6Addr::parse(gateway), h = Ipv6Addr::parse(host);
    return g && h && masked(*g, bits) == masked(*h, bits);
}

/// The first and the last address of an IPv4 network are nobody's; of /31 and /32 they are.
bool is_no_host(Ipv4Addr a, const std::string& text) {
    const auto slash = text.find('/');
    const unsigned bits =
        slash == std::string::npos ? 32 : static_cast<unsigned>(std::stoul(text.substr(slash + 1)));
    const std::uint32_t hosts = bits > 30 ? 0 : ~0U >> bits;
    return hosts != 0 && ((a.host() & hosts) == 0 || (a.host() & hosts) == hosts);
}

bool is_link_local(const std::string& address) {
    const auto a = Ipv6Addr::parse(address);
    return a && a->octet[0] == 0xfe && (a->octet[1] & 0xc0) == 0x80;
}

class PortChecker {
public:
    PortChecker(Loaded& loaded, const std::string& name) : l_(loaded), name_(name) {}

    void run() {
        const auto& ports = l_.config.dataplane.ports;
        if (ports.size() > limits::kPorts)
            error(ports[limits::kPorts].origin,
                  "more than " + std::to_string(limits::kPorts) + " ports");
        std::size_t interfaces = ports.size();
        for (const PortConfig& p : ports) interfaces += p.vlans.size();
        if (interfaces > limits::kInterfaces)
            error(ports.front().origin, "ports and VLANs make " + std::to_string(interfaces) +
                                            " punt interfaces; at most " +
                                            std::to_string(limits::kInterfaces) + " are possible");
        for (const PortConfig& p : ports) {
            port(p);
            interface(p, "port " + p.name);
            for (const VlanConfig& v : p.vlans) {
                vlan(p, v);
                interface(v, "port " + p.name + ", VLAN " + std::to_string(v.id));
            }
        }
    }

private:
    void error(Origin o, std::string what) {
        l_.errors.push_back({place_of(o, name_), std::move(what)});
    }

    void port(const PortConfig& p) {
        if (!is_interface_name(p.name))
            error(p.origin, "port name \"" + p.name +
                                "\": 1 to 15 letters, digits, - or _ (it names an interface)");
        if (p.name == "lo" || p.name == "all" || p.name == "default")
            error(p.origin,
                  "port name \"" + p.name + "\" means something to the kernel; choose another");
        if (!names_.emplace(p.name, p.origin).second)
            error(p.origin, "two ports are named \"" + p.name + "\"; rename one");
        if (!p.device.empty() && !devices_.emplace(p.device, p.origin).second)
            error(p.origin, "two ports use device \"" + p.device + "\"; remove one");
        std::set<std::uint16_t> ids;
        for (const VlanConfig& v : p.vlans) {
            if (v.id != 0 && !ids.insert(v.id).second)
                error(v.origin, "port " + p.name + " has VLAN " + std::to_string(v.id) +
                                    " twice; remove one");
        }
        for (const StaticNeighbour& n : p.neighbours) {
            if (n.vlan != 0 && !ids.contains(n.vlan))
                error(n.origin, "neighbour " + n.address + " is in VLAN " + std::to_string(n.vlan) +
                                    ", which is not among the port's vlans; add it there");
        }
    }

    void vlan(const PortConfig& p, const VlanConfig& v) {
        const std::string name = p.name + "." + std::to_string(v.id);
        if (name.size() > kNameMost)
            error(v.origin, "the punt interface would be named " + name +
                                ", which is longer than 15 characters; shorten the port's name");
        if (v.mtu > p.mtu)
            error(v.origin, "VLAN " + std::to_string(v.id) + " has MTU " + std::to_string(v.mtu) +
                                " and its port " + std::to_string(p.mtu) +
                                "; raise the port's or lower this one");
        for (const StaticNeighbour& n : v.neighbours) {
            if (n.vlan != 0 && n.vlan != v.id)
                error(n.origin, "neighbour " + n.address +
                                    " stands in one VLAN and names another; leave out vlan");
        }
    }

    void interface(const InterfaceConfig& i, const std::string& where) {
        for (const std::string& a : i.addresses) {
            if (!addresses_.insert(host_of(a)).second && !is_link_local(host_of(a)))
                error(i.origin,
                      where + ": address " + host_of(a) + " is written twice; remove one");
            const auto v4 = Ipv4Addr::parse(host_of(a));
            const auto v6 = Ipv6Addr::parse(host_of(a));
            if (v4 && is_no_host(*v4, a))
                error(i.origin, where + ": " + a +
                                    " is the network's own or its broadcast address; write the "
                                    "address of this host in it");
            if ((v4 && (v4->host() == 0 || v4->host() >> 28 >= 0xe || v4->host() >> 24 == 127)) ||
                (v6 && (v6->octet[0] == 0xff || *v6 == Ipv6Addr{})))
                error(i.origin, where + ": " + a + " is not an address that an interface may have");
        }
        for (const Route& r : i.routes) {
            const bool reached =
                is_link_local(r.via) ||
                std::any_of(i.addresses.begin(), i.addresses.end(),
                            [&](const std::string& a) { return on_network(a, r.via); });
            if (!reached && !i.addresses.empty())
                error(r.origin, where + ": next hop " + r.via +
                                    " is on no network of this interface's addresses; correct it, "
                                    "or add an address of its network");
        }
        for (std::size_t k = 0; k < i.neighbours.size(); k++) {
            for (std::size_t j = 0; j < k; j++) {
                if (i.neighbours[k].address == i.neighbours[j].address &&
                    i.neighbours[k].vlan == i.neighbours[j].vlan)
                    error(i.neighbours[k].origin,
                          "neighbour " + i.neighbours[k].address + " is written twice; remove one");
            }
        }
    }

    Loaded& l_;
    const std::string& name_;
    std::map<std::string, Origin> names_, devices_;
    std::set<std::string> addresses_;
};

}  // namespace

void validate_ports(Loaded& loaded, const std::string& name) { PortChecker(loaded, name).run(); }

}  // namespace isthmus::config
