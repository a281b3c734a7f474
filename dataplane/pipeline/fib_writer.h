// SPDX-License-Identifier: Apache-2.0
// The writing side of the FIB: what the agent knows of routes, neighbours and interfaces, and how
// it becomes trie entries and adjacencies. One thread; allocates (it is the edge's, kept here
// beside what it writes). A resync marks everything old, is told all there is, and sweeps what was
// not named again.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "common/net/prefix.h"
#include "dataplane/pipeline/fib.h"

namespace isthmus::pipeline {

/// A prefix of either family; IPv4 in the first four octets.
struct AnyPrefix {
    std::uint8_t family = 6;
    std::uint8_t len_bits = 0;
    Ipv6Addr addr;
    friend auto operator<=>(const AnyPrefix&, const AnyPrefix&) = default;
};

struct NextHop {
    std::uint16_t port = 0, vlan = 0;
    bool on_link = true;  // the destination itself is the next hop
    Ipv6Addr gateway;
    friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

struct RouteEntry {
    AnyPrefix prefix;
    std::vector<NextHop> hops;
};
struct NeighbourEntry {
    std::uint8_t family = 6;
    std::uint16_t port = 0, vlan = 0;
    Ipv6Addr address;
    MacAddr mac;
};

class FibWriter {
public:
    explicit FibWriter(Fib& fib);

    void set_interface(std::uint16_t port, std::uint16_t vlan, MacAddr mac, std::uint16_t mtu,
                       bool up);
    void remove_interface(std::uint16_t port, std::uint16_t vlan);
    /// False when a table of the FIB is full; the route is then not there.
    bool set_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops);
    void remove_route(const AnyPrefix& prefix);
    /// An address of ours: packets to it are punted.
    bool set_local(const AnyPrefix& host);
    void remove_local(const AnyPrefix& host);
    /// A usable neighbour. Static ones (from the configuration) win over learned ones and stay.
    void set_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                       const Ipv6Addr& address, MacAddr mac, bool is_static = false);
    void remove_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                          const Ipv6Addr& address);

    void begin_resync();
    void commit_resync();

    [[nodiscard]] std::vector<RouteEntry> routes() const;
    [[nodiscard]] std::vector<NeighbourEntry> neighbours() const;

private:
    struct Place {  // of a next hop
        std::uint8_t family = 6;
        std::uint16_t port = 0, vlan = 0;
        bool glean = false;
        Ipv6Addr address;
        friend auto operator<=>(const Place&, const Place&) = default;
    };
    struct Iface {
        MacAddr mac;
        std::uint16_t mtu = 1500;
        bool up = true;
    };
    struct Neighbour {
        MacAddr mac;
        bool is_static = false, marked = false;
    };
    struct Route {
        std::vector<NextHop> hops;
        bool local = false, marked = false;
    };
    [[nodiscard]] std::optional<AdjacencyId> adjacency(const Place& place);
    [[nodiscard]] std::optional<std::uint32_t> group(const std::vector<AdjacencyId>& members);
    [[nodiscard]] std::optional<std::uint32_t> group_of(const AnyPrefix& prefix, const Route& r);
    bool install(const AnyPrefix& prefix, std::uint32_t value);
    void uninstall(const AnyPrefix& prefix);
    [[nodiscard]] std::pair<std::uint32_t, unsigned> cover_of(const AnyPrefix& prefix) const;
    void refresh(AdjacencyId id, const Place& place);
    void refresh_all();
    Lpm& trie(std::uint8_t family) { return family == 4 ? fib_.v4_ : fib_.v6_; }

    Fib& fib_;
    std::map<std::pair<std::uint16_t, std::uint16_t>, Iface> ifaces_;
    std::map<AnyPrefix, Route> routes_;
    std::map<Place, Neighbour> neighbours_;
    std::map<Place, AdjacencyId> adjacencies_;
    std::map<std::vector<AdjacencyId>, std::uint32_t> groups_;
    std::map<AnyPrefix, std::uint32_t> installed_;  // what is in the tries
    AdjacencyId next_adjacency_ = 1;
    std::uint32_t next_group_ = Fib::kLocalGroup + 1;
};

}  // namespace isthmus::pipeline
