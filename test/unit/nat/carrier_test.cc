// SPDX-License-Identifier: Apache-2.0
// What a carrier needs on top of RFC 6146: static bindings, port blocks, deterministic NAT, rules,
// exclusions, timers by port, draining, clearing.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

namespace {

Ipv6Addr host(unsigned n) {
    Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
    x.octet[6] = static_cast<std::uint8_t>(n >> 8);
    x.octet[7] = static_cast<std::uint8_t>(n & 0xff);
    return x;
}

/// To the first address of the pool.
void bind(Box& b, unsigned n, unsigned x_id, unsigned t_id, Proto proto) {
    b.policy->fixed[b.policy->n_static++] =
        StaticEntry{{host(n), Be16{static_cast<std::uint16_t>(x_id)}},
                    {b.policy->slot[0].addr, Be16{static_cast<std::uint16_t>(t_id)}},
                    0,
                    proto};
}

/// Turns until nothing is left to do at this moment.
void settle(Box& b) {
    for (int i = 0; i < 200; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
}

}  // namespace

TEST_CASE("T-6146-tbl-005 T-6146-tbl-007: a static binding stays, in each of the three BIBs") {
    Box b;
    bind(b, 7, 80, 8080, Proto::tcp);
    bind(b, 7, 53, 5353, Proto::udp);
    bind(b, 7, 9, 99, Proto::icmp);
    b.changed();
    settle(b);
    CHECK(b.engine->n_bindings() == 3);
    CHECK(b.in(0, 8080, 1, Proto::tcp, kSyn).x_addr == host(7));
    CHECK(b.in(0, 8080, 1, Proto::tcp, kSyn).x_id == Be16{80});
    CHECK(b.in(0, 5353, 1).x_id == Be16{53});
    CHECK(b.in(0, 99, {1, 0}, Proto::icmp, 0).x_id == Be16{9});
    CHECK(b.out(7, 53, 3).t_id == Be16{5353});
    b.wait(8000);
    CHECK(b.engine->n_sessions() == 0);
    CHECK(b.engine->n_bindings() == 3);
    CHECK(b.in(0, 5353, 1).why == Drop::none);
    CHECK(b.engine->check() == nullptr);
    // Until the operator takes it away, with its sessions.
    b.policy->n_static = 0;
    b.changed();
    CHECK(b.in(0, 5353, 1).why == Drop::no_binding);
    settle(b);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.engine->n_sessions() == 0);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("T-6146-tbl-006: a static binding takes the place of dynamic ones, whole") {
    Box b;
    const auto old = b.out(1, 1000, 1);
    const auto other = b.out(7, 80, 1);
    REQUIRE(other.why == Drop::none);
    bind(b, 7, 80, old.t_id.host(), Proto::udp);
    b.changed();
    settle(b);
    CHECK(b.engine->n_bindings() == 1);
    CHECK(b.out(7, 80, 1).t_id == old.t_id);
    CHECK(b.out(1, 1000, 1).t_id != old.t_id);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("a static port is never given out, and is free again when it is not static any more") {
    Box b({70000, 16, 70000, 4});
    b.policy->limits.ports_per_subscriber = 100000;
    b.policy->limits.sessions_per_subscriber = 100000;
    b.policy->slot[0].last_port = 1087;
    bind(b, 900, 80, 1050, Proto::udp);
    b.changed();
    settle(b);
    std::set<unsigned> seen;
    for (unsigned i = 0; i < 63; i++) {
        const auto t = b.out(i, 2000, 1);
        REQUIRE(t.why == Drop::none);
        seen.insert(t.t_id.host());
    }
    CHECK(seen.count(1050) == 0);
    CHECK(b.out(63, 2000, 1).why == Drop::pool4_exhausted);
    b.policy->n_static = 0;
    b.changed();
    settle(b);
    CHECK(b.out(63, 2000, 1).t_id == Be16{1050});
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE(
    "T-6888-018 T-6888-019: ports come in blocks, which are released with their last binding") {
    Box b;
    b.policy->blocks = {8, 2, ticks_of_seconds(200)};
    b.policy->lifetimes.port_hold = Tick{0};
    b.changed();
    std::set<unsigned> blocks;
    for (unsigned i = 0; i < 512; i++) {
        const auto t = b.out(1, 3000 + i, 1);
        REQUIRE(t.why == Drop::none);
        blocks.insert(t.t_id.host() / 256U);
    }
    CHECK(blocks.size() == 2);
    CHECK(b.counters.of(Counter::blocks_taken) == 2);
    CHECK(b.out(1, 9000, 1).why == Drop::subscriber_blocks);
    // Other protocols use the same blocks.
    const unsigned t = b.out(1, 1, 1, Proto::tcp).t_id.host();
    CHECK(blocks.count(t / 256U) == 1);
    CHECK(b.in(0, t, 1, Proto::tcp, 0x12).why == Drop::none);
    CHECK(blocks.count(b.out(2, 1, 1).t_id.host() / 256U) == 0);
    CHECK(b.engine->check() == nullptr);
    b.wait(310);
    CHECK(b.counters.of(Counter::blocks_released) == 2);  // TCP still holds one block
    b.wait(7800);
    CHECK(b.counters.of(Counter::blocks_released) == 3);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("a released block rests before another subscriber gets it") {
    Box b;
    b.policy->slot[0].last_port = 1024 + 255;  // one block in all
    b.policy->blocks = {8, 2, ticks_of_seconds(600)};
    b.changed();
    REQUIRE(b.out(1, 1, 1).why == Drop::none);
    CHECK(b.out(2, 1, 1).why == Drop::pool4_exhausted);
    b.wait(310);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.out(2, 1, 1).why == Drop::pool4_exhausted);
    b.wait(601);
    CHECK(b.out(2, 1, 1).why == Drop::none);
}

TEST_CASE("T-6888-019: which block a subscriber gets, and which port in it, cannot be foretold") {
    Box b;
    b.policy->blocks = {8, 2, Tick{0}};
    b.changed();
    std::set<unsigned> blocks, offsets;
    unsigned steps_of_one = 0, last = 0;
    for (unsigned i = 0; i < 100; i++) {
        const unsigned port = b.out(i, 1, 1).t_id.host();
        blocks.insert(port / 256);
        offsets.insert(port % 256);
        steps_of_one += port / 256 == last + 1 ? 1U : 0U;
        last = port / 256;
    }
    CHECK(blocks.size() == 100);
    CHECK(offsets.size() > 60);
    CHECK(steps_of_one < 20);
}

TEST_CASE("T-7422-001 T-7422-004 T-7422-008: the vector of RFC 7422, both ways") {
    Box b;
    Policy& p = *b.policy;
    p.subscriber_bits = 64;
    p.deterministic.on = true;
    p.deterministic.inside = *Prefix6::parse("2001:db8:1::/60");
    p.deterministic.first_port = 1024;
    p.deterministic.per_address = 14;
    p.deterministic.dynamic = 2;
    p.deterministic.ports_each = (65536 - 1024) / (14 + 2);
    p.deterministic.n_slots = 1;
    p.deterministic.slot[0] = 0;
    b.changed();
    CHECK(p.deterministic.ports_each == 4032);
    CHECK(dynamic_from(p.deterministic) == 57472);
    for (unsigned n = 1; n <= 14; n++) {
        Ipv6Addr x = host(n - 1);
        x.octet[15] = 77;
        const auto range = deterministic_range(p, x);
        REQUIRE(range);
        CHECK(range->first == 1024 + 4032 * (n - 1));
        CHECK(range->last == 1023 + 4032 * n);
        CHECK(deterministic_subscriber(p, 0, range->first) == host(n - 1));
        CHECK(deterministic_subscriber(p, 0, range->last) == host(n - 1));
    }
    CHECK(deterministic_subscriber(p, 0, 2001) == host(0));
    CHECK_FALSE(deterministic_subscriber(p, 0, 57472));
    CHECK_FALSE(deterministic_subscriber(p, 0, 1023));
    CHECK_FALSE(deterministic_range(p, host(14)));
    CHECK_FALSE(deterministic_range(p, *Ipv6Addr::parse("2001:db8:2::1")));
}

TEST_CASE("T-7422-002 T-7422-005: own ports first, at random, then blocks of the dynamic part") {
    Box b({20000, 64, 512, 4});
    Policy& p = *b.policy;
    p.limits.ports_per_subscriber = p.limits.sessions_per_subscriber = 100000;
    p.blocks = {7, 8, ticks_of_seconds(120)};
    p.deterministic.on = true;
    p.deterministic.inside = *Prefix6::parse("2001:db8:1::/60");
    p.deterministic.first_port = 1024;
    p.deterministic.per_address = 14;
    p.deterministic.dynamic = 2;
    p.deterministic.most_blocks = 1;
    p.deterministic.ports_each = 4032;
    p.deterministic.n_slots = 1;
    b.changed();
    unsigned steps_of_one = 0, last = 0;
    for (unsigned i = 0; i < 4032; i++) {
        const auto t = b.out(3, 1000 + i, 1);
        REQUIRE(t.why == Drop::none);
        const unsigned port = t.t_id.host();
        if (port < 1024 + 3 * 4032 || port >= 1024 + 4 * 4032) FAIL("port " << port);
        steps_of_one += port == last + 1 ? 1U : 0U;
        last = port;
    }
    CHECK(steps_of_one < 2000);
    CHECK(b.counters.of(Counter::blocks_taken) == 0);
    for (unsigned i = 0; i < 128; i++) CHECK(b.out(3, 10000 + i, 1).t_id.host() >= 57472);
    CHECK(b.counters.of(Counter::blocks_taken) == 1);
    CHECK(b.out(3, 20000, 1).why == Drop::subscriber_blocks);
    CHECK(b.out(4, 1, 1).t_id.host() / 4032 == (1024 + 4 * 4032) / 4032);
    p.deterministic.dynamic = 0;
    CHECK(b.out(3, 20001, 1).why == Drop::subscriber_ports);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE(
    "a rule chooses the pool by source prefix, the longest first; a change moves new bindings") {
    Box b;
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.add(2, Ipv4Addr::of(192, 0, 2, 3));
    b.policy->slot[1].group = 1;
    b.policy->slot[2].group = 2;
    b.policy->rule[0] = {*Prefix6::parse("2001:db8:1::/60"), 1};
    b.policy->rule[1] = {*Prefix6::parse("2001:db8:1:3::/64"), 2};
    b.policy->n_rules = 2;
    b.changed();
    CHECK(b.out(2, 1, 1).t_addr == Ipv4Addr::of(192, 0, 2, 2));
    CHECK(b.out(3, 1, 1).t_addr == Ipv4Addr::of(192, 0, 2, 3));
    CHECK(b.out(99, 1, 1).t_addr == Ipv4Addr::of(192, 0, 2, 1));
    b.policy->n_rules = 0;
    b.changed();
    CHECK(b.out(2, 1, 1).t_addr == Ipv4Addr::of(192, 0, 2, 2));  // what is there stays
    CHECK(b.out(2, 2, 1).t_addr == Ipv4Addr::of(192, 0, 2, 1));
}

TEST_CASE("UDP lifetimes by destination port") {
    Box b;
    b.policy->udp_timer[b.policy->n_udp_timers++] = {Be16{53}, ticks_of_seconds(30)};
    b.policy->udp_timer[b.policy->n_udp_timers++] = {Be16{4500}, ticks_of_seconds(900)};
    b.changed();
    (void)b.out(1, 1, {1, 53}, Proto::udp, 0);
    (void)b.out(1, 2, {1, 4500}, Proto::udp, 0);
    (void)b.out(1, 3, {1, 80}, Proto::udp, 0);
    b.wait(40);
    CHECK(b.engine->n_sessions() == 2);
    b.wait(300);
    CHECK(b.engine->n_sessions() == 1);
    b.wait(600);
    CHECK(b.engine->n_sessions() == 0);
}

TEST_CASE("a drained address keeps its bindings and gets no new ones") {
    Box b;
    const auto t = b.out(1, 1, 1);
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.policy->slot[0].state = PoolSlot::State::draining;
    b.changed();
    CHECK(b.out(1, 1, 2).t_addr == t.t_addr);
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::none);
    CHECK(b.out(1, 2, 1).t_addr == Ipv4Addr::of(192, 0, 2, 2));
    CHECK(b.engine->ports_in_use(0, Proto::udp) == 1);
    b.policy->slot[0].state = PoolSlot::State::active;
    b.changed();
    CHECK(b.out(1, 1, 1).t_addr == t.t_addr);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("clear closes what it names, says how much, and what comes after it lives") {
    Box b;
    for (unsigned h = 0; h < 20; h++) {
        for (unsigned z = 0; z < 3; z++) (void)b.out(h, 1000, z);
    }
    ClearOrder order;
    order.subscriber = Prefix6{host(3), 64};
    const std::uint32_t one = b.engine->post_clear(order);
    ClearResult result;
    CHECK_FALSE(b.engine->clear_done(one, result));
    b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    settle(b);
    REQUIRE(b.engine->clear_done(one, result));
    CHECK(result.bindings == 1);
    CHECK(result.sessions == 3);
    CHECK(b.engine->n_bindings() == 19);
    // One remote: sessions only.
    ClearOrder remote;
    remote.has_remote = true;
    remote.z_addr = Ipv4Addr::from_host(0xcb007101);
    const std::uint32_t two = b.engine->post_clear(remote);
    settle(b);
    REQUIRE(b.engine->clear_done(two, result));
    CHECK(result.bindings == 0);
    CHECK(result.sessions == 19);
    CHECK(b.engine->n_bindings() == 19);
    CHECK(b.engine->n_sessions() == 38);
    const std::uint32_t all = b.engine->post_clear({});
    b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    CHECK(b.out(30, 1, 1).why == Drop::none);  // made while the clearing runs
    settle(b);
    REQUIRE(b.engine->clear_done(all, result));
    CHECK(result.bindings == 19);
    CHECK(result.sessions == 38);
    CHECK(b.engine->n_bindings() == 1);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("a cleared binding is absent at once, before it is reaped") {
    Box b({20000, 16, 512, 4});
    b.policy->limits.ports_per_subscriber = 60000;
    b.policy->limits.sessions_per_subscriber = 60000;
    b.changed();
    for (unsigned i = 0; i < 10000; i++) (void)b.out(1, 1000 + i, 1);
    const auto t = b.out(1, 10999, 1);
    (void)b.engine->post_clear({});
    b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    CHECK(b.engine->n_bindings() > 9000);
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::no_binding);
}
