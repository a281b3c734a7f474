// SPDX-License-Identifier: Apache-2.0
// What RFC 6146 says of configuration: constants and floors, prefixes and their default.
#include <catch2/catch.hpp>

#include "common/config/parse.h"
#include "common/config/validate.h"

using namespace isthmus::config;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("T-6146-sec-004 T-6146-tcp-036: the defaults are those of RFC 6146, as they are shown") {
    const std::string text = defaults_text();
    for (const char* said : {"udp = 300;", "icmp = 60;", "tcp_established = 7440;",
                             "tcp_transitory = 240;", "tcp_half_open = 240;", "fragment = 2;",
                             "UDP_MIN 120", "UDP_DEFAULT 300", "TCP_TRANS 240", "TCP_EST 7200",
                             "TCP_INCOMING_SYN 6", "FRAGMENT_MIN 2", "ICMP_DEFAULT 60"}) {
        INFO(said);
        CHECK(has(text, said));
    }
    CHECK(load_text(text, "defaults").ok());
}

TEST_CASE("T-6146-out-008: without a prefix the well-known one is used, and that is said") {
    const auto l = load_text("nat64: { pool = (\"8.8.4.0/30\"); };", "t.conf");
    INFO(l.error_text());
    REQUIRE(l.ok());
    bool warned = false;
    for (const auto& w : l.warnings) warned = warned || has(w.text(), "64:ff9b::/96 is used");
    CHECK(warned);
}

TEST_CASE("T-6146-tcp-032: profile unsafe, and only that, lets lifetimes below the floors in") {
    const std::string low =
        "lifetimes: { udp = 2; icmp = 1; tcp_transitory = 3; tcp_established = 5; tcp_half_open = "
        "1; }; };";
    for (const char* profile : {"", "profile = \"default\";", "profile = \"strict\";"}) {
        CHECK_FALSE(load_text(std::string("nat64: { ") + profile + low, "t.conf").ok());
    }
    const auto l = load_text("nat64: { " + low.substr(0, low.size() - 2) +
                                 " profile = \"unsafe\"; tcp_probes = false; };",
                             "t.conf");
    INFO(l.error_text());
    CHECK(l.ok());
    CHECK(l.config.nat64.lifetimes.udp == 2);
    CHECK_FALSE(
        load_text("nat64: { profile = \"unsafe\"; lifetimes: { udp = 0; }; };", "t.conf").ok());
    CHECK_FALSE(
        load_text("nat64: { profile = \"unsafe\"; limits: { ports_per_subscriber = 0; }; };",
                  "t.conf")
            .ok());
}
