// SPDX-License-Identifier: Apache-2.0
// A flow as an operator writes it, with the arrow that the shell would take, with "to", with
// neither.
#include "control/cli/flow_words.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using cli::flow_of;
using cli::Json;

TEST_CASE("a flow may be written with an arrow, with to, or with neither") {
    const Json want{{"source", "2001:db8::5"},
                    {"destination", "64:ff9b::203.0.113.7"},
                    {"protocol", "tcp"},
                    {"destination_id", 443}};
    for (const char* arrow : {"->", "to", ""}) {
        std::vector<std::string> words{"2001:db8::5"};
        if (*arrow != 0) words.emplace_back(arrow);
        for (const char* w : {"64:ff9b::203.0.113.7", "tcp", "443"}) words.emplace_back(w);
        const auto flow = flow_of(words);
        REQUIRE(flow.ok());
        CHECK(*flow == want);
    }
    std::vector<std::string> arguments{"explain", "a", "->", "b"};
    cli::replace_arrows(arguments);
    CHECK(arguments[2] == "to");
}

TEST_CASE("an endpoint is an address, or one with a port") {
    Json p;
    CHECK(cli::take_endpoint("[2001:db8::5]:4000", "source", p).ok());
    CHECK(p == Json{{"source", "2001:db8::5"}, {"source_id", 4000}});
    p = Json::object();
    CHECK(cli::take_endpoint("203.0.113.7:443", "destination", p).ok());
    CHECK(p == Json{{"destination", "203.0.113.7"}, {"destination_id", 443}});
    p = Json::object();
    CHECK(cli::take_endpoint("[2001:db8::5]", "source", p).ok());
    CHECK(p == Json{{"source", "2001:db8::5"}});
    for (const char* bad : {"", "x", "[2001:db8::5", "[2001:db8::5]x", "203.0.113.7:65536",
                            "1.2.3.4:-1", "2001:db8::5:x", "[]:1", "1.2.3.4:1x"}) {
        INFO(bad);
        CHECK_FALSE(cli::take_endpoint(bad, "source", p).ok());
    }
}

TEST_CASE("what the shell left of an arrow is named, and too few or too many words are") {
    const auto eaten = flow_of({"2001:db8::5", "-", "tcp", "443"});
    REQUIRE_FALSE(eaten.ok());
    CHECK(eaten.error().text().find("the shell took >") != std::string::npos);
    CHECK_FALSE(flow_of({}).ok());
    CHECK_FALSE(flow_of({"2001:db8::5"}).ok());
    CHECK_FALSE(flow_of({"2001:db8::5", "64:ff9b::1", "tcp", "443", "x"}).ok());
    CHECK_FALSE(flow_of({"2001:db8::5", "64:ff9b::1", "tcp", "x"}).ok());
}
