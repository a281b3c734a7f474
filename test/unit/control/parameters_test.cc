// SPDX-License-Identifier: Apache-2.0
#include "control/logs/parameters.h"

#include <catch2/catch.hpp>

#include "common/api/json.h"

using namespace isthmus;
using namespace isthmus::control;

namespace {

constexpr std::uint64_t kStart = 1'793'700'000 * kNanosPerSecond;

config::Nat64Config with_source(const char* source) {
    config::Nat64Config c;
    c.deterministic.source = source;
    c.deterministic.subscribers_per_address = 14;
    return c;
}

}  // namespace

TEST_CASE("T-7422-003 T-7422-006: what is calculated with is recorded when it changes, and daily") {
    ParameterRecord r;
    CHECK_FALSE(r.look(config::Nat64Config{}, kStart).has_value());  // not deterministic
    const auto first = r.look(with_source("2001:db8::/48"), kStart);
    REQUIRE(first.has_value());
    CHECK(first->kind == "deterministic");
    CHECK(first->unix_ns == kStart);
    CHECK(first->fields["parameters"]["source"] == "2001:db8::/48");
    CHECK(first->fields["parameters"]["subscribers_per_address"] == 14);
    CHECK(r.newest() == api::to_text(first->fields["parameters"]));
    const std::uint64_t day = 86400 * kNanosPerSecond;
    CHECK_FALSE(r.look(with_source("2001:db8::/48"), kStart + day - 1).has_value());
    const auto again = r.look(with_source("2001:db8::/48"), kStart + day);
    REQUIRE(again.has_value());
    CHECK(again->fields == first->fields);
    CHECK_FALSE(r.look(with_source("2001:db8::/48"), kStart + 2 * day - 1).has_value());
    CHECK(r.look(with_source("2001:db8:1::/48"), kStart + day + 1).has_value());
    const auto off = r.look(config::Nat64Config{}, kStart + day + 2);
    REQUIRE(off.has_value());  // that it ended is news too
    CHECK(off->fields["parameters"].is_null());
}
