// SPDX-License-Identifier: Apache-2.0
// The queue between the fetcher and the outlets, the place on disk, the wall clock.
#include "control/logs/queue.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "control/logs/clock_watch.h"
#include "control/logs/place.h"
#include "test/unit/control/batches.h"

using namespace isthmus;
using namespace isthmus::control;
using test::batch;

namespace {

constexpr std::int64_t kMs = 1'000'000;
using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("a batch that an outlet is at work on is lost only when the outlet fails") {
    LogQueue q(2, 4);
    q.push(batch(1, 2));
    const auto held = q.next(0, 0);
    REQUIRE(held.batch != nullptr);
    q.push(batch(3, 4));
    CHECK(q.give_up().empty());  // both work
    CHECK(q.give_up(true) == std::vector<std::size_t>{1});
    CHECK(q.state(0).lost == 0);
    CHECK(q.state(1).lost == 2);
    // Should control end now, it may be lost: the place says so.
    REQUIRE(q.untold(0).size() == 1);
    CHECK(q.untold(0)[0].n == 2);
    SECTION("taken") {
        q.taken(0);
        CHECK(q.untold(0).empty());
        CHECK(q.state(0).lost == 0);
    }
    SECTION("refused") {
        q.push(batch(5, 6));
        CHECK(q.give_up(true) == std::vector<std::size_t>{0});
        q.refused(0);
        CHECK(q.state(0).lost == 4);
        REQUIRE(q.untold(0).size() == 1);
        CHECK(q.untold(0)[0].of.at(0) == Loss::Range{1, 4, 4});
    }
}

TEST_CASE("nothing is acknowledged before every outlet has it") {
    LogQueue q(2, 100);
    q.set_acked({"a1", {7}});
    q.push(batch(8, 9));
    REQUIRE(q.next(0, 0).batch != nullptr);
    q.taken(0);
    CHECK(q.acked().upto == Numbers{7});
    REQUIRE(q.next(1, 0).batch != nullptr);
    CHECK(q.acked().upto == Numbers{7});
    q.taken(1);
    CHECK(q.acked().upto == Numbers{9});
    CHECK(q.waiting() == 0);
}

TEST_CASE("the fetcher spares outlets that work, and never waits for one that does not") {
    LogQueue q(2, 100);
    q.push(batch(1, 80));
    CHECK(q.is_outrun());
    REQUIRE(q.next(0, 0).batch != nullptr);
    q.taken(0);
    CHECK(q.is_outrun());  // the other one is slow
    REQUIRE(q.next(1, 0).batch != nullptr);
    q.refused(1);
    CHECK_FALSE(q.is_outrun());  // it is down
}

TEST_CASE("a place that no disk takes is tried again, and holds up nobody") {
    PlaceKeeper keeper("/proc/no-such-place/log-place.json");
    LogPlace place;
    place.acked = {"a1", {9}};
    const std::int64_t begun = steady_now_ns();
    keeper.keep(place);
    CHECK(steady_now_ns() - begun < 100 * kMs);
    for (int i = 0; i < 200 && keeper.kept().upto.empty(); i++) ::usleep(10'000);
    CHECK(keeper.kept().upto == Numbers{9});  // the rings must not fill for it
}

TEST_CASE("a step of the wall clock is a note, its slow correction is none") {
    ClockWatch watch;
    const std::uint64_t t = 1'793'700'122'345'000'000;
    const auto hour = static_cast<std::int64_t>(3600 * kNanosPerSecond);
    CHECK_FALSE(watch.look(t, 0).has_value());
    CHECK_FALSE(watch.look(t + 50 * kMs, 49 * kMs).has_value());
    const auto back = watch.look(t + 100 * kMs - hour, 100 * kMs);
    REQUIRE(back.has_value());
    CHECK(back->kind == "clock_set");
    CHECK(back->fields["from"] == "2026-11-03T10:02:02.446Z");
    CHECK(back->fields["to"] == "2026-11-03T09:02:02.445Z");
    CHECK_FALSE(watch.look(t + 150 * kMs - hour, 150 * kMs).has_value());
    CHECK(watch.look(t + 200 * kMs, 200 * kMs)->fields["by_milliseconds"] == 3'600'000);
}
