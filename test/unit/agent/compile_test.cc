// SPDX-License-Identifier: Apache-2.0
// From the policy's text to the snapshot that workers read.
#include "dataplane/agent/compile.h"

#include <catch2/catch.hpp>

#include "common/config/parse.h"
#include "dataplane/agent/stateless_view.h"
#include "dataplane/pipeline/stateless_map.h"

using namespace isthmus;

namespace {

std::unique_ptr<pipeline::Snapshot> compiled(const std::string& nat64) {
    const auto loaded = config::load_text("nat64: { " + nat64 + " };", "t.conf");
    INFO(loaded.error_text());
    REQUIRE(loaded.ok());
    agent::CompileInput in;
    in.policy = &loaded.config.nat64;
    auto s = agent::compile(in);
    REQUIRE(s);
    return std::move(*s);
}

std::vector<std::string> answered(const std::string& nat64) {
    const auto loaded = config::load_text("nat64: { " + nat64 + " };", "t.conf");
    REQUIRE(loaded.ok());
    std::vector<std::string> out;
    for (const Prefix4& p : agent::answered_addresses(loaded.config.nat64)) out.push_back(p.text());
    return out;
}

const std::string kSiit =
    "pool = (\"203.0.113.1\"); prefixes = (\"2001:db8:64::/96\"); icmp: { rfc6791_pool = "
    "(\"198.51.100.77\", \"198.51.100.78\"); }; stateless: { prefixes = (\"2001:db8:46::/96\"); "
    "ipv4 = (\"192.0.2.128/25\"); eam = ({ ipv4 = \"192.0.2.1\"; ipv6 = \"2001:db8::1\"; }); ";

}  // namespace

TEST_CASE(
    "T-6052-027: without a prefix a stateful instance has the well-known one; with one, not") {
    const auto bare = compiled("pool = (\"203.0.113.1\");");
    CHECK(bare->nat.n_prefixes == 1);
    CHECK(bare->nat.prefix[0].well_known);
    CHECK(bare->nat.match_prefix(*Ipv6Addr::parse("64:ff9b::808:808")) == 0);
    const auto own = compiled("pool = (\"203.0.113.1\"); prefixes = (\"2001:db8:64::/96\");");
    CHECK(own->nat.n_prefixes == 1);
    CHECK(own->nat.match_prefix(*Ipv6Addr::parse("64:ff9b::808:808")) == -1);
    CHECK(own->nat.match_prefix(*Ipv6Addr::parse("2001:db8:64::808:808")) == 0);
    // No state, no default: a CLAT has the prefixes that it was given.
    const auto clat = compiled("stateless: { prefixes = (\"2001:db8:64::/96\"); };");
    CHECK(clat->nat.n_prefixes == 0);
}

TEST_CASE("T-7915-gen-012 T-7757-001: the stateless part of a policy is compiled whole") {
    const auto s = compiled(kSiit + "hairpin = \"simple\"; udp_zero_checksum = \"drop\"; };");
    CHECK(s->stateless.on);
    CHECK(s->stateless.hairpin == pipeline::Stateless::Hairpin::simple);
    CHECK(s->stateless.drop_zero_checksum);
    CHECK(s->stateless.n_prefixes == 1);
    CHECK(s->stateless.n_ipv4 == 1);
    CHECK(s->stateless.eam.size() == 1);
    CHECK(s->stateless.n_error_sources == 2);
    const auto off = compiled("pool = (\"203.0.113.1\");");
    CHECK_FALSE(off->stateless.on);
}

TEST_CASE("T-6791-003: the addresses for routers are answered for, and no binding gets one") {
    const auto s = compiled(kSiit + "};");
    unsigned used = 0;
    for (const auto& slot : s->nat.slot) used += slot.state != nat::PoolSlot::State::unused;
    CHECK(used == 1);
    CHECK(s->nat.slot_of(Ipv4Addr::of(203, 0, 113, 1)) == 0);
    CHECK(s->nat.slot_of(Ipv4Addr::of(198, 51, 100, 77)) == -1);
    CHECK(answered(kSiit + "};") ==
          std::vector<std::string>{"203.0.113.1/32", "198.51.100.77/32", "198.51.100.78/32"});
    CHECK(answered(kSiit + "answer_arp = true; };") ==
          std::vector<std::string>{"203.0.113.1/32", "198.51.100.77/32", "198.51.100.78/32",
                                   "192.0.2.1/32", "192.0.2.128/25"});
}

TEST_CASE("T-7915-gen-011 T-6052-029: what an address is mapped to, and by what, can be asked") {
    const auto s = compiled(kSiit + "};");
    const auto ask = [&](const char* a) { return api::to_text(*agent::stateless_mapping(*s, a)); };
    CHECK(ask("192.0.2.1").find("\"maps_to\":\"2001:db8::1\"") != std::string::npos);
    CHECK(ask("192.0.2.1").find("entry 192.0.2.1/32 2001:db8::1/128") != std::string::npos);
    CHECK(ask("192.0.2.130").find("\"is_host\":true") != std::string::npos);
    CHECK(ask("8.8.8.8").find("\"maps_to\":\"2001:db8:46::808:808\"") != std::string::npos);
    CHECK(ask("8.8.8.8").find("\"is_host\":false") != std::string::npos);
    CHECK(ask("2001:db8::1").find("\"maps_to\":\"192.0.2.1\"") != std::string::npos);
    CHECK(ask("2001:db8:46::c000:282").find("\"maps_to\":\"192.0.2.130\"") != std::string::npos);
    CHECK(ask("2001:db8:9::").find("\"by\":\"none\"") != std::string::npos);
    CHECK_FALSE(agent::stateless_mapping(*s, "banana"));
    bool last = false;
    CHECK(agent::stateless_table(*s, 0, 2, last).size() == 2);
    CHECK_FALSE(last);
    CHECK(api::to_text(agent::stateless_table(*s, 2, 2, last)) ==
          "[{\"ipv4\":\"192.0.2.1/32\",\"ipv6\":\"2001:db8::1/128\",\"kind\":\"eam\"}]");
    CHECK(last);
}

TEST_CASE("the largest table that the configuration takes is compiled whole") {
    std::string list;
    for (unsigned i = 0; i < xlat::EamTable::kMost; i++) {
        const std::string n = std::to_string(i / 256) + "." + std::to_string(i % 256);
        char six[32];
        std::snprintf(six, sizeof six, "2001:db8:e::%x", i);
        list += std::string(i == 0 ? "" : ", ") + "{ ipv4 = \"198.18." + n + "\"; ipv6 = \"" + six +
                "\"; }";
    }
    const auto s = compiled("stateless: { eam = (" + list + "); };");
    CHECK(s->stateless.eam.size() == xlat::EamTable::kMost);
    CHECK(s->stateless.eam.to6(Ipv4Addr::of(198, 18, 15, 255))->text() == "2001:db8:e::fff");
}

TEST_CASE("an address that leaves the pool and comes back at once has the slot that it had") {
    const auto load = [](const char* pool) {
        const auto loaded =
            config::load_text("nat64: { pool = (" + std::string(pool) + "); };", "t.conf");
        REQUIRE(loaded.ok());
        return loaded.config.nat64;
    };
    const auto all = load("\"203.0.113.1\", \"203.0.113.7\", \"203.0.113.9\"");
    const auto two = load("\"203.0.113.1\", \"203.0.113.9\"");
    const auto other = load("\"203.0.113.1\", \"203.0.113.9\", \"203.0.113.11\"");
    agent::CompileInput in;
    in.max_pool_addresses = 4;
    const auto next = [&](const config::Nat64Config& c, const pipeline::Snapshot* before) {
        in.policy = &c;
        in.previous = before;
        auto s = agent::compile(in);
        REQUIRE(s);
        return std::move(*s);
    };
    const Ipv4Addr back = Ipv4Addr::of(203, 0, 113, 7), fresh = Ipv4Addr::of(203, 0, 113, 11);
    const auto first = next(all, nullptr);
    in.swept = first->generation;
    const auto without = next(two, first.get());
    CHECK(without->nat.slot_of(back) == -1);
    // The workers have not swept yet: its slot is nobody else's.
    const auto again = next(all, without.get());
    CHECK(again->nat.slot_of(back) == first->nat.slot_of(back));
    const auto another = next(other, without.get());
    CHECK(another->nat.slot_of(fresh) != first->nat.slot_of(back));
    in.swept = without->generation;
    CHECK(next(other, without.get())->nat.slot_of(fresh) == first->nat.slot_of(back));
}

TEST_CASE("the first prefix is the first that the operator wrote, also after a change") {
    agent::CompileInput in;
    const auto next = [&](const char* prefixes, const pipeline::Snapshot* before) {
        const auto loaded = config::load_text(
            "nat64: { pool = (\"203.0.113.1\"); prefixes = (" + std::string(prefixes) + "); };",
            "t.conf");
        REQUIRE(loaded.ok());
        in.policy = &loaded.config.nat64;
        in.previous = before;
        auto s = agent::compile(in);
        REQUIRE(s);
        return std::move(*s);
    };
    const auto first_of = [](const pipeline::Snapshot& s) {
        return s.nat.prefix[s.nat.prefix_by_rank[0]].pref.prefix().text();
    };
    const auto one = next("\"2001:db8:64::/96\"", nullptr);
    const auto two = next("\"2001:db8:65::/96\", \"2001:db8:64::/96\"", one.get());
    CHECK(first_of(*one) == "2001:db8:64::/96");
    CHECK(first_of(*two) == "2001:db8:65::/96");
    CHECK(two->nat.match_prefix(*Ipv6Addr::parse("2001:db8:64::1")) ==
          one->nat.match_prefix(*Ipv6Addr::parse("2001:db8:64::1")));
    const auto back = next("\"2001:db8:64::/96\", \"2001:db8:65::/96\"", two.get());
    CHECK(first_of(*back) == "2001:db8:64::/96");
}
