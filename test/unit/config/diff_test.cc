// SPDX-License-Identifier: Apache-2.0
// What differs between two policies, as an operator reads it.
#include "common/config/diff.h"

#include <catch2/catch.hpp>

#include "common/config/parse.h"

using namespace isthmus::config;

namespace {

Nat64Config policy(const std::string& keys) {
    const Loaded l = load_text("nat64: { prefixes = [\"2001:db8::/96\"]; " + keys + " };", "test");
    INFO(l.error_text());
    REQUIRE(l.ok());
    return l.config.nat64;
}

}  // namespace

TEST_CASE("each key that differs is named once, with both values") {
    const auto c = changes(policy("pool = (\"192.0.2.1\"); filtering = \"endpoint-independent\";"),
                           policy("pool = (\"192.0.2.1\"); filtering = \"address-dependent\"; "
                                  "lifetimes: { udp = 400; };"));
    REQUIRE(c.size() == 2);
    CHECK(c[0].key == "nat64.filtering");
    CHECK(c[0].before == "\"endpoint-independent\"");
    CHECK(c[0].after == "\"address-dependent\"");
    CHECK(c[1].key == "nat64.lifetimes.udp");
    CHECK(c[1].before == "300");
    CHECK(c[1].after == "400");
    CHECK(!c[1].start_only);
    CHECK(changes(policy("pool = (\"192.0.2.1\");"), policy("pool = (\"192.0.2.1\");")).empty());
}

TEST_CASE("of a list, what came and what went") {
    const auto c = changes(policy("pool = (\"192.0.2.1\", \"192.0.2.2\");"),
                           policy("pool = (\"192.0.2.2\", \"192.0.2.8/29\");"));
    REQUIRE(c.size() == 1);
    CHECK(c[0].key == "nat64.pool");
    REQUIRE(c[0].added.size() == 1);
    CHECK(c[0].added[0].find("192.0.2.8/29") != std::string::npos);
    REQUIRE(c[0].removed.size() == 1);
    CHECK(c[0].removed[0].find("192.0.2.1/32") != std::string::npos);
}

TEST_CASE("keys that only a new start can change are marked") {
    const auto c = changes(policy("pool = (\"192.0.2.1\");"),
                           policy("pool = (\"192.0.2.1\"); subscriber_prefix_length = 56;"));
    REQUIRE(c.size() == 1);
    CHECK(c[0].start_only);
}

TEST_CASE("a digest tells texts apart") {
    CHECK(digest("a") == digest("a"));
    CHECK(digest("a") != digest("b"));
    CHECK(digest("").size() == 16);
}
