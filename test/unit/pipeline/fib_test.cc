// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/fib.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <thread>

#include "dataplane/pipeline/fib_writer.h"

using namespace isthmus;
using namespace isthmus::pipeline;

namespace {

struct Rng {
    explicit Rng(unsigned seed) : from(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(from()); }
    std::mt19937 from;
};

AnyPrefix v4(std::uint32_t host, unsigned len) {
    AnyPrefix p{4, static_cast<std::uint8_t>(len), {}};
    const auto o = Ipv4Addr::from_host(host).octets();
    std::memcpy(p.addr.octet.data(), o.data(), 4);
    return p;
}
AnyPrefix v4(const char* text) {
    const auto p = *Prefix4::parse(text, Prefix4::Bare::allow);
    return v4(p.addr.host(), p.len_bits);
}
Ipv6Addr addr4(std::uint32_t host) { return v4(host, 32).addr; }

NextHop via(std::uint32_t gateway, std::uint16_t port = 0, std::uint16_t vlan = 0) {
    return {port, vlan, false, addr4(gateway)};
}
constexpr NextHop kOnLink{0, 0, true, {}};

struct Tables {
    explicit Tables(Grace* grace = nullptr) : writer(fib, grace) {
        writer.set_interface(0, 0, {{2, 0, 0, 0, 0, 1}}, 1500, true);
    }
    Adjacency to(const char* dst) const { return fib.read(fib.lookup(*Ipv4Addr::parse(dst), 0)); }
    Fib fib{4096, 4096};
    FibWriter writer;
};

/// Readers that pass only when the test says so.
struct ByHand final : Grace {
    std::uint64_t take_ticket() override { return ++last; }
    bool passed(std::uint64_t t) const override { return t <= done; }
    void wait(std::uint64_t t) override {
        waits++;
        done = t;
    }
    std::uint64_t last = 0, done = 0;
    unsigned waits = 0;
};

}  // namespace

TEST_CASE("fib: a million route changes leave the tables as they were") {
    ByHand readers;
    Tables t(&readers);
    const auto before = t.writer.use();
    Rng rng(1);
    std::vector<std::pair<AnyPrefix, NextHop>> live;
    std::size_t refused = 0;
    for (int i = 0; i < 1'000'000; i++) {
        if (live.size() < 1500 && rng() % 2 == 0) {
            const unsigned len = 8 + rng() % 25;
            const AnyPrefix p = v4(rng() & (~0U << (32 - len)), len);
            const NextHop h = via(rng());  // a next hop of its own, each time
            refused += t.writer.set_route(p, {h}) ? 0 : 1;
            live.emplace_back(p, h);
        } else if (!live.empty()) {
            std::swap(live[rng() % live.size()], live.back());
            t.writer.remove_route(live.back().first);
            live.pop_back();
        }
        if (i % 1000 == 0) {
            readers.done = readers.last;
            t.writer.reclaim();
        }
    }
    CHECK(refused == 0);
    for (const auto& [p, h] : live) t.writer.remove_route(p);
    t.writer.reclaim();
    readers.done = readers.last;
    t.writer.reclaim();
    const auto after = t.writer.use();
    CHECK(after.prefixes == before.prefixes);
    CHECK(after.groups == before.groups);
    CHECK(after.adjacencies == before.adjacencies);
    CHECK(after.nodes4 == before.nodes4);
    CHECK(after.retired == 0);
}

TEST_CASE("fib: what is taken away is not used again before the readers have passed") {
    ByHand readers;
    Tables t(&readers);
    REQUIRE(t.writer.set_route(v4("198.51.100.0/24"), {via(0x0a000001)}));
    const AdjacencyId held = t.fib.lookup(*Ipv4Addr::parse("198.51.100.1"), 0);
    t.writer.remove_route(v4("198.51.100.0/24"));
    t.writer.reclaim();
    CHECK(t.writer.use().retired != 0);
    REQUIRE(t.writer.set_route(v4("203.0.113.0/24"), {via(0x0a000002)}));
    CHECK(t.fib.read(held).next_hop == addr4(0x0a000001));
    readers.done = readers.last;
    t.writer.reclaim();
    CHECK(t.writer.use().retired == 0);
    // A full table waits for them by itself.
    for (std::uint32_t i = 0; i < 2 * Fib::kGroups; i++) {
        REQUIRE(t.writer.set_route(v4("192.0.2.0/24"), {via(0x0b000000 + i)}));
    }
    CHECK(readers.waits > 0);
    CHECK(t.to("192.0.2.1").next_hop == addr4(0x0b000000 + 2 * Fib::kGroups - 1));
}

TEST_CASE("fib: a reader never comes to another route's next hop") {
    struct Reader final : Grace {
        std::atomic<std::uint64_t> ticket{1}, done{0};
        std::uint64_t take_ticket() override { return ++ticket; }
        bool passed(std::uint64_t t) const override { return done >= t; }
        void wait(std::uint64_t t) override {
            while (!passed(t)) std::this_thread::yield();
        }
    } reader;
    Tables t(&reader);
    constexpr std::uint32_t kNets = 64;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0}, found{0};
    std::thread worker([&] {
        std::uint64_t n_wrong = 0, n_found = 0;
        while (!stop) {
            const std::uint64_t ticket = reader.ticket;  // a turn begins
            std::array<AdjacencyId, kNets> way{};  // looked up first, read later, in the same turn
            for (std::uint32_t net = 0; net < kNets; net++)
                way[net] = t.fib.lookup(Ipv4Addr::from_host(0xc6000001U + (net << 8)), 0);
            std::this_thread::yield();
            for (std::uint32_t net = 0; net < kNets; net++) {
                const auto a = t.fib.read(way[net]);
                if (a.state == Adjacency::State::none) continue;
                n_found++;
                // The gateway says which network it is for.
                if (a.next_hop.octet[0] != 10 || a.next_hop.octet[1] != net) n_wrong++;
            }
            reader.done = ticket;
        }
        wrong = n_wrong;
        found = n_found;
        reader.done = ~std::uint64_t{0};
    });
    Rng rng(3);
    for (int i = 0; i < 100'000; i++) {
        const std::uint32_t net = rng() % kNets;
        const AnyPrefix p = v4(0xc6000000U + (net << 8), 24);
        if (rng() % 3 == 0) {
            t.writer.remove_route(p);
        } else {
            (void)t.writer.set_route(p, {via(0x0a000000U | (net << 16) | (rng() & 0xffff))});
        }
        if (i % 64 == 0) t.writer.reclaim();
    }
    stop = true;
    worker.join();
    CHECK(found > 0);
    CHECK(wrong == 0);
}

TEST_CASE("fib: the lowest metric wins, and the next one follows it") {
    Tables t;
    const AnyPrefix p = v4("198.51.100.0/24");
    REQUIRE(t.writer.set_route(p, {via(1)}, {254, 100}));
    REQUIRE(t.writer.set_route(p, {via(2)}, {254, 20}));
    CHECK(t.to("198.51.100.9").next_hop == addr4(2));
    t.writer.remove_route(p, {via(2)}, {254, 20});
    CHECK(t.to("198.51.100.9").next_hop == addr4(1));
    REQUIRE(t.writer.set_route(p, {}, {254, 5}));  // blackhole
    CHECK(t.to("198.51.100.9").state == Adjacency::State::blackhole);
    t.writer.remove_route(p, {}, {254, 5});
    t.writer.remove_route(p, {via(1)}, {254, 100});
    CHECK(t.to("198.51.100.9").state == Adjacency::State::none);
    CHECK(t.writer.use().prefixes == 0);
}

TEST_CASE("fib: next hops go out of a route one by one") {
    Tables t;
    const AnyPrefix p = v4("198.51.100.0/24");
    REQUIRE(t.writer.set_route(p, {via(1), via(2), via(3)}));
    t.writer.remove_route(p, {via(2)});
    bool seen[4] = {};
    for (std::uint32_t h = 0; h < 64; h++) {
        const auto id = t.fib.lookup(*Ipv4Addr::parse("198.51.100.9"), h << 26);
        seen[t.fib.read(id).next_hop.octet[3]] = true;
    }
    CHECK(seen[1]);
    CHECK_FALSE(seen[2]);
    CHECK(seen[3]);
}

TEST_CASE("fib: a neighbour is found again when the route to it alone has gone") {
    Tables t;
    REQUIRE(t.writer.set_route(v4("198.51.100.0/24"), {kOnLink}));
    CHECK(t.to("198.51.100.2").state == Adjacency::State::glean);
    t.writer.set_neighbour({4, 0, 0, addr4(0xc6336402), {{2, 0, 0, 0, 0, 9}}});
    CHECK(t.to("198.51.100.2").state == Adjacency::State::resolved);
    const AnyPrefix host = v4("198.51.100.2/32");
    REQUIRE(t.writer.set_route(host, {via(7)}));
    CHECK(t.to("198.51.100.2").next_hop == addr4(7));
    t.writer.remove_route(host);
    CHECK(t.to("198.51.100.2").state == Adjacency::State::resolved);
    // A host route without gateway leads to the host itself.
    REQUIRE(t.writer.set_route(v4("192.0.2.1/32"), {kOnLink}));
    CHECK(t.to("192.0.2.1").state == Adjacency::State::unresolved);
    t.writer.set_neighbour({4, 0, 0, addr4(0xc0000201), {{2, 0, 0, 0, 0, 8}}});
    CHECK(t.to("192.0.2.1").state == Adjacency::State::resolved);
    t.writer.reclaim();
    CHECK_FALSE(t.writer.is_gateway(4, 0, 0, addr4(0xc6336402)));
    CHECK(t.writer.set_route(v4("203.0.113.0/24"), {via(0xc6336402)}));
    CHECK(t.writer.is_gateway(4, 0, 0, addr4(0xc6336402)));
}

TEST_CASE("fib: a resync sweeps what was not named again, and nothing else") {
    Tables t;
    const RouteKey key{254, 0};
    REQUIRE(t.writer.set_route(v4("198.51.100.0/24"), {via(1)}, key));
    REQUIRE(t.writer.set_route(v4("203.0.113.0/24"), {via(2)}, key));
    REQUIRE(t.writer.set_local(v4("192.0.2.1/32")));
    const auto epoch_of = [&] { return t.fib.epoch(); };
    t.writer.begin_resync();
    const auto before = epoch_of();
    REQUIRE(t.writer.set_route(v4("198.51.100.0/24"), {via(1)}, key, Among::last));
    REQUIRE(t.writer.set_local(v4("192.0.2.1/32")));
    CHECK(epoch_of() == before);  // naming the same again changes nothing
    t.writer.commit_resync();
    CHECK(t.to("198.51.100.1").next_hop == addr4(1));
    CHECK(t.to("192.0.2.1").state == Adjacency::State::local);
    CHECK(t.to("203.0.113.1").state == Adjacency::State::none);
}

TEST_CASE("fib: an IPv4 route may lead to an IPv6 gateway (RFC 8950)") {
    Tables t;
    const Ipv6Addr gateway = *Ipv6Addr::parse("fe80::2");
    const NextHop hop{0, 0, false, gateway, true};
    REQUIRE(t.writer.set_route(v4("192.0.2.0/24"), {hop}));
    REQUIRE(t.to("192.0.2.1").state == Adjacency::State::unresolved);
    REQUIRE(t.to("192.0.2.1").family == 6);
    REQUIRE(t.to("192.0.2.1").next_hop == gateway);
    const auto asked = t.writer.take_unresolved(8);
    REQUIRE(asked.size() == 1);
    REQUIRE(asked[0].family == 6);
    REQUIRE(asked[0].address == gateway);
    const MacAddr mac{{2, 0, 0, 0, 9, 9}};
    t.writer.set_neighbour({6, 0, 0, gateway, mac});
    REQUIRE(t.to("192.0.2.1").state == Adjacency::State::resolved);
    REQUIRE(t.to("192.0.2.1").dst == mac);
    REQUIRE(t.writer.is_gateway(6, 0, 0, gateway));
    t.writer.remove_route(v4("192.0.2.0/24"), {hop});
    REQUIRE(t.to("192.0.2.1").state == Adjacency::State::none);
}
