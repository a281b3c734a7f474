// SPDX-License-Identifier: Apache-2.0
// The engine alone: the state machine, ports to the last one, limits, time, and a million random
// operations with every invariant checked.
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

TEST_CASE(
    "T-6146-tcp-014 T-6146-tcp-015 T-6146-tcp-017 T-6146-tcp-018 T-6146-tcp-020 T-6146-tcp-021 "
    "T-6146-tcp-022 T-6146-tcp-025 T-6146-tcp-026 T-6146-tcp-027 T-6146-tcp-028 T-6146-tcp-029 "
    "T-6146-tcp-030 T-6146-tcp-038: the TCP state machine") {
    using S = TcpState;
    struct Row {
        S from;
        bool v6;
        std::uint8_t flags;
        S to;
        bool rearm;
    };
    const Row rows[] = {
        {S::v4_init, true, kSyn, S::established, true},
        {S::v4_init, true, 0x12, S::established, true},
        {S::v4_init, false, kSyn, S::v4_init, false},
        {S::v6_init, true, kSyn, S::v6_init, true},
        {S::v6_init, false, 0x12, S::established, true},
        {S::v6_init, false, kRst, S::v6_init, false},
        {S::established, true, kAck, S::established, true},
        {S::established, false, kFin, S::v4_fin, false},
        {S::established, true, kFin, S::v6_fin, false},
        {S::established, false, kRst, S::trans, true},
        {S::trans, true, kAck, S::established, true},
        {S::trans, false, kRst, S::trans, false},
        {S::trans, true, kSyn, S::v6_init, true},
        {S::v4_fin, true, kFin, S::both_fin, true},
        {S::v4_fin, false, kFin, S::v4_fin, true},
        {S::v6_fin, false, kFin, S::both_fin, true},
        {S::v6_fin, true, kAck, S::v6_fin, true},
        {S::v4_fin, true, kRst, S::trans, true},
        {S::both_fin, true, kAck, S::both_fin, false},
        {S::both_fin, true, kSyn, S::v6_init, true},
    };
    for (const Row& r : rows) {
        INFO(name_of(r.from) << " from " << (r.v6 ? "v6" : "v4") << " flags " << int{r.flags});
        CHECK(step(r.from, r.v6, TcpFlags{r.flags}, true) == TcpStep{r.to, r.rearm});
    }
    CHECK(step(S::v4_fin, true, TcpFlags{kRst}, false) == TcpStep{S::v4_fin, true});
}

TEST_CASE(
    "T-6146-tcp-031 T-5382-002 T-6146-tcp-023: an idle connection lives 7440 seconds and more, is "
    "probed, and goes") {
    Box b;
    const auto t = b.out(1, 1000, 1, Proto::tcp, kSyn);
    REQUIRE(t.why == Drop::none);
    (void)b.in(0, t.t_id.host(), 1, Proto::tcp, 0x12);
    b.wait(7425);
    CHECK(b.engine->n_sessions() == 1);
    CHECK(b.probes == 0);
    b.wait(30);
    CHECK(b.probes == 1);
    b.wait(250);
    CHECK(b.engine->n_sessions() == 0);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("T-4787-002 T-6146-udp-003 T-6146-tbl-004: UDP lives 300 seconds; its port rests 120") {
    Box b;
    const auto t = b.out(1, 1000, 1);
    b.now = Now::at(Nanos{b.now.ns.v + 299 * kNanosPerSecond});
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::none);
    b.wait(310);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::no_binding);
}

TEST_CASE(
    "T-6888-017 T-6146-udp-014 T-6146-udp-015 T-6888-015: every port of the pool is given out "
    "once, and then no more") {
    Box b({70000, 16, 70000, 4});
    b.policy->limits.ports_per_subscriber = 100000;
    b.policy->limits.sessions_per_subscriber = 100000;
    std::set<unsigned> seen;
    for (unsigned i = 0; i < 64512; i++) {
        const auto t = b.out(i % 200, 1024 + i / 200, 1);
        if (t.why != Drop::none) FAIL("refused after " << i);
        if (!seen.insert(t.t_id.host()).second) FAIL("port given twice");
    }
    CHECK(*seen.begin() == 1024);
    CHECK(*seen.rbegin() == 65535);
    CHECK(b.out(300, 1, 1).why == Drop::pool4_exhausted);
    CHECK(b.engine->n_bindings() == 64512);
    CHECK(b.out(300, 1, 1, Proto::tcp).why == Drop::none);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("T-6888-017: of many addresses the last free port is found, by whoever needs it") {
    constexpr unsigned kAddresses = 38, kPortsEach = 4;
    Box b({4096, 16, 512, 40});
    b.policy->n_slots = kAddresses;
    for (unsigned i = 0; i < kAddresses; i++)
        b.add(i, Ipv4Addr::of(192, 0, 2, 1 + i), 2000, 2000 + kPortsEach - 1);
    b.changed();
    for (int i = 0; i < 10; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    const auto out = [&](unsigned host) { return b.out(host, 3000, 1); };
    for (unsigned i = 0; i < kAddresses * kPortsEach; i++) {
        if (out(i).why != Drop::none) FAIL("refused after " << i);
    }
    CHECK(out(400).why == Drop::pool4_exhausted);
    CHECK(b.out(400, 3000, 1, Proto::tcp).why == Drop::none);
    CHECK(b.engine->check() == nullptr);
    // One port comes free, somewhere: the next one gets just that.
    ClearOrder one;
    one.subscriber = {b.engine->read_binding(77)->x.addr, 64};
    const Endpoint4 freed = b.engine->read_binding(77)->t;
    b.policy->lifetimes.port_hold = Tick{0};
    b.changed();
    (void)b.engine->post_clear(one);
    b.wait(1);
    const auto got = out(401);
    CHECK(got.why == Drop::none);
    CHECK(got.t_addr == freed.addr);
    CHECK(got.t_id == freed.id);
    CHECK(out(402).why == Drop::pool4_exhausted);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("T-6146-udp-013 T-6146-sec-003: parity is kept and ports are not sequential") {
    Box b;
    unsigned neighbours = 0, last = 0;
    for (unsigned i = 0; i < 1000; i++) {
        const auto t = b.out(i % 400, 1000 + i, 1);
        CHECK(t.t_id.host() % 2 == (1000 + i) % 2);
        neighbours += t.t_id.host() - last < 4 ? 1U : 0U;
        last = t.t_id.host();
    }
    CHECK(neighbours < 20);
}

TEST_CASE(
    "T-6888-004 T-6888-006 T-6888-021 T-6888-002 T-6146-udp-010: limits of a subscriber, and one "
    "address for all he does") {
    Box b;
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.policy->limits.ports_per_subscriber = 10;
    b.changed();
    std::set<std::uint32_t> addresses;
    for (unsigned i = 0; i < 10; i++) addresses.insert(b.out(1, 2000 + i, 1).t_addr.host());
    addresses.insert(b.out(1, 1, 1, Proto::tcp).t_addr.host());
    addresses.insert(b.out(1, 1, 1, Proto::icmp).t_addr.host());
    CHECK(addresses.size() == 1);
    CHECK(b.out(1, 3000, 1).why == Drop::subscriber_ports);
    CHECK(b.out(2, 3000, 1).why == Drop::none);
    b.policy->limits.new_sessions_per_second = 3;
    b.changed();
    unsigned refused = 0;
    for (unsigned i = 0; i < 5; i++)
        refused += b.out(3, 5000, i).why == Drop::subscriber_rate ? 1U : 0U;
    CHECK(refused == 2);
}

TEST_CASE("a removed pool address takes its bindings with it, and its id is free after the sweep") {
    Box b;
    for (unsigned i = 0; i < 50; i++) (void)b.out(i, 1000, 1);
    b.add(1, Ipv4Addr::of(192, 0, 2, 2));
    b.policy->slot[0].state = PoolSlot::State::unused;
    b.changed();
    CHECK(b.engine->swept() < b.policy->generation);
    CHECK(b.out(1, 1000, 1).t_addr == Ipv4Addr::of(192, 0, 2, 2));
    b.wait(1);
    CHECK(b.engine->swept() == b.policy->generation);
    CHECK(b.engine->n_bindings() == 1);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE(
    "T-6146-tbl-001 T-6146-tbl-002 T-6146-tbl-009 T-6146-udp-002: a million random operations "
    "against "
    "a simple model") {
    constexpr unsigned kSeed = 6146;
    INFO("seed " << kSeed);
    Random random{std::mt19937(kSeed)};
    Box b({2048, 4096, 256, 4});
    b.add(1, Ipv4Addr::of(192, 0, 2, 2), 1024, 3000);
    b.changed();
    std::map<std::tuple<unsigned, unsigned, unsigned>, std::pair<std::uint32_t, unsigned>>
        model;  // (proto, host, port) -> T,t
    std::map<std::tuple<unsigned, std::uint32_t, unsigned>,
             std::tuple<unsigned, unsigned, unsigned>>
        back;
    for (unsigned n = 0; n < 1'000'000; n++) {
        const unsigned host = random() % 40, port = 1000 + random() % 30, z = random() % 6;
        const auto proto = static_cast<Proto>(random() % 3);
        const auto got = b.out(host, port, z, proto);
        if (got.why == Drop::none) {
            const auto key = std::tuple(static_cast<unsigned>(proto), host, port);
            const auto value = std::pair(got.t_addr.host(), unsigned{got.t_id.host()});
            const auto known = model.find(key);
            if (known != model.end() && known->second != value)
                FAIL("mapping changed in round " << n);
            const auto back_key =
                std::tuple(static_cast<unsigned>(proto), value.first, value.second);
            const auto owner = back.find(back_key);
            if (owner != back.end() && owner->second != key)
                FAIL("two bindings share (T,t) in round " << n);
            model[key] = value;
            back[back_key] = key;
            const auto answer = b.in(got.t_addr == Ipv4Addr::of(192, 0, 2, 1) ? 0 : 1,
                                     got.t_id.host(), z, proto, 0x12);
            if (answer.why != Drop::none || answer.x_id.host() != port)
                FAIL("no way back in round " << n);
        }
        if (n % 1000 == 0) {
            b.now = Now::at(Nanos{b.now.ns.v + kNanosPerSecond / 10});
            b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
        }
        if (n % 100'000 == 99'999) {
            const char* wrong = b.engine->check();
            INFO((wrong == nullptr ? "" : wrong));
            REQUIRE(wrong == nullptr);
            b.wait(8000);
            b.wait(1);
            REQUIRE(b.engine->n_bindings() == 0);
            model.clear();
            back.clear();
        }
    }
}
