// SPDX-License-Identifier: Apache-2.0
// Two processes, one after the other: what the second one knows of the ports of the first.
#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "test/unit/nat/box.h"

using namespace isthmus;
using namespace isthmus::nat;
using box::Box;

namespace {

constexpr unsigned kSlots = 4;

struct Process {
    explicit Process(std::vector<FreePorts> of_before = {}, bool unknown = false, Tick age = {})
        : own(kSlots), before(std::move(of_before)), b(sizes(), {own, before, unknown, age}) {
        b.now = Now::at_seconds(0);
    }
    static Sizes sizes() {
        Sizes s{4096, 64, 512, kSlots};
        s.has_record = true;
        return s;
    }
    /// Ports 1024 to 1024 + n - 1 of each address.
    void begin(unsigned n, unsigned slots = 1) {
        for (unsigned i = 0; i < slots; i++)
            b.add(i, Ipv4Addr::of(192, 0, 2, static_cast<std::uint8_t>(i + 11)), 1024,
                  static_cast<std::uint16_t>(1023 + n));
        b.changed();
    }
    void pass(std::uint32_t seconds) {
        b.now = Now::at(Nanos{b.now.ns.v + seconds * kNanosPerSecond});
        for (unsigned i = 0; i <= kSlots; i++)
            b.engine->end_turn(*b.policy, b.now, [](const Probe&) {});
    }
    /// The ports that `n` subscribers get, those who get one.
    std::set<unsigned> take(unsigned first, unsigned n, Proto proto) {
        std::set<unsigned> out;
        for (unsigned i = 0; i < n; i++) {
            const auto t = b.out(first + i, 2000, 1, proto);
            if (t.why == Drop::none) out.insert(t.t_id.host());
        }
        return out;
    }
    std::vector<FreePorts> own, before;
    Box b;
};

}  // namespace

TEST_CASE("T-6888-022: ports in use before a restart rest; the others are there at once") {
    for (const Proto p : {Proto::udp, Proto::icmp, Proto::tcp}) {
        Process first;
        first.begin(10);
        const auto used = first.take(0, 6, p);
        REQUIRE(used.size() == 6);
        Process second(first.own);
        second.begin(10);
        const auto got = second.take(100, 10, p);
        CHECK(got.size() == 4);
        for (const unsigned port : got) CHECK(used.count(port) == 0);
        second.pass(119);
        CHECK(second.take(200, 10, p).empty());
        second.pass(2);
        CHECK(second.take(300, 10, p).size() == 6);
        CHECK(second.b.engine->check() == nullptr);
    }
}

TEST_CASE("T-6888-022: what rested before a restart rests on; what no packet used does not") {
    Process first;
    first.begin(4);
    REQUIRE(first.take(0, 2, Proto::udp).size() == 2);
    (void)first.b.engine->post_clear({});
    for (int i = 0; i < 50; i++) first.pass(0);
    REQUIRE(first.b.engine->n_bindings() == 0);
    Process second(first.own);
    second.begin(4);
    CHECK(second.take(0, 4, Proto::udp).size() == 2);
    CHECK(second.take(0, 4, Proto::tcp).size() == 4);
}

TEST_CASE("T-6888-022: time that the gateway was away counts") {
    Process first;
    first.begin(4);
    (void)first.take(0, 4, Proto::udp);
    Process soon(first.own, false, ticks_of_seconds(100));
    soon.begin(4);
    CHECK(soon.take(0, 4, Proto::udp).empty());
    soon.pass(21);
    CHECK(soon.take(10, 4, Proto::udp).size() == 4);
    Process late(first.own, false, ticks_of_seconds(500));
    late.begin(4);
    late.pass(0);
    CHECK(late.take(0, 4, Proto::udp).size() == 4);
}

TEST_CASE("T-6888-022: addresses that come later, go, or are new; the next restart") {
    Process first;
    first.begin(4, 2);
    (void)first.take(0, 8, Proto::udp);
    REQUIRE(first.b.engine->ports_in_use(1, Proto::udp) > 0);
    Process second(first.own);
    second.begin(4, 1);
    const unsigned of_second = second.b.engine->ports_in_use(1, Proto::udp);
    CHECK(of_second == 0);
    // The other address comes by a reload, with a third one that nobody had.
    second.begin(4, 3);
    CHECK(second.b.engine->ports_free(1, Proto::udp) ==
          4 - first.b.engine->ports_in_use(1, Proto::udp));
    CHECK(second.b.engine->ports_free(2, Proto::udp) == 4);
    // Closed and opened again meanwhile: still resting.
    second.b.policy->slot[1].state = PoolSlot::State::draining;
    second.b.changed();
    second.b.policy->slot[1].state = PoolSlot::State::active;
    second.b.changed();
    CHECK(second.b.engine->ports_free(1, Proto::udp) ==
          4 - first.b.engine->ports_in_use(1, Proto::udp));
    // A process that ends while they rest hands that on.
    Process third(second.own);
    third.begin(4, 2);
    CHECK(third.b.engine->ports_free(1, Proto::udp) ==
          4 - first.b.engine->ports_in_use(1, Proto::udp));
    second.pass(121);
    CHECK(second.b.engine->ports_free(1, Proto::udp) == 4);
    CHECK(second.b.engine->check() == nullptr);
}

TEST_CASE("T-6888-022: without a record all ports may rest, when the operator says so") {
    Process standby({}, true);
    standby.begin(4);
    CHECK(standby.take(0, 4, Proto::udp).empty());
    standby.pass(121);
    CHECK(standby.take(10, 4, Proto::udp).size() == 4);
}

TEST_CASE(
    "T-6888-009: limits.ports_held bounds those of before a restart too; no hold time, no rest") {
    Process first;
    first.begin(1024);
    for (unsigned i = 0; i < 512; i++) (void)first.b.out(i, 2000 + i, 1);
    REQUIRE(first.b.engine->ports_in_use(0, Proto::udp) == 512);
    Process second(first.own);
    second.b.policy->limits.ports_held = 100;
    second.begin(1024);
    CHECK(second.b.engine->ports_free(0, Proto::udp) >= 924);
    CHECK(second.b.engine->ports_free(0, Proto::udp) < 1024);
    Process none(first.own);
    none.b.policy->lifetimes.port_hold = Tick{0};
    none.begin(1024);
    none.pass(0);
    CHECK(none.b.engine->ports_free(0, Proto::udp) == 1024);
}

TEST_CASE("T-6888-022: port blocks of before keep their ports from the next subscriber") {
    Process first;
    first.b.policy->blocks.bits = 6;
    first.begin(64);
    (void)first.take(0, 1, Proto::udp);
    REQUIRE(first.b.engine->ports_in_use(0, Proto::udp) == 1);
    Process second(first.own);
    second.b.policy->blocks.bits = 6;
    second.begin(64);
    std::set<unsigned> got;
    for (unsigned i = 0; i < 64; i++) {
        const auto t = second.b.out(9, 3000 + i, 1);
        if (t.why == Drop::none) got.insert(t.t_id.host());
    }
    CHECK(got.size() == 63);
}
