// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "test/unit/nat/box.h"

using namespace box;

namespace {

Sizes with_ring(std::uint32_t n) {
    Sizes s{4096, 4096, 512, 4};
    s.events = n;
    return s;
}

std::vector<NatEvent> told(const Box& b, std::uint64_t after = 0) {
    std::vector<NatEvent> out;
    b.engine->events().read(after, 100000, [&](const NatEvent& e) { out.push_back(e); });
    return out;
}

void log_all(Box& b) {
    b.policy->log = {true, true, true, true, true, false, false};
    b.changed();
}

}  // namespace

TEST_CASE("nobody asked for logs: the ring stays empty") {
    Box b(with_ring(64));
    REQUIRE(b.out(1, 1000, 1).why == Drop::none);
    b.wait(400);
    REQUIRE(b.engine->n_bindings() == 0);
    REQUIRE(b.engine->events().last_sequence() == 0);
}

TEST_CASE(
    "T-6888-020: a binding's records hold time, T,t, protocol and X',x; T-6888-016: and no "
    "destination") {
    Box b(with_ring(64));
    b.policy->log.bindings = true;
    b.changed();
    const Outbound o = b.out(1, 1000, 1);
    const Now made = b.now;
    b.wait(400);
    const auto e = told(b);
    REQUIRE(e.size() == 2);
    REQUIRE(e[0].kind == EventKind::binding_created);
    REQUIRE(e[0].sequence == 1);
    REQUIRE(e[0].ns == made.ns.v);
    REQUIRE(e[0].t_addr == o.t_addr);
    REQUIRE(e[0].t_id == o.t_id);
    REQUIRE(e[0].x_id.host() == 1000);
    REQUIRE(e[0].proto == Proto::udp);
    REQUIRE(e[0].z_addr == Ipv4Addr{});
    REQUIRE(e[0].z_id == Be16{});
    REQUIRE(e[1].kind == EventKind::binding_removed);
    REQUIRE(e[1].sequence == 2);
    REQUIRE(e[1].t_id == o.t_id);
    REQUIRE(e[1].ns > made.ns.v + 300 * kNanosPerSecond);
}

TEST_CASE("T-8158-014: sessions are told with their destinations, when asked for") {
    Box b(with_ring(64));
    b.policy->log.sessions = true;
    b.changed();
    (void)b.out(1, 1000, 1);
    (void)b.out(1, 1000, 2);
    (void)b.out(1, 1000, 2);  // an existing session tells nothing
    auto e = told(b);
    REQUIRE(e.size() == 2);
    REQUIRE(e[0].kind == EventKind::session_created);
    REQUIRE(e[1].z_addr == Ipv4Addr::from_host(0xcb007102));
    REQUIRE(e[1].z_id.host() == 53);
    b.wait(400);
    e = told(b);
    REQUIRE(e.size() == 4);
    REQUIRE(e[3].kind == EventKind::session_removed);
}

TEST_CASE("T-6888-018: with port blocks there is a record for the block, none for its bindings") {
    Box b(with_ring(256));
    b.policy->blocks.bits = 8;
    log_all(b);
    b.policy->log.sessions = false;
    b.changed();
    for (unsigned p = 0; p < 300; p++) REQUIRE(b.out(1, 1000 + p, 1).why == Drop::none);
    auto e = told(b);
    REQUIRE(e.size() == 3);  // the address, and two blocks of 256
    REQUIRE(e[0].kind == EventKind::address_bound);
    REQUIRE(e[0].x_bits == 64);
    REQUIRE(e[0].t_addr == Ipv4Addr::of(192, 0, 2, 1));
    REQUIRE(e[1].kind == EventKind::block_created);
    REQUIRE(e[1].x_bits == 64);
    REQUIRE(e[1].t_last == e[1].t_id.host() + 255);
    REQUIRE(e[1].t_addr == Ipv4Addr::of(192, 0, 2, 1));
    b.wait(400);
    e = told(b);
    REQUIRE(e.size() == 6);
    unsigned removed = 0, freed = 0;
    for (const NatEvent& x : e) {
        removed += x.kind == EventKind::block_removed;
        freed += x.kind == EventKind::address_freed;
    }
    REQUIRE(removed == 2);
    REQUIRE(freed == 1);
}

TEST_CASE("T-8158-015: an address binding is told at the first flow and when it ends") {
    Box b(with_ring(64));
    b.policy->log.addresses = true;
    b.changed();
    (void)b.out(1, 1000, 1);
    (void)b.out(1, 1001, 1);
    REQUIRE(told(b).size() == 1);
    b.wait(400);
    const auto e = told(b);
    REQUIRE(e.size() == 2);
    REQUIRE(e[1].kind == EventKind::address_freed);
    REQUIRE(e[1].x_addr == e[0].x_addr);
}

TEST_CASE(
    "T-6888-014 T-8158-010: quota and exhaustion are told, of one subscriber once in ten seconds") {
    Box b(with_ring(256));
    b.policy->log.refusals = true;
    b.policy->limits.ports_per_subscriber = 4;
    b.changed();
    for (unsigned p = 0; p < 20; p++) (void)b.out(1, 1000 + p, 1);
    auto e = told(b);
    REQUIRE(e.size() == 1);
    REQUIRE(e[0].kind == EventKind::quota_exceeded);
    REQUIRE(e[0].why == Drop::subscriber_ports);
    REQUIRE(e[0].limit == 4);
    REQUIRE(b.counters.of(Counter::events_suppressed) == 15);
    b.now = Now::at(Nanos{b.now.ns.v + 11 * kNanosPerSecond});
    (void)b.out(1, 2000, 1);
    e = told(b);
    REQUIRE(e.size() == 2);
    REQUIRE(e[1].suppressed == 15);
}

TEST_CASE(
    "T-8158-007 T-7422-007: a subscriber with as many ports as an alarm was set to is told of") {
    Box b(with_ring(256));
    b.policy->log.refusals = true;
    b.policy->limits.ports_per_subscriber_alarm = 3;
    b.changed();
    for (unsigned p = 0; p < 2; p++) (void)b.out(1, 1000 + p, 1);
    REQUIRE(told(b).empty());
    (void)b.out(1, 1002, 1);
    const auto e = told(b);
    REQUIRE(e.size() == 1);
    REQUIRE(e[0].kind == EventKind::threshold_reached);
    REQUIRE(e[0].limit == 3);
    REQUIRE(e[0].proto == Proto::udp);
    for (unsigned p = 3; p < 20; p++) (void)b.out(1, 1000 + p, 1);
    REQUIRE(told(b).size() == 1);  // crossed once
}

TEST_CASE("T-8158-005: an address without ports is told with T and protocol") {
    Box b(with_ring(256));
    b.add(0, Ipv4Addr::of(192, 0, 2, 1), 1024, 1087);
    b.policy->log.refusals = true;
    b.changed();
    for (unsigned p = 0; p < 70; p++) (void)b.out(1, 1000 + p, 1);
    const auto e = told(b);
    REQUIRE(e.size() == 1);
    REQUIRE(e[0].kind == EventKind::ports_exhausted);
    REQUIRE(e[0].t_addr == Ipv4Addr::of(192, 0, 2, 1));
    REQUIRE(e[0].proto == Proto::udp);
    (void)b.out(2, 1000, 1);  // a subscriber who never got an address
    const auto f = told(b, e[0].sequence);
    REQUIRE(f.size() == 1);
    REQUIRE(f[0].kind == EventKind::addresses_exhausted);
}

TEST_CASE("a full ring loses records, and their numbers show it") {
    Box b(with_ring(16));
    b.policy->log.bindings = true;
    b.changed();
    for (unsigned p = 0; p < 20; p++) REQUIRE(b.out(1, 1000 + p, 1).why == Drop::none);
    REQUIRE(told(b).size() == 16);
    REQUIRE(b.counters.of(Counter::events_lost) == 4);
    REQUIRE(b.engine->events().last_sequence() == 20);
    // What is not acknowledged stays; what is goes, and makes room.
    b.engine->events().release(10);
    REQUIRE(told(b).size() == 6);
    REQUIRE(told(b, 12).size() == 4);
    (void)b.out(1, 3000, 1);
    const auto e = told(b);
    REQUIRE(e.back().sequence == 21);
    REQUIRE(e[e.size() - 2].sequence == 16);
    b.engine->events().release(1000);
    REQUIRE(told(b).empty());
}

TEST_CASE("what could not be logged is refused when the policy is so, and goes on otherwise") {
    Box b(with_ring(16));
    b.policy->log.bindings = true;
    b.policy->log.refuse_unlogged = true;
    b.changed();
    for (unsigned p = 0; p < 16; p++) REQUIRE(b.out(1, 1000 + p, 1).why == Drop::none);
    REQUIRE(b.out(1, 2000, 1).why == Drop::log_path_down);
    REQUIRE(b.out(1, 1000, 1).why == Drop::none);  // existing sessions live
    REQUIRE(b.out(1, 1000, 2).why == Drop::none);  // a session that needs no record
    REQUIRE(b.counters.of(Counter::events_lost) == 0);
    b.engine->events().release(8);
    REQUIRE(b.out(1, 2000, 1).why == Drop::none);
    b.policy->log.path_down = true;
    b.changed();
    REQUIRE(b.out(1, 2001, 1).why == Drop::log_path_down);
    b.policy->log = {};
    b.changed();
    REQUIRE(b.out(1, 2001, 1).why == Drop::none);
}

TEST_CASE("a reader on another thread gets every record once, in order, gaps as lost") {
    Box b(with_ring(256));
    b.policy->log.bindings = true;
    b.policy->lifetimes.udp = ticks_of_seconds(1);
    b.changed();
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> seen{0};
    std::uint64_t gaps = 0, last = 0;
    bool sane = true;
    const auto take = [&] {
        b.engine->events().read(last, 64, [&](const NatEvent& e) {
            sane = sane && e.sequence > last && e.t_addr == Ipv4Addr::of(192, 0, 2, 1);
            gaps += e.sequence - last - 1;
            last = e.sequence;
            seen++;
        });
        b.engine->events().release(last);
    };
    std::thread reader([&] {
        while (!done.load()) take();
    });
    for (unsigned round = 0; round < 200; round++) {
        const std::uint64_t before = seen.load();
        for (unsigned p = 0; p < 100; p++) (void)b.out(1, 1000 + p, 1);
        b.now = Now::at(Nanos{b.now.ns.v + 2 * kNanosPerSecond});
        for (int i = 0; i < 50; i++) {
            b.now = Now::at(Nanos{b.now.ns.v + kNanosPerSecond / 10});
            b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
        }
        // However the machine shares its CPUs, the reader comes to its turn now and then.
        while (round % 50 == 0 && seen.load() == before) std::this_thread::yield();
    }
    done = true;
    reader.join();
    take();
    take();
    take();
    take();
    REQUIRE(sane);
    // What was lost behind the last record shows in the newest number.
    const std::uint64_t behind = b.engine->events().last_sequence() - last;
    REQUIRE(seen + gaps == last);
    REQUIRE(gaps + behind == b.counters.of(Counter::events_lost));
    REQUIRE(seen > 256);
}

TEST_CASE("subscribers are counted by how many ports and sessions they have") {
    Box b(with_ring(0));
    for (unsigned p = 0; p < 5; p++) (void)b.out(1, 1000 + p, 1);
    (void)b.out(2, 1000, 1);
    (void)b.out(2, 1000, 2);
    const auto& ports = b.engine->ports_of_subscribers();
    const auto& sessions = b.engine->sessions_of_subscribers();
    REQUIRE(ports.read(0) == 1);
    REQUIRE(ports.read(ShareHistogram::bucket_of(5)) == 1);
    REQUIRE(sessions.read(ShareHistogram::bucket_of(2)) == 1);
    b.wait(400);
    for (unsigned i = 0; i < ShareHistogram::kBuckets; i++) {
        REQUIRE(ports.read(i) == 0);
        REQUIRE(sessions.read(i) == 0);
    }
}
