// SPDX-License-Identifier: Apache-2.0
#include "common/api/json.h"

#include <catch2/catch.hpp>

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
