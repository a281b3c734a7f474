// SPDX-License-Identifier: Apache-2.0
#include "common/api/json.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/api/rpc.h"

using namespace isthmus;
using api::Json;

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

TEST_CASE("json: lists of pairs are objects, others arrays, as nlohmann has it") {
    CHECK(Json{{"a", 1}, {"b", nullptr}}.is_object());
    CHECK(api::to_text({{"a", 1}, {"b", {{"c", {1, "x"}}}}}) == R"({"a":1,"b":{"c":[1,"x"]}})");
    CHECK(api::to_text(Json{1, -2, 1.5, true, "x"}) == R"([1,-2,1.5,true,"x"])");
    CHECK(api::to_text(Json::array({Json::object()})) == "[{}]");
    CHECK(Json(std::vector<int>{1, 2}) == Json{1, 2});
}

TEST_CASE("json: what is missing or of another type reads as nothing") {
    const Json j{{"n", 7}, {"text", "x"}, {"list", Json::array({1})}};
    CHECK(j["none"]["deeper"][3].is_null());
    CHECK(j["text"].get<std::uint64_t>() == 0);
    CHECK(j["n"].get<std::string>().empty());
    CHECK(j["n"].find("x") == j["n"].end());
    CHECK(j.value("text", 5U) == 5);
    CHECK(j.value("n", "no text") == "no text");
    CHECK(j.value("n", 5U) == 7);
    CHECK(j["text"].items().empty());
    CHECK(j["text"].begin() == j["text"].end());
}

TEST_CASE("json: numbers compare by what they are worth") {
    CHECK(Json(1) == Json(std::uint64_t{1}));
    CHECK(Json(1) == Json(1.0));
    CHECK(Json(-1) < Json(std::numeric_limits<std::uint64_t>::max()));
    CHECK(Json(2) < Json(10));
    CHECK(Json("2") > Json(10));  // texts after numbers
    CHECK(Json(nullptr) < Json(false));
    CHECK(Json{{"a", 1}} != Json{{"a", 2}});
    CHECK(Json{1, 2} < Json{1, 3});
}

TEST_CASE("json: what was moved from is null, and a list can become its own element") {
    Json a{{"x", {1, 2}}};
    a = a["x"];
    CHECK(a == Json{1, 2});
    a = Json::array({a, 3});
    a = a[0];
    CHECK(a == Json{1, 2});
    Json b = std::move(a);
    CHECK(a.is_null());  // NOLINT(bugprone-use-after-move): what this is about
    b.push_back(b[0]);
    CHECK(b == Json{1, 2, 1});
}

namespace {

/// A value at random, as nlohmann's.
nlohmann::json any_value(std::mt19937& random, int depth) {
    const auto bits = std::uint64_t{random()} << (random() % 32);
    std::string text(random() % 6, ' ');
    for (char& c : text) c = static_cast<char>(random());
    switch (random() % (depth > 3 ? 6 : 8)) {
        case 0:
            return nullptr;
        case 1:
            return random() % 2 == 0;
        case 2:
            return bits;
        case 3:
            return -static_cast<std::int64_t>(bits);
        case 4:
            return std::ldexp(static_cast<double>(bits), static_cast<int>(random() % 200) - 100);
        case 5:
            return text;
        case 6: {
            auto out = nlohmann::json::array();
            for (auto n = random() % 4; n > 0; n--) out.push_back(any_value(random, depth + 1));
            return out;
        }
        default: {
            auto out = nlohmann::json::object();
            for (auto n = random() % 4; n > 0; n--)
                out["k" + std::to_string(random() % 9)] = any_value(random, depth + 1);
            return out;
        }
    }
}

}  // namespace

TEST_CASE("json: any value is written as nlohmann writes it, and read back") {
    constexpr unsigned kSeed = 20;
    std::mt19937 random(kSeed);
    for (int i = 0; i < 20'000; i++) {
        const nlohmann::json theirs = any_value(random, 0);
        for (const int indent : {-1, 2}) {
            const std::string text =
                theirs.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
            const Json ours = api::from_text(text);
            INFO(text);
            REQUIRE(api::to_text(ours, indent) == text);
            REQUIRE(Json(ours) == ours);
        }
    }
}
