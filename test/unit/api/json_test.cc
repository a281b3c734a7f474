// SPDX-License-Identifier: Apache-2.0
#include "common/api/json.h"

#include <catch2/catch.hpp>
#include <limits>

#include "common/api/rpc.h"

using namespace isthmus;

TEST_CASE("json: what is no UTF-8 is replaced, and nothing thrown") {
    CHECK(api::to_text({{"name", "a\xff z"}}) == "{\"name\":\"a\xef\xbf\xbd z\"}");
    CHECK(api::to_text({{"n", 1}}, 2) == "{\n  \"n\": 1\n}");
}

TEST_CASE("json: a text that is none is discarded") {
    CHECK(api::from_text(R"({"n":[1,2]})")["n"][1] == 2);
    for (const char* no : {"", "{", "{} {}", "nil", "{\"n\":\"\xff\"}"}) {
        INFO(no);
        CHECK(api::from_text(no).is_discarded());
    }
}

TEST_CASE("json: a number that is too large is the largest, and never negative") {
    const auto p = api::from_text(
        R"({"most":9223372036854775807,"over":18446744073709551615,"huge":1e300,"less":-7})");
    CHECK(api::number_of(p, "most", 0) == std::numeric_limits<std::int64_t>::max());
    CHECK(api::number_of(p, "over", 0) == std::numeric_limits<std::int64_t>::max());
    CHECK(api::number_of(p, "huge", 5) == 5);  // a fraction, for JSON
    CHECK(api::number_of(p, "less", 0) == -7);
}
