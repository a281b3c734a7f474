// SPDX-License-Identifier: Apache-2.0
#include "common/net/prefix.h"

#include <catch2/catch.hpp>

using namespace isthmus;

TEST_CASE("a prefix is refused with a sentence that says what to write") {
    CHECK(Prefix4::parse("192.0.2.0/24")->text() == "192.0.2.0/24");
    CHECK(Prefix4::parse("192.0.2.1/24").error().what.find("192.0.2.0/24") != std::string::npos);
    CHECK(Prefix6::parse("2001:db8::/032").error().what.find("/32") != std::string::npos);
    CHECK(Prefix6::parse("2001:db8::/064").error().what.find("leading zero") != std::string::npos);
    for (const char* bad : {"2001:db8::", "2001:db8::/129", "2001:db8::/-1", "2001:db8::/",
                            "2001:db8::/6 4", "/64", "2001:db8::/64/64"}) {
        INFO(bad);
        CHECK_FALSE(Prefix6::parse(bad).ok());
    }
    CHECK_FALSE(Prefix4::parse("192.0.2.0").ok());
    CHECK(Prefix4::parse("192.0.2.7", Prefix4::Bare::allow)->len_bits == 32);
}

TEST_CASE("prefixes know what they contain and overlap") {
    const auto p4 = *Prefix4::parse("10.0.0.0/8");
    CHECK(p4.contains(Ipv4Addr::of(10, 255, 0, 1)));
    CHECK_FALSE(p4.contains(Ipv4Addr::of(11, 0, 0, 0)));
    CHECK(Prefix4::parse("0.0.0.0/0")->contains(Ipv4Addr::of(255, 255, 255, 255)));
    CHECK(p4.overlaps(*Prefix4::parse("10.1.0.0/16")));
    const auto p6 = *Prefix6::parse("2001:db8:8::/45");
    CHECK(p6.contains(*Ipv6Addr::parse("2001:db8:f:ffff::1")));
    CHECK_FALSE(p6.contains(*Ipv6Addr::parse("2001:db8:10::1")));
}

TEST_CASE("T-6052-001: a Pref64 has one of the six lengths and no host bits") {
    for (const char* good :
         {"2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:122:300::/56",
          "2001:db8:122:344::/64", "2001:db8:122:344::/96"}) {
        INFO(good);
        CHECK(Pref64::parse(good).ok());
    }
    for (const char* bad :
         {"2001:db8::/33", "2001:db8::/95", "2001:db8::/97", "2001:db8::/128", "::/0"}) {
        INFO(bad);
        const auto got = Pref64::parse(bad);
        REQUIRE_FALSE(got.ok());
        CHECK(got.error().what.find("32, 40, 48, 56, 64 or 96") != std::string::npos);
    }
    CHECK_FALSE(Pref64::parse("2001:db8:1::/32").ok());
}

TEST_CASE("T-6052-009: bits 64-71 of a /96 are zero, unless the operator insists") {
    CHECK_FALSE(Pref64::parse("2001:db8:1:2:ff00::/96").ok());
    CHECK(Pref64::parse("2001:db8:1:2:ff00::/96", Pref64::Octet8::may_be_set).ok());
}

TEST_CASE("T-6052-026: the well-known prefix exists only as a /96") {
    CHECK(Pref64::parse("64:ff9b::/96")->is_well_known());
    for (const char* bad :
         {"64:ff9b::/32", "64:ff9b::/40", "64:ff9b::/48", "64:ff9b::/56", "64:ff9b::/64"}) {
        INFO(bad);
        CHECK_FALSE(Pref64::parse(bad).ok());
    }
}

TEST_CASE("T-6052-022: the local-use prefix and parts of it are legal") {
    for (const char* good :
         {"64:ff9b:1::/48", "64:ff9b:1:100::/56", "64:ff9b:1:2::/64", "64:ff9b:1::/96"}) {
        INFO(good);
        CHECK(Pref64::parse(good).ok());
    }
}

TEST_CASE("a NAT64 prefix can be routed: not link-local, loopback, multicast or IPv4-mapped") {
    for (const char* bad :
         {"fe80::/96", "febf::/32", "::/96", "::/64", "::ffff:0:0/96", "ff0e::/96"}) {
        INFO(bad);
        CHECK_FALSE(Pref64::parse(bad));
    }
    CHECK(Pref64::parse("fd00:64::/96"));
}

TEST_CASE("T-6146-out-006: a Pref64 longer than /96 is refused") {
    CHECK_FALSE(Pref64::parse("2001:db8::/104").ok());
}
