// SPDX-License-Identifier: Apache-2.0
// Packets that wait for a next hop: who makes room, who is asked for and when, and in what order
// they leave.
#include "dataplane/pipeline/pending.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <random>

#include "test/unit/pipeline/gateway.h"

using namespace isthmus;
using namespace isthmus::pipeline;

namespace {

struct Waiters {
    /// The packet is its number.
    std::uintptr_t hold(std::uintptr_t packet, unsigned hop, unsigned tick = 0) {
        Pending::Waiting w;
        w.packet.buffer = reinterpret_cast<void*>(packet);  // NOLINT(performance-no-int-to-ptr)
        w.hop.port = 4;
        w.hop.address.octet[15] = static_cast<std::uint8_t>(hop);
        w.hop.address.octet[14] = static_cast<std::uint8_t>(hop >> 8);
        w.key = hop % 7;  // many hops of one key
        w.since = Tick{tick};
        Packet victim;
        return pending->hold(w, *ring, victim) ? 0 : number(victim);
    }
    static std::uintptr_t number(const Packet& p) {
        return reinterpret_cast<std::uintptr_t>(p.buffer);
    }
    static unsigned hop_of(const Pending::Waiting& w) {
        return w.hop.address.octet[15] | unsigned{w.hop.address.octet[14]} << 8;
    }
    unsigned asked() {
        unsigned n = 0;
        for (ResolveRequest r; ring->pop(r);) n++;
        return n;
    }
    /// Packets of the hops that `known` says are there.
    template <typename Fn>
    std::vector<std::uintptr_t> release(Fn&& known) {
        std::vector<std::uintptr_t> out;
        pending->release(++epoch, [&](const Pending::Waiting& w) {
            if (!known(hop_of(w))) return false;
            out.push_back(number(w.packet));
            return true;
        });
        return out;
    }
    std::unique_ptr<Pending> pending = std::make_unique<Pending>();
    std::unique_ptr<ResolveRing> ring = std::make_unique<ResolveRing>();
    std::uint32_t epoch = 0;
};

packets::Bytes numbered(unsigned number) {
    return packets::make(packets::Ip6{"2001:db8:1::5", "2001:db8:64::cb00:7109"}, 17,
                         packets::udp(1234, 53, packets::pattern(20 + number)));
}

}  // namespace

TEST_CASE("pending: the oldest of a next hop makes room, then the oldest of all") {
    Waiters w;
    for (unsigned i = 1; i <= Pending::kPerHop; i++) REQUIRE(w.hold(i, 1) == 0);
    CHECK(w.hold(9000, 1) == 1);
    CHECK(w.hold(9001, 1) == 2);
    for (unsigned i = Pending::kPerHop; i < Pending::kMax; i++) REQUIRE(w.hold(10000 + i, i) == 0);
    CHECK(w.hold(9002, 5000) == 3);
    CHECK(w.hold(9003, 5001) == 4);
    CHECK(w.pending->size() == Pending::kMax);
}

TEST_CASE("pending: each next hop is asked for once, and again after a second") {
    Waiters w;
    for (unsigned i = 1; i <= 100; i++) (void)w.hold(i, i % 2, 50);
    CHECK(w.asked() == 2);
    (void)w.hold(200, 1, 59);
    CHECK(w.asked() == 0);
    (void)w.hold(201, 1, 60);
    (void)w.hold(202, 1, 60);
    CHECK(w.asked() == 1);
    // No room on the ring: the next packet asks.
    while (w.ring->push({})) continue;
    (void)w.hold(203, 9, 60);
    (void)w.asked();
    (void)w.hold(204, 9, 60);
    CHECK(w.asked() == 1);
}

TEST_CASE("pending: against a model, packets of each next hop leave in the order of arrival") {
    Waiters w;
    std::mt19937 random(11);
    std::map<unsigned, std::deque<std::uintptr_t>> model;
    std::deque<std::pair<std::uintptr_t, unsigned>> all;
    std::uintptr_t serial = 1;
    for (unsigned step = 0; step < 60000; step++) {
        if (random() % 400 != 0) {
            // Some hops get more than their share.
            const auto hop =
                static_cast<unsigned>(random() % 3 != 0 ? random() % 900 : random() % 2);
            auto from = model[hop].size() == Pending::kPerHop ? hop : ~0U;
            const bool full = from == hop || all.size() == Pending::kMax;
            if (full && from != hop) from = all.front().second;
            const std::uintptr_t victim = full ? model[from].front() : 0;
            if (full) {
                model[from].pop_front();
                std::erase_if(all, [&](const auto& e) { return e.first == victim; });
            }
            REQUIRE(w.hold(serial, hop) == victim);
            model[hop].push_back(serial);
            all.emplace_back(serial++, hop);
        } else {
            const auto rest = static_cast<unsigned>(random() % 4);
            const auto known = [&](unsigned hop) { return hop % 4 == rest; };
            std::size_t n = 0;
            for (auto& [hop, queue] : model) n += known(hop) ? queue.size() : 0;
            const auto out = w.release(known);
            REQUIRE(out.size() == n);
            std::map<std::uintptr_t, unsigned> hop_of(all.begin(), all.end());
            for (const std::uintptr_t packet : out) {
                auto& queue = model[hop_of.at(packet)];
                REQUIRE(queue.front() == packet);
                queue.pop_front();
            }
            std::erase_if(all, [&](const auto& e) { return known(e.second); });
        }
        REQUIRE(w.pending->size() == all.size());
    }
}

TEST_CASE("what waits leaves first, also when the link address is known by then") {
    gateway::Gateway g;
    REQUIRE(g.in(6, numbered(0)).size() == 1);
    g.forget_neighbour(4);
    for (unsigned i = 1; i <= 3; i++) CHECK(g.in(6, numbered(i)).empty());
    CHECK(g.count(Counter::neighbour_held) == 3);
    g.route4("0.0.0.0/0", 4);  // the neighbour is there again
    // Before a turn of the worker has ended: it must not pass the others.
    CHECK(g.in(6, numbered(4)).empty());
    const auto out = g.turn();
    REQUIRE(out.size() == 4);
    for (unsigned i = 0; i < 4; i++) CHECK(out[i].packet.size() == 20U + 8 + 20 + i + 1);
    CHECK(g.waiting() == 0);
    CHECK(g.in(6, numbered(5)).size() == 1);
    CHECK(g.outstanding == 0);
}

TEST_CASE("a packet is given up when its next hop does not answer for 3 seconds") {
    gateway::Gateway g;
    g.forget_neighbour(4);
    CHECK(g.in(6, numbered(1)).empty());
    (void)g.pass(2.9);
    CHECK(g.waiting() == 1);
    (void)g.pass(0.3);
    CHECK(g.waiting() == 0);
    CHECK(g.drops(Drop::no_neighbour) == 1);
    CHECK(g.outstanding == 0);
}

TEST_CASE("fib: gateways that nobody has the link address of are named once, until that changes") {
    gateway::Network n;
    const auto gw = *Ipv6Addr::parse("fe80::1");
    const AnyPrefix all{6, 0, {}}, net{6, 64, *Ipv6Addr::parse("2001:db8:1::")};
    n.writer.set_interface(6, 0, {{2, 0, 0, 0, 0, 6}}, 1500, true);
    REQUIRE(n.writer.set_route(all, {{6, 0, false, gw}}));
    REQUIRE(n.writer.set_route(net, {{6, 0, true, {}}}));  // a connected network: nobody to ask for
    const auto asked = n.writer.take_unresolved(8);
    REQUIRE(asked.size() == 1);
    CHECK(asked[0] == ResolveRequest{6, 0, 6, gw});
    CHECK(n.writer.take_unresolved(8).empty());
    n.writer.retry_unresolved();
    CHECK(n.writer.take_unresolved(8).size() == 1);
    n.writer.set_neighbour({6, 6, 0, gw, {{2, 0, 0, 0, 1, 6}}});
    CHECK(n.writer.take_unresolved(8).empty());
    n.writer.remove_neighbour(6, 6, 0, gw);
    CHECK(n.writer.take_unresolved(8).size() == 1);
    // A host of the connected network that goes is nobody's gateway.
    const auto host = *Ipv6Addr::parse("2001:db8:1::7");
    n.writer.set_neighbour({6, 6, 0, host, {{2, 0, 0, 0, 1, 7}}});
    n.writer.remove_neighbour(6, 6, 0, host);
    CHECK(n.writer.take_unresolved(8).empty());
    // A link that comes up.
    n.writer.set_interface(6, 0, {{2, 0, 0, 0, 0, 6}}, 1500, false);
    CHECK(n.writer.take_unresolved(8).empty());
    n.writer.set_interface(6, 0, {{2, 0, 0, 0, 0, 6}}, 1500, true);
    CHECK(n.writer.take_unresolved(8).size() == 1);
    n.writer.remove_route(all);
    n.writer.set_interface(6, 0, {{2, 0, 0, 0, 0, 6}}, 1500, false);
    n.writer.set_interface(6, 0, {{2, 0, 0, 0, 0, 6}}, 1500, true);
    CHECK(n.writer.take_unresolved(8).empty());
}
