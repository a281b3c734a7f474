// SPDX-License-Identifier: Apache-2.0
// What an operator changes while bindings live, rest and end: nothing is forgotten, nobody gets
// what is another's, and no packet pays for all of it.
#include <catch2/catch.hpp>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

namespace {

void turn(Box& b) {
    b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
}
void settle(Box& b) {
    for (int i = 0; i < 60; i++) turn(b);
}
void pass(Box& b, std::uint32_t seconds) {
    b.now = Now::at(Nanos{b.now.ns.v + seconds * kNanosPerSecond});
    settle(b);
}
void clear_all(Box& b) {
    (void)b.engine->post_clear({});
    settle(b);
    REQUIRE(b.engine->n_bindings() == 0);
}
Ipv6Addr address_of(unsigned host) {
    Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
    x.octet[6] = static_cast<std::uint8_t>(host >> 8);
    x.octet[7] = static_cast<std::uint8_t>(host & 0xff);
    return x;
}
unsigned bindings_on(const Box& b, unsigned slot) {
    unsigned n = 0;
    for (Index i = 0; i < b.engine->binding_high_water(); i++) {
        const auto v = b.engine->read_binding(i);
        n += v && v->slot == slot ? 1U : 0U;
    }
    return n;
}
/// 3,000 bindings on two addresses, the hand somewhere among them.
void prepare(Box& b, unsigned turns) {
    b.policy->limits.ports_per_subscriber = b.policy->limits.sessions_per_subscriber = 10000;
    b.policy->lifetimes.udp = ticks_of_seconds(3000);
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.changed();
    for (unsigned i = 0; i < 3000; i++) (void)b.out(i % 60, 1000 + i / 60, 1);
    REQUIRE(bindings_on(b, 1) > 100);
    for (unsigned i = 0; i < turns; i++) {
        b.now = Now::at(Nanos{b.now.ns.v + kNanosPerSecond / 50});
        turn(b);
    }
}
/// More new bindings than the hand leaves behind, while it goes round.
void grow(Box& b, unsigned& made) {
    for (unsigned k = 0; k < 100; k++, made++) (void)b.out(100 + made % 60, 1000 + made / 60, 1);
}

}  // namespace

TEST_CASE("a sweep is over when all that was there has been seen, also when the table grows") {
    for (const unsigned turns : {1U, 40U, 90U, 130U, 170U}) {
        Box b({30000, 64, 512, 4});
        prepare(b, turns);
        b.policy->slot[1].state = PoolSlot::State::unused;
        b.changed();
        unsigned made = 0;
        while (b.engine->swept() != b.policy->generation && made < 20000) {
            grow(b, made);
            turn(b);
        }
        INFO("the hand had " << turns << " turns");
        CHECK(b.engine->swept() == b.policy->generation);
        CHECK(bindings_on(b, 1) == 0);
        CHECK(b.engine->check() == nullptr);
    }
}

TEST_CASE("a clearing closes all that it names, also when the table grows meanwhile") {
    for (const unsigned turns : {1U, 90U, 170U}) {
        Box b({30000, 64, 512, 4});
        prepare(b, turns);
        const unsigned named = bindings_on(b, 1);
        b.policy->slot[1].state = PoolSlot::State::draining;
        b.changed();
        ClearOrder order;
        order.slot = 1;
        const std::uint32_t ticket = b.engine->post_clear(order);
        ClearResult done;
        unsigned made = 0;
        while (!b.engine->clear_done(ticket, done) && made < 20000) {
            grow(b, made);
            turn(b);
        }
        CHECK(done.bindings == named);
        CHECK(bindings_on(b, 1) == 0);
    }
}

TEST_CASE("a port that was bound statically while it rested, rests on") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1027);
    b.changed();
    for (unsigned i = 0; i < 4; i++) REQUIRE(b.out(i, 2000, 1).why == Drop::none);
    clear_all(b);
    pass(b, 60);
    b.policy->fixed[0] = {
        {address_of(9), Be16{80}}, {Ipv4Addr::of(192, 0, 2, 1), Be16{1025}}, 0, Proto::udp};
    b.policy->n_static = 1;
    b.changed();
    pass(b, 1);
    CHECK(b.engine->n_bindings() == 1);
    b.policy->n_static = 0;
    b.changed();
    pass(b, 1);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.engine->check() == nullptr);
    CHECK(b.out(10, 2000, 1).why == Drop::pool4_exhausted);
    pass(b, 60);  // their time is over
    std::set<unsigned> given;
    for (unsigned i = 0; i < 4; i++) given.insert(b.out(20 + i, 2000, 1).t_id.host());
    CHECK(given == std::set<unsigned>{1024, 1025, 1026, 1027});
    CHECK(b.out(30, 2000, 1).why == Drop::pool4_exhausted);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("the rest of a port ends under a static binding that is no more") {
    Box b({20000, 64, 512, 4});
    b.policy->limits.ports_per_subscriber = b.policy->limits.sessions_per_subscriber = 60000;
    b.policy->lifetimes.udp = ticks_of_seconds(3000);
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.changed();
    // The hand needs some turns for one round.
    for (unsigned i = 0; i < 10000; i++) (void)b.out(1, 1000 + i, 1);
    b.add(2, Ipv4Addr::of(192, 0, 2, 3), 1024, 1024);
    b.policy->slot[2].group = 1;
    b.policy->rule[b.policy->n_rules++] = {Prefix6{address_of(3), 64}, 1};
    b.changed();
    settle(b);
    REQUIRE(b.out(3, 2000, 1).why == Drop::none);
    ClearOrder order;
    order.slot = 2;
    (void)b.engine->post_clear(order);
    for (int i = 0; i < 200; i++) turn(b);
    pass(b, 118);
    b.policy->fixed[0] = {
        {address_of(9), Be16{80}}, {Ipv4Addr::of(192, 0, 2, 3), Be16{1024}}, 2, Proto::udp};
    b.policy->n_static = 1;
    b.changed();
    settle(b);
    b.now = Now::at(Nanos{b.now.ns.v + 3 * kNanosPerSecond});
    b.policy->n_static = 0;
    b.changed();
    // The old binding is still in the table when the port's rest ends.
    turn(b);
    CHECK(b.engine->check() == nullptr);
    (void)b.out(3, 2000, 1);
    for (int i = 0; i < 200; i++) turn(b);
    CHECK(b.engine->check() == nullptr);
    const auto t = b.out(3, 2000, 1);
    CHECK(t.t_id.host() == 1024);
    CHECK(b.in(2, 1024, 1).x_addr == address_of(3));
}

TEST_CASE("a new hold time counts for ports that rest, in order, both ways") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1027);
    b.changed();
    const auto fill = [&](unsigned from) {
        unsigned made = 0;
        for (unsigned i = 0; i < 4; i++) made += b.out(from + i, 2000, 1).why == Drop::none;
        return made;
    };
    CHECK(fill(0) == 4);
    clear_all(b);
    pass(b, 9);
    b.policy->lifetimes.port_hold = ticks_of_seconds(10);
    b.changed();
    CHECK(fill(10) == 0);
    pass(b, 2);
    CHECK(fill(20) == 4);
    clear_all(b);
    b.policy->lifetimes.port_hold = ticks_of_seconds(60);
    b.changed();
    pass(b, 50);
    CHECK(fill(30) == 0);
    pass(b, 11);
    CHECK(fill(40) == 4);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("fewer ports may rest: the rest goes little by little, not with one packet") {
    Box b({8192, 64, 512, 4});
    b.policy->limits.ports_per_subscriber = b.policy->limits.sessions_per_subscriber = 60000;
    b.changed();
    for (unsigned i = 0; i < 6000; i++) (void)b.out(1, 1000 + i, 1);
    (void)b.engine->post_clear({});
    for (int i = 0; i < 200; i++) turn(b);
    const auto n_free = [&] { return b.engine->ports_free(0, Proto::udp); };
    const std::uint32_t before = n_free();
    CHECK(before == 64512 - 6000);
    b.policy->limits.ports_held = 10;
    b.changed();
    const auto one = b.out(2, 1000, 1);
    ClearOrder order;
    order.slot = 0;
    (void)b.engine->post_clear(order);
    turn(b);
    CHECK(one.why == Drop::none);
    CHECK(n_free() < before + 400);
    for (int i = 0; i < 200; i++) turn(b);
    CHECK(n_free() == 64512 - 10);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("blocks on an address that is drained do not count against the subscriber") {
    Box b;
    b.policy->blocks = {8, 1, Tick{0}};
    b.changed();
    const auto first = b.out(1, 1000, 1);
    REQUIRE(first.t_addr == Ipv4Addr::of(192, 0, 2, 1));
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.policy->slot[0].state = PoolSlot::State::draining;
    b.changed();
    const auto second = b.out(1, 1001, 1);
    CHECK(second.why == Drop::none);
    CHECK(second.t_addr == Ipv4Addr::of(192, 0, 2, 2));
    CHECK(b.out(1, 1000, 2).t_id == first.t_id);
    for (unsigned i = 0; i < 255; i++) REQUIRE(b.out(1, 2000 + i, 1).why == Drop::none);
    CHECK(b.out(1, 3000, 1).why == Drop::subscriber_blocks);
    // Back: his address is the second now. With soft pooling both serve, and a third one does not.
    b.policy->slot[0].state = PoolSlot::State::active;
    b.changed();
    CHECK(b.out(1, 3000, 1).why == Drop::subscriber_blocks);
    b.policy->pooling_soft = true;
    b.changed();
    const auto third = b.out(1, 3000, 1);
    CHECK(third.t_addr == Ipv4Addr::of(192, 0, 2, 1));
    CHECK(third.t_id.host() / 256 == first.t_id.host() / 256);
    for (unsigned i = 0; i < 254; i++) REQUIRE(b.out(1, 4000 + i, 1).why == Drop::none);
    CHECK(b.out(1, 5000, 1).why == Drop::subscriber_blocks);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("who goes to another pool gets his next block there, and keeps what he has") {
    Box b;
    b.policy->blocks = {8, 1, Tick{0}};
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.policy->slot[1].group = 1;
    b.changed();
    const auto first = b.out(1, 1000, 1);
    REQUIRE(first.t_addr == Ipv4Addr::of(192, 0, 2, 1));
    b.policy->rule[b.policy->n_rules++] = {Prefix6{address_of(1), 64}, 1};
    b.changed();
    const Forecast f = b.engine->forecast_64(*b.policy,
                                             {{address_of(1), Be16{1001}},
                                              {Ipv4Addr::of(203, 0, 113, 1), Be16{53}},
                                              Proto::udp,
                                              0,
                                              TcpFlags{}},
                                             b.now);
    CHECK(f.why == Drop::none);
    CHECK(f.from == Forecast::From::new_block);
    CHECK(f.slot == 1);
    CHECK(b.out(1, 1001, 1).t_addr == Ipv4Addr::of(192, 0, 2, 2));
    CHECK(b.out(1, 1000, 2).t_addr == Ipv4Addr::of(192, 0, 2, 1));
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("where there is no room to remember an address there is no session with it") {
    Box b({64, 2, 64, 4});  // room for four records: sessions, and the addresses that have some
    b.policy->address_dependent_filtering = true;
    b.changed();
    const unsigned t = b.out(1, 1000, 1).t_id.host();
    CHECK(b.out(1, 1000, 2).why == Drop::none);
    CHECK(b.out(1, 1000, {2, 54}, Proto::udp, 0).why == Drop::none);
    CHECK(b.out(1, 1000, 3).why == Drop::session_table_full);
    CHECK(b.out(1, 1000, {2, 55}, Proto::udp, 0).why == Drop::none);
    for (unsigned z = 1; z <= 2; z++) CHECK(b.in(0, t, z).why == Drop::none);
    CHECK(b.in(0, t, 3).why == Drop::filtered);
    CHECK(b.engine->n_sessions() == 4);
    CHECK(b.engine->check() == nullptr);
}
