// SPDX-License-Identifier: Apache-2.0
// Live changes as functions from one policy to the next.
#include "control/edit.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::control;

namespace {

Policy policy() {
    const auto l = config::load_text(
        "nat64: { prefixes = (\"2001:db8:64::/96\"); pool = (\"203.0.113.0/30\", "
        "\"198.51.100.1\"); };",
        "t");
    REQUIRE(l.ok());
    return l.config.nat64;
}

}  // namespace

TEST_CASE("an address is drained out of the middle of an entry, and back") {
    const auto d = with_drain(policy(), "203.0.113.2", 99);
    REQUIRE(d.ok());
    REQUIRE(d->pool.size() == 4);  // .0/31, .2, .3 and the other entry
    for (const auto& e : d->pool) {
        CHECK(e.drain == (e.addresses.text() == "203.0.113.2/32"));
        CHECK(e.drain_until == (e.drain ? 99 : 0));
    }
    CHECK(config::load_text(config::to_text(*d), "t").ok());
    const auto back = without_drain(*d, "203.0.113.0/30");
    REQUIRE(back.ok());
    CHECK(config::to_text(*back) == config::to_text(policy()));
    CHECK_FALSE(without_drain(policy(), "203.0.113.2").ok());
    CHECK_FALSE(with_drain(policy(), "192.0.2.1", 0).ok());
    CHECK_FALSE(with_drain(policy(), "banana", 0).ok());
    CHECK_FALSE(with_drain(policy(), "0.0.0.0/0", 0).ok());  // nothing would be left
}

TEST_CASE("a drained address leaves as few entries as it can, and order does not matter") {
    const auto l = config::load_text("nat64: { pool = (\"203.0.112.0/22\"); };", "t");
    const auto a = with_drain(l.config.nat64, "203.0.113.77", 0);
    REQUIRE(a.ok());
    CHECK(a->pool.size() == 11);  // one more than the lengths from 23 to 32
    const auto b = with_drain(*a, "203.0.112.0-203.0.113.76", 0);
    REQUIRE(b.ok());
    std::uint64_t drained = 0, all = 0;
    for (const auto& e : b->pool) {
        all += e.addresses.size();
        drained += e.drain ? e.addresses.size() : 0;
    }
    CHECK(all == 1024);
    CHECK(drained == 334);
    const auto back = without_drain(*b, "203.0.112.0/23");
    REQUIRE(back.ok());
    CHECK(config::to_text(*back) == config::to_text(l.config.nat64));
}

TEST_CASE("an address taken out of a large entry leaves few entries, and each other address once") {
    const auto l = config::load_text("nat64: { pool = (\"198.18.0.0/15\"); };", "t");
    const auto less = without_pool(l.config.nat64, "198.18.0.0-198.18.0.2");
    REQUIRE(less.ok());
    CHECK(less->pool.size() == 16);  // .3/32, .4/30, and so on to 198.19.0.0/16
    std::uint64_t all = 0;
    for (const auto& e : less->pool) {
        all += e.addresses.size();
        CHECK_FALSE(e.addresses.contains(*Ipv4Addr::parse("198.18.0.2")));
    }
    CHECK(all == 131072 - 3);
    CHECK(config::load_text(config::to_text(*less), "t").ok());
    CHECK(without_pool(policy(), "203.0.113.0/30")->pool.size() == 1);
    CHECK(without_pool(policy(), "192.0.2.1").error().what.find("not in the pool") !=
          std::string::npos);
    CHECK(without_pool(policy(), "banana").error().what.find("IPv4") != std::string::npos);
    CHECK(without_pool(policy(), "0.0.0.0/0").error().what.find("whole pool") != std::string::npos);
}

TEST_CASE("prefixes come and go; the last one stays") {
    const auto two = with_prefix(policy(), "2001:db8:65::/96");
    REQUIRE(two.ok());
    CHECK(two->prefixes.size() == 2);
    CHECK_FALSE(with_prefix(*two, "2001:db8:65::/96").ok());
    CHECK_FALSE(with_prefix(*two, "2001:db8:65::/95").ok());
    CHECK_FALSE(with_prefix(*two, "x\"); evil = (\"").ok());
    const auto one = without_prefix(*two, "2001:db8:64::/96");
    REQUIRE(one.ok());
    CHECK_FALSE(without_prefix(*one, "2001:db8:65::/96").ok());
    Policy none = policy();
    none.prefixes.clear();
    CHECK(with_prefix(none, "2001:db8:65::/96")->prefixes.size() == 2);
}

TEST_CASE("static bindings come and go by what an operator types") {
    const auto one =
        with_static(policy(), {"tcp", "203.0.113.1", "80-81", "2001:db8::7", "8080-8081", false});
    REQUIRE(one.ok());
    REQUIRE(one->fixed.size() == 1);
    CHECK(one->fixed[0].ipv6_ports == config::PortRange{8080, 8081});
    CHECK_FALSE(with_static(*one, {"all", "203.0.113.1", "81", "2001:db8::8", "", false}).ok());
    CHECK_FALSE(with_static(*one, {"tcp", "192.0.2.1", "80", "2001:db8::8", "", false}).ok());
    CHECK(with_static(*one, {"tcp", "192.0.2.1", "80", "2001:db8::8", "", true}).ok());
    CHECK_FALSE(without_static(*one, {"udp", "203.0.113.1", "80-81", "", "", false}).ok());
    CHECK(without_static(*one, {"tcp", "203.0.113.1", "80-81", "", "", false})->fixed.empty());
}

TEST_CASE("T-7757-002: EAM entries come and go by either side; what contradicts itself does not") {
    const auto one = with_eam(policy(), "192.0.2.7", "2001:db8::7");
    REQUIRE(one.ok());
    const auto two = with_eam(*one, "192.0.2.16/28", "2001:db8:4::/124");
    REQUIRE(two.ok());
    CHECK(two->stateless.eam.size() == 2);
    CHECK_FALSE(with_eam(*two, "192.0.2.7", "2001:db8::8").ok());
    CHECK_FALSE(with_eam(*two, "203.0.113.1", "2001:db8::8").ok());  // the pool's
    CHECK_FALSE(with_eam(*two, "192.0.2.0/24", "2001:db8::/121").ok());
    CHECK_FALSE(with_eam(*two, "x\"; evil = \"", "2001:db8::8").ok());
    CHECK(without_eam(*two, "192.0.2.16/28")->stateless.eam.size() == 1);
    CHECK(without_eam(*two, "2001:db8::7")->stateless.eam.size() == 1);
    CHECK_FALSE(without_eam(*two, "192.0.2.8").ok());
    CHECK_FALSE(without_eam(*two, "banana").ok());
    Policy alone = *one;
    alone.pool.clear();
    alone.prefixes.clear();
    CHECK_FALSE(without_eam(alone, "192.0.2.7").ok());
}

TEST_CASE("lengths of time") {
    CHECK(*parse_duration("90") == 90);
    CHECK(*parse_duration("30m") == 1800);
    CHECK(*parse_duration("2h") == 7200);
    CHECK(*parse_duration("1d") == 86400);
    for (const char* bad : {"", "h", "2w", "-1", "1.5h", "99999999"})
        CHECK_FALSE(parse_duration(bad).ok());
}

TEST_CASE("an address that is being drained is told with the end of it") {
    const auto loaded = config::load_text(
        "nat64: { pool = ({ addresses = \"203.0.113.0/31\"; drain = true; drain_until = "
        "1764072000L; "
        "}, { addresses = \"203.0.113.2\"; drain = true; }, \"203.0.113.3\"); };",
        "f");
    REQUIRE(loaded.ok());
    api::Json rows = api::Json::array();
    for (const char* a : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
        rows.push_back({{"address", a}});
    rows = with_deadlines(rows, loaded.config.nat64);
    CHECK(rows[0]["drain_until_unix_seconds"] == 1764072000);
    CHECK_FALSE(rows[1].contains("drain_until_unix_seconds"));
    CHECK_FALSE(rows[2].contains("drain_until_unix_seconds"));
}
