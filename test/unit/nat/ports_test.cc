// SPDX-License-Identifier: Apache-2.0
// Which ports are given out, to whom, when again, and what an exhausted pool costs (RFC 6146
// s3.5.1.1, RFC 6888 REQ-3, REQ-8, RFC 7857 s8).
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

TEST_CASE("T-6146-udp-012: low ports stay low and high ones high, while there are any") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 0, 2047);
    b.policy->lifetimes.port_hold = Tick{0};
    b.changed();
    std::set<unsigned> low, high;
    for (unsigned i = 0; i < 1023; i++) low.insert(b.out(1, i + 1, 1).t_id.host());
    for (unsigned i = 0; i < 1023; i++) high.insert(b.out(1, 2000 + i, 1).t_id.host());
    CHECK(low.size() == 1023);
    CHECK(*low.begin() == 1);  // never 0
    CHECK(*low.rbegin() == 1023);
    CHECK(*high.begin() >= 1024);
    // None left of its kind: the other.
    CHECK(b.out(2, 5, 1).t_id.host() >= 1024);
    CHECK(b.out(2, 6, 1).why == Drop::pool4_exhausted);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("T-6146-udp-012: a pool without low ports gives any") {
    Box b;
    CHECK(b.out(1, 53, 1).t_id.host() >= 1024);
}

TEST_CASE("T-6146-udp-013 T-7857-006: parity may be switched off; blocks do not keep it") {
    Box b;
    b.policy->preserve_parity = false;
    b.changed();
    unsigned odd = 0;
    for (unsigned i = 0; i < 400; i++) odd += b.out(1, 2 * (i + 1), 1).t_id.host() % 2;
    CHECK(odd > 100);
    Box blocks;
    blocks.policy->blocks = {8, 4, Tick{0}};
    blocks.changed();
    odd = 0;
    for (unsigned i = 0; i < 200; i++) odd += blocks.out(1, 2 * (i + 1), 1).t_id.host() % 2;
    CHECK(odd > 50);
}

TEST_CASE("T-6146-udp-013: the last port of a parity is followed by any, and that is counted") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1027);
    b.changed();
    CHECK(b.out(1, 2000, 1).t_id.host() % 2 == 0);
    CHECK(b.out(1, 2002, 1).t_id.host() % 2 == 0);
    CHECK(b.out(1, 2004, 1).t_id.host() % 2 == 1);
    CHECK(b.counters.of(Counter::parity_not_kept) == 1);
    CHECK(b.out(1, 2001, 1, Proto::tcp).why == Drop::none);
    CHECK(b.counters.of(Counter::parity_not_kept) == 1);  // no rule for TCP
}

TEST_CASE("T-6146-udp-014: workers that share one address never give out the same port") {
    constexpr unsigned kWorkers = 3;
    Sizes sizes{30000, 16, 4096, 4};
    Policy policy;
    policy.n_workers = kWorkers;
    policy.prefix[0] = {true, false, *Pref64::parse("2001:db8:64::/96")};
    policy.n_slots = 1;
    policy.slot[0].state = PoolSlot::State::active;
    policy.slot[0].addr = Ipv4Addr::of(192, 0, 2, 1);
    policy.limits.ports_per_subscriber = policy.limits.sessions_per_subscriber = 100000;
    finish_policy(policy);
    const Now now = Now::at_seconds(100);
    std::vector<std::unique_ptr<Block[]>> memory;
    std::vector<std::unique_ptr<Engine>> engine;
    Counters counters[kWorkers];
    for (unsigned w = 0; w < kWorkers; w++) {
        const std::size_t bytes = Engine::bytes_needed(sizes);
        memory.emplace_back(new Block[bytes / 64 + 1]());
        engine.push_back(std::make_unique<Engine>(std::span(memory[w][0].b, bytes), sizes, Seed{},
                                                  w, counters[w]));
        engine[w]->apply(policy, now);
    }
    std::set<unsigned> seen;
    for (unsigned n = 0; n < 40000; n++) {
        Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
        x.octet[7] = static_cast<std::uint8_t>(n % 200);
        const unsigned w = owner_of_subscriber(policy, x);
        const From6 packet{{x, Be16{static_cast<std::uint16_t>(1024 + n / 200)}},
                           {Ipv4Addr::of(203, 0, 113, 9), Be16{53}},
                           Proto::udp,
                           0,
                           TcpFlags{}};
        const auto t = engine[w]->outbound(policy, kNone, packet, now);
        if (t.why != Drop::none) continue;
        if (!seen.insert(t.t_id.host()).second) FAIL("port " << t.t_id.host() << " twice");
        if (policy.owner_of(0, t.t_id.host(), Proto::udp) != w) FAIL("not the worker's port");
    }
    CHECK(seen.size() > 35000);
    for (auto& e : engine) CHECK(e->check() == nullptr);
}

TEST_CASE("T-6888-003: a pool of many scattered addresses and ranges is used as a whole") {
    Box b({4096, 64, 4096, 40});
    b.policy->n_slots = 40;
    std::set<std::uint32_t> given, all;
    for (unsigned i = 0; i < 40; i++) {
        const Ipv4Addr a = Ipv4Addr::from_host(0xc0000200 + i * i * 3);
        b.add(i, a, static_cast<std::uint16_t>(2000 + i), static_cast<std::uint16_t>(2000 + 3 * i));
        all.insert(a.host());
    }
    b.changed();
    for (int i = 0; i < 50; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    CHECK(b.policy->n_runs > kRunsMax);
    unsigned made = 0, capacity = 0;
    for (unsigned i = 0; i < 40; i++) {
        capacity += 2 * i + 1;
        CHECK(b.policy->slot_of(b.policy->slot[i].addr) == static_cast<int>(i));
    }
    CHECK(b.policy->slot_of(Ipv4Addr::from_host(0xc0000201)) == -1);
    for (unsigned i = 0; i < 4000; i++) {
        const auto t = b.out(i, 2000, 1);
        if (t.why != Drop::none) continue;
        made++;
        given.insert(t.t_addr.host());
    }
    CHECK(made == capacity);
    CHECK(given == all);
}

TEST_CASE(
    "T-6888-009: a released UDP or ICMP port rests, TCP's when it is cut; for how long, and how "
    "many, is the operator's") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1027);
    b.changed();
    const auto fill = [&](Proto p) {
        unsigned made = 0;
        for (unsigned i = 0; i < 4; i++)
            made += b.out(10 + i, 2000 + i, 1, p).why == Drop::none ? 1U : 0U;
        return made;
    };
    const auto clear = [&] {
        (void)b.engine->post_clear({});
        for (int i = 0; i < 50; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
        REQUIRE(b.engine->n_bindings() == 0);
    };
    const auto pass = [&](std::uint32_t seconds) {
        b.now = Now::at(Nanos{b.now.ns.v + seconds * kNanosPerSecond});
        b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    };
    for (const Proto p : {Proto::udp, Proto::icmp}) {
        CHECK(fill(p) == 4);
        clear();
        pass(119);
        CHECK(fill(p) == 0);
        pass(2);
        CHECK(fill(p) == 4);
        clear();
        pass(200);
    }
    // TCP's rests when it is cut, and only for a moment when it has ended by itself.
    CHECK(fill(Proto::tcp) == 4);
    clear();
    pass(119);
    CHECK(fill(Proto::tcp) == 0);
    pass(2);
    CHECK(fill(Proto::tcp) == 4);
    pass(241);
    for (unsigned i = 0; i < 4; i++) (void)b.in(0, 1024 + i, 1, Proto::tcp, kAck);  // found dead
    CHECK(b.engine->n_bindings() == 0);
    pass(3);
    CHECK(fill(Proto::tcp) == 0);
    pass(2);
    CHECK(fill(Proto::tcp) == 4);
    clear();
    pass(200);
    // How many may rest: the oldest goes early.
    b.policy->limits.ports_held = 1;
    b.changed();
    CHECK(fill(Proto::udp) == 4);
    clear();
    CHECK(fill(Proto::udp) == 3);
    CHECK(b.engine->check() == nullptr);
    clear();
    b.policy->lifetimes.port_hold = Tick{0};
    b.changed();
    pass(200);
    CHECK(fill(Proto::udp) == 4);
    clear();
    CHECK(fill(Proto::udp) == 4);
}

TEST_CASE("T-6888-005: what the rate limit refuses takes no port, no record, no rest") {
    Box b;
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1123);
    b.policy->limits.new_sessions_per_second = 1;
    b.changed();
    CHECK(b.out(1, 2000, 1).why == Drop::none);
    for (unsigned i = 0; i < 1000; i++) CHECK(b.out(1, 3000 + i, 1).why == Drop::subscriber_rate);
    CHECK(b.counters.of(Counter::bindings_created) == 1);
    CHECK(b.engine->ports_free(0, Proto::udp) == 99);
}

TEST_CASE(
    "T-6146-udp-015: an exhausted pool is found out once, not for each packet; a port that "
    "comes back is used") {
    Box b({4096, 64, 4096, 600});
    b.policy->n_slots = 600;
    for (unsigned i = 0; i < 600; i++) b.add(i, Ipv4Addr::from_host(0xc0000000 + i), 1024, 1024);
    b.policy->lifetimes.port_hold = Tick{0};
    b.changed();
    for (int i = 0; i < 200; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    for (unsigned i = 0; i < 600; i++) REQUIRE(b.out(i, 2000, 1).why == Drop::none);
    CHECK(b.out(1000, 2000, 1).why == Drop::pool4_exhausted);
    CHECK(b.out(1001, 2000, 1).why == Drop::pool4_exhausted);
    CHECK(b.out(1001, 2000, 1, Proto::tcp).why == Drop::none);
    ClearOrder order;
    order.slot = 300;
    (void)b.engine->post_clear(order);
    for (int i = 0; i < 50; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    CHECK(b.out(1000, 2000, 1).t_addr == Ipv4Addr::from_host(0xc0000000 + 300));
    CHECK(b.out(1001, 2000, 1).why == Drop::pool4_exhausted);
    b.policy->n_slots = 600;
    b.policy->slot[5].last_port = 1025;
    b.changed();
    for (int i = 0; i < 200; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    CHECK(b.out(1002, 2000, 1).why == Drop::none);
    CHECK(b.engine->check() == nullptr);
}
