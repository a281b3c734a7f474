// SPDX-License-Identifier: Apache-2.0
// What an engine does, whatever happens to it: the same mapping behaviour under load (RFC 4787
// REQ-11), paired addresses, further sessions probed like first ones, limits and timers that change
// under live sessions, clearing that counts what goes, a check that tells every fault.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

namespace {

void settle(Box& b) {
    for (int i = 0; i < 200; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
}

ClearResult clear(Box& b, const ClearOrder& order) {
    const std::uint32_t ticket = b.engine->post_clear(order);
    settle(b);
    ClearResult result;
    REQUIRE(b.engine->clear_done(ticket, result));
    return result;
}

Engine::CheckResult check_in_turns(Box& b) {
    const std::uint32_t ticket = b.engine->post_check();
    for (int i = 0; i < 400; i++) b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    Engine::CheckResult result;
    REQUIRE(b.engine->check_done(ticket, result));
    return result;
}

}  // namespace

TEST_CASE("T-6146-udp-010 T-4787-001: UDP, TCP and pings of a host share one address of many") {
    Box b({4096, 4096, 512, 8});
    b.policy->n_slots = 8;
    for (unsigned i = 1; i < 8; i++) b.add(i, Ipv4Addr::from_host(0xc0000201 + i));
    b.changed();
    std::set<std::uint32_t> used;
    for (unsigned host = 0; host < 100; host++) {
        std::set<std::uint32_t> own;
        for (unsigned i = 0; i < 5; i++) {
            for (const Proto p : {Proto::udp, Proto::tcp, Proto::icmp})
                own.insert(b.out(host, 1000 + i, i, p).t_addr.host());
        }
        CHECK(own.size() == 1);
        used.insert(*own.begin());
    }
    CHECK(used.size() == 8);
}

TEST_CASE(
    "T-4787-006: mapping and filtering are of the same kind at the last port as at the first") {
    for (const bool adf : {false, true}) {
        Box b({4096, 4096, 512, 4});
        b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1123);
        b.policy->address_dependent_filtering = adf;
        b.changed();
        for (unsigned i = 0; i < 130; i++) {
            const auto t = b.out(i, 2000, 1);
            if (t.why != Drop::none) {
                CHECK(i >= 100);
                continue;
            }
            CHECK(b.out(i, 2000, 2).t_id == t.t_id);
            CHECK(b.out(i, 2000, {1, 99}, Proto::udp, 0).t_id == t.t_id);
            CHECK(b.in(0, t.t_id.host(), {1, 7}, Proto::udp, 0).why == Drop::none);
            CHECK((b.in(0, t.t_id.host(), 9).why == Drop::none) == !adf);
        }
        CHECK(b.engine->n_bindings() == 100);
    }
}

TEST_CASE(
    "T-6146-tcp-023: a further session of a binding is probed, and passes through TRANS too") {
    Box b;
    for (unsigned z = 1; z <= 3; z++) {
        const auto t = b.out(1, 1000, z, Proto::tcp, kSyn);
        (void)b.in(0, t.t_id.host(), z, Proto::tcp, 0x12);
    }
    b.wait(7425);
    CHECK(b.probes == 0);
    b.wait(30);
    CHECK(b.probes == 3);
    (void)b.out(1, 1000, 2, Proto::tcp, kAck);
    b.wait(250);
    CHECK(b.engine->n_sessions() == 1);
    CHECK(b.probes == 3);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("timers that change count for sessions that are there, both ways") {
    Box b;
    const auto t = b.out(1, 1000, 1);
    (void)b.out(1, 1000, 2);
    b.now = Now::at(Nanos{b.now.ns.v + 250 * kNanosPerSecond});
    b.policy->lifetimes.udp = ticks_of_seconds(200);
    b.changed();
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::none);  // a new session: the old one is over
    CHECK(b.engine->n_sessions() == 2);
    CHECK(b.counters.of(Counter::sessions_created) == 3);
    b.policy->lifetimes.udp = ticks_of_seconds(1000);
    b.changed();
    b.wait(700);
    CHECK(b.in(0, t.t_id.host(), 1).why == Drop::none);
    CHECK(b.counters.of(Counter::sessions_created) == 3);
    b.policy->lifetimes.udp = ticks_of_seconds(120);
    b.changed();
    b.wait(121);
    CHECK(b.engine->n_bindings() == 0);
}

TEST_CASE("limits that change count against what is there; nothing is closed for them") {
    Box b;
    for (unsigned i = 0; i < 20; i++) REQUIRE(b.out(1, 1000 + i, 1).why == Drop::none);
    b.policy->limits.ports_per_subscriber = 10;
    b.changed();
    CHECK(b.engine->n_bindings() == 20);
    CHECK(b.out(1, 1000, 1).why == Drop::none);
    CHECK(b.out(1, 2000, 1).why == Drop::subscriber_ports);
    b.policy->limits.ports_per_subscriber = 21;
    b.policy->limits.sessions_per_subscriber = 21;
    b.changed();
    CHECK(b.out(1, 2000, 1).why == Drop::none);
    CHECK(b.out(1, 1000, 2).why == Drop::subscriber_sessions);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("a binding that goes with the last session that is cleared is counted") {
    Box b;
    for (unsigned z = 1; z <= 3; z++) (void)b.out(1, 1000, z);
    (void)b.out(2, 1000, 1);
    ClearOrder order;
    order.has_remote = true;
    order.z_addr = Ipv4Addr::from_host(0xcb007101);
    auto done = clear(b, order);
    CHECK(done.sessions == 2);
    CHECK(done.bindings == 1);
    order.z_addr = Ipv4Addr::from_host(0xcb007103);
    done = clear(b, order);
    CHECK(done.sessions == 1);
    CHECK(done.bindings == 0);
    order.z_addr = Ipv4Addr::from_host(0xcb007102);
    done = clear(b, order);
    CHECK(done.sessions == 1);
    CHECK(done.bindings == 1);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.engine->n_sessions() == 0);
    CHECK(b.engine->check() == nullptr);
}

TEST_CASE("a static binding loses its sessions by a clearing, is not counted, and stays") {
    Box b;
    b.policy->fixed[b.policy->n_static++] =
        StaticEntry{{*Ipv6Addr::parse("2001:db8:1:7::"), Be16{80}},
                    {b.policy->slot[0].addr, Be16{8080}},
                    0,
                    Proto::tcp};
    b.changed();
    settle(b);
    (void)b.in(0, 8080, 1, Proto::tcp, kSyn);
    ClearOrder order;
    order.has_remote = true;
    order.z_addr = Ipv4Addr::from_host(0xcb007101);
    const auto done = clear(b, order);
    CHECK(done.sessions == 1);
    CHECK(done.bindings == 0);
    CHECK(b.engine->n_bindings() == 1);
}

TEST_CASE("the check in the field tells each fault that it finds, and how often") {
    Box b;
    for (unsigned i = 0; i < 20; i++) (void)b.out(i, 1000, 1);
    auto result = check_in_turns(b);
    CHECK(result.n_faults == 0);
    CHECK(result.bindings == 20);
    CHECK(result.ports == 20);
    // Two bindings with a wrong port, one with a wrong host: as a stray write would do.
    const_cast<Binding&>(b.engine->binding(3)).t_id = Be16{1};
    const_cast<Binding&>(b.engine->binding(4)).t_id = Be16{2};
    const_cast<Binding&>(b.engine->binding(5)).x_id = Be16{9};
    result = check_in_turns(b);
    std::map<std::string, std::uint64_t> faults;
    for (unsigned i = 0; i < result.n_faults; i++) faults[result.fault[i].what] = result.fault[i].n;
    CHECK(faults["IPv4-side index does not lead to the binding"] == 2);
    CHECK(faults["IPv6-side index does not lead to the binding"] == 1);
    CHECK(faults["a port is used by a binding of something else"] == 1);
    CHECK(result.n_faults == 3);
}

TEST_CASE("a worker whose core was away for seconds makes up for the expiry that it missed") {
    Box b;
    for (unsigned n = 0; n < 2000; n++)
        REQUIRE(b.out(n % 100, 1024 + n / 100, 1).why == Drop::none);
    b.wait(1);
    REQUIRE(b.engine->n_bindings() == 2000);
    const auto turn_after = [&](std::uint64_t nanos) {
        b.now = Now::at(Nanos{b.now.ns.v + nanos});
        b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    };
    turn_after(400 * kNanosPerSecond);  // all is over, and nobody was there
    const unsigned left = b.engine->n_bindings();
    CHECK(left > 1500);  // one turn does not take long
    for (unsigned i = 0; i < 20; i++) turn_after(1000);
    CHECK(b.engine->n_bindings() == 0);
    CHECK(b.engine->check() == nullptr);
}
