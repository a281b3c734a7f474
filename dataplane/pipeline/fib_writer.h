// SPDX-License-Identifier: Apache-2.0
// The writing side of the FIB: what the agent knows of routes, neighbours and interfaces, and how
// it becomes trie entries and adjacencies. One thread; allocates (it is the edge's, kept here
// beside what it writes). A resync marks everything old, is told all there is, and sweeps what was
// not named again.
//
// Of each prefix everything that was said is kept (an address of ours, routes by metric, a
// neighbour), and settle() puts the best of it into the trie. Groups are counted by the prefixes
// that lead to them, adjacencies by their groups. What nobody leads to any more is *retired*: it
// keeps its contents until every worker has passed a quiescent point (Grace), because one may be
// on its way through it, and is used again after that. So a full table may come and go for ever.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
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
    bool by_ipv6 = false;  // an IPv6 gateway, whatever the route's family (RFC 8950)
    /// Of the gateway, in a route of `route_family`.
    [[nodiscard]] std::uint8_t family(std::uint8_t route_family) const {
        return by_ipv6 ? std::uint8_t{6} : route_family;
    }
    friend auto operator<=>(const NextHop&, const NextHop&) = default;
};

/// Several routes may lead to one prefix: the lowest metric wins, then the first.
struct RouteKey {
    std::uint32_t table = 0, metric = 0;
    friend bool operator==(const RouteKey&, const RouteKey&) = default;
};
/// Where a route goes among those of the same key.
enum class Among : std::uint8_t { replace, first, last };

struct RouteEntry {
    AnyPrefix prefix;
    std::vector<NextHop> hops;
    bool local = false, discard = false;
};
struct NeighbourEntry {
    std::uint8_t family = 6;
    std::uint16_t port = 0, vlan = 0;
    Ipv6Addr address;
    MacAddr mac;
};

/// How the writer learns that no reader holds what it took away before.
class Grace {
public:
    virtual ~Grace() = default;
    virtual std::uint64_t take_ticket() = 0;
    /// Every reader has let go of all that was taken away before the ticket was taken.
    [[nodiscard]] virtual bool passed(std::uint64_t ticket) const = 0;
    /// Returns when passed().
    virtual void wait(std::uint64_t ticket) = 0;
};

class FibWriter {
public:
    /// Of the tables; `retired` waits for the readers, `refused` did not fit and is not there.
    struct Use {
        std::size_t prefixes = 0, adjacencies = 0, groups = 0, retired = 0, refused = 0;
        std::uint32_t nodes4 = 0, nodes6 = 0;
    };

    /// `grace` outlives it; nullptr: there are no readers meanwhile.
    explicit FibWriter(Fib& fib, Grace* grace = nullptr);

    void set_interface(std::uint16_t port, std::uint16_t vlan, MacAddr mac, std::uint16_t mtu,
                       bool up);
    void remove_interface(std::uint16_t port, std::uint16_t vlan);
    /// No hops: packets to the prefix are dropped. False when a table of the FIB is full; the route
    /// is then not there.
    bool set_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops, RouteKey key = {},
                   Among among = Among::replace);
    /// The route with these hops; or, when there is none, these hops out of the route.
    void remove_route(const AnyPrefix& prefix, const std::vector<NextHop>& hops = {},
                      RouteKey key = {});
    /// An address of ours: packets to it are punted.
    bool set_local(const AnyPrefix& host);
    /// A usable neighbour. Static ones (from the configuration) win over learned ones and stay.
    void set_neighbour(const NeighbourEntry& entry, bool is_static = false);
    void remove_neighbour(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                          const Ipv6Addr& address);
    /// Some route has it as its gateway, or had until the last reclaim().
    [[nodiscard]] bool is_gateway(std::uint8_t family, std::uint16_t port, std::uint16_t vlan,
                                  const Ipv6Addr& address) const;

    /// Next hops that routes lead to and whose link address is not known, at most `most`; each once
    /// until that changes. Whoever asks the kernel for them now spares the first packets the wait.
    [[nodiscard]] std::vector<ResolveRequest> take_unresolved(std::size_t most);
    /// Those that were taken and are not known yet are returned once more. An answer can be lost:
    /// the kernel forgets a neighbour in several steps, and a question in between goes with it.
    void retry_unresolved();

    void begin_resync();
    void commit_resync();
    /// Takes back what the readers have let go of. Now and then; it is also done when a table is
    /// full.
    void reclaim();

    struct RoutePage {
        std::vector<RouteEntry> rows;
        std::optional<AnyPrefix> next;  // where the next page begins; nothing: the list is over
    };
    /// The routes among `most` prefixes of the table after `after`: a page of a full table costs no
    /// more than one of a small table.
    [[nodiscard]] RoutePage routes(const std::optional<AnyPrefix>& after, std::size_t most) const;
    /// Those that cover a host's address, the longest prefix last.
    [[nodiscard]] std::vector<RouteEntry> routes_to(std::uint8_t family,
                                                    const Ipv6Addr& host) const;
    [[nodiscard]] std::vector<NeighbourEntry> neighbours() const;
    [[nodiscard]] Use use() const;
    /// The route that decides about a host address; nothing: there is none.
    [[nodiscard]] std::optional<RouteEntry> route_of(std::uint8_t family,
                                                     const Ipv6Addr& host) const;

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
    struct Candidate {
        RouteKey key;
        std::vector<NextHop> hops;
        bool marked = false;
    };
    /// All that was said of one prefix, and the group that it has in the trie.
    struct Entry {
        std::vector<Candidate> routes;  // by metric
        std::optional<Place> neighbour;
        bool local = false, local_marked = false;
        std::uint32_t group = 0;
    };
    using Entries = std::map<AnyPrefix, Entry>;
    /// What an entry is to an operator; nothing where it is there for a neighbour only.
    static std::optional<RouteEntry> seen(const AnyPrefix& prefix, const Entry& e);
    struct AdjacencyUse {
        AdjacencyId id = 0;
        std::uint32_t groups = 0;
        std::uint32_t live = 0;  // of the groups, those that prefixes lead to
    };
    struct GroupUse {
        std::vector<AdjacencyId> members;
        std::uint32_t prefixes = 0;
    };
    /// What one ticket waits for.
    struct Batch {
        std::uint64_t ticket = 0;
        std::vector<std::uint32_t> groups, nodes4, nodes6;
        [[nodiscard]] std::size_t size() const {
            return groups.size() + nodes4.size() + nodes6.size();
        }
    };

    bool settle(Entries::iterator at);
    [[nodiscard]] std::optional<std::uint32_t> wanted(const AnyPrefix& prefix, const Entry& e);
    bool install(const AnyPrefix& prefix, Entry& e, std::uint32_t group);
    void uninstall(const AnyPrefix& prefix, Entry& e);
    [[nodiscard]] std::pair<std::uint32_t, unsigned> cover_of(const AnyPrefix& prefix) const;
    void neighbour_gone(const Place& place);

    [[nodiscard]] std::optional<std::uint32_t> acquire_group(const std::vector<Place>& places);
    void release_group(std::uint32_t id);
    [[nodiscard]] std::optional<std::uint32_t> free_group();
    [[nodiscard]] std::optional<AdjacencyId> acquire_adjacency(const Place& place);
    void release_adjacencies(const std::vector<AdjacencyId>& members);
    void refresh(AdjacencyId id, const Place& place);
    void refresh_all();
    void free_batch(const Batch& b);
    /// Waits for the readers.
    void reclaim_now();
    Lpm& trie(std::uint8_t family) { return family == 4 ? fib_.v4_ : fib_.v6_; }
    [[nodiscard]] const std::array<std::uint32_t, 129>& lengths(std::uint8_t family) const {
        return n_of_length_[family == 4 ? 0 : 1];
    }

    Fib& fib_;
    Grace* grace_;
    std::map<std::pair<std::uint16_t, std::uint16_t>, Iface> ifaces_;
    Entries entries_;
    std::map<Place, Neighbour> neighbours_;
    std::map<Place, AdjacencyUse> adjacencies_;
    std::map<std::vector<AdjacencyId>, std::uint32_t> groups_;
    std::vector<Place> place_of_;      // by adjacency
    std::vector<GroupUse> group_use_;  // by group
    std::vector<AdjacencyId> free_adjacencies_;
    std::vector<std::uint32_t> free_groups_;
    Batch open_;
    std::deque<Batch> waiting_;
    std::array<std::array<std::uint32_t, 129>, 2> n_of_length_{};  // in the tries, by prefix length
    std::size_t refused_ = 0;
    std::deque<Place> perhaps_unresolved_;
    std::set<Place> asked_;  // taken by take_unresolved()
};

}  // namespace isthmus::pipeline
