// SPDX-License-Identifier: Apache-2.0
// The alarms of a whole gateway (RFC 8158 s4.5, RFC 7659 s3.1.2).
#include "control/logs/thresholds.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::control;
using json = isthmus::api::Json;

namespace {

constexpr std::uint64_t kStart = 1'793'700'000;

/// A gateway with one pool of 1,000 ports of each protocol on two addresses, and one being drained.
json gateway(unsigned udp, unsigned tcp, unsigned bindings = 0, unsigned subscribers = 0) {
    const auto address = [](const char* state, unsigned u, unsigned t) {
        return json{{"pool", "cheap"},     {"pool_id", 2},        {"state", state},
                    {"udp_in_use", u},     {"udp_free", 500 - u}, {"tcp_in_use", t},
                    {"tcp_free", 500 - t}, {"icmp_in_use", 0},    {"icmp_free", 500}};
    };
    return {{"pools",
             {address("active", udp / 2, tcp / 2), address("active", udp - udp / 2, tcp - tcp / 2),
              address("draining", 500, 500)}},
            {"workers",
             {{{"bindings", bindings}, {"subscribers", subscribers}},
              {{"bindings", bindings}, {"subscribers", subscribers}}}}};
}

std::vector<Note> at(Thresholds& t, unsigned second, const json& metrics) {
    return t.look(metrics, (kStart + second) * kNanosPerSecond);
}

}  // namespace

TEST_CASE("T-7659-002: a pool tells once when it is nearly used up, by its fullest protocol") {
    config::Alarms limits;
    limits.pool_high = 90;
    Thresholds t(limits);
    CHECK(at(t, 0, gateway(10, 899)).empty());
    const auto told = at(t, 1, gateway(10, 900));
    REQUIRE(told.size() == 1);
    CHECK(told[0].kind == "threshold_reached");
    CHECK(told[0].fields == json{{"threshold", "pool_high"},
                                 {"pool", "cheap"},
                                 {"pool_id", 2},
                                 {"value", 90},
                                 {"limit", 90}});
    CHECK(told[0].unix_ns == (kStart + 1) * kNanosPerSecond);
    for (unsigned s = 2; s < 200; s++) CHECK(at(t, s, gateway(950, 900)).empty());
}

TEST_CASE("T-7659-002: one that swings is told once in the quiet time, and not forgotten") {
    config::Alarms limits;
    limits.pool_high = 90;
    limits.quiet_seconds = 60;
    Thresholds t(limits);
    CHECK(at(t, 0, gateway(0, 950)).size() == 1);
    CHECK(at(t, 1, gateway(0, 100)).empty());
    CHECK(at(t, 2, gateway(0, 950)).empty());  // too soon
    CHECK(at(t, 59, gateway(0, 950)).empty());
    CHECK(at(t, 60, gateway(0, 950)).size() == 1);
    CHECK(at(t, 61, gateway(0, 100)).empty());
    CHECK(at(t, 62, gateway(0, 950)).empty());
    CHECK(at(t, 63, gateway(0, 100)).empty());
    CHECK(at(t, 130, gateway(0, 100)).empty());  // it is below again: nothing to tell
}

TEST_CASE("T-7659-002: low is told of a pool that was above, counts are of all workers") {
    config::Alarms limits;
    limits.pool_low = 10;
    limits.bindings_high = 1000;
    limits.subscribers_high = 40;
    Thresholds t(limits);
    CHECK(at(t, 0, gateway(0, 0, 499, 19)).empty());
    CHECK(at(t, 1, gateway(0, 500, 499, 19)).empty());
    auto told = at(t, 2, gateway(0, 100, 500, 19));
    REQUIRE(told.size() == 2);
    CHECK(told[0].fields["threshold"] == "pool_low");
    CHECK(told[0].fields["value"] == 10);
    CHECK(told[1].fields == json{{"threshold", "bindings_high"}, {"value", 1000}, {"limit", 1000}});
    told = at(t, 3, gateway(0, 100, 500, 20));
    REQUIRE(told.size() == 1);
    CHECK(told[0].fields["threshold"] == "subscribers_high");
}

TEST_CASE("thresholds are off unless asked for, and a broken answer is no alarm") {
    Thresholds t(config::Alarms{});
    CHECK(at(t, 0, gateway(1000, 1000, 1000000, 1000000)).empty());
    CHECK(at(t, 1, gateway(0, 0)).empty());
    CHECK(at(t, 2, json::object()).empty());
    CHECK(at(t, 3, json{{"pools", 5}, {"workers", "x"}}).empty());
}
