// SPDX-License-Identifier: Apache-2.0
#include "common/net/addr.h"

#include <catch2/catch.hpp>

using namespace isthmus;

TEST_CASE("an IPv4 address is four decimal octets and nothing else") {
    CHECK(Ipv4Addr::parse("192.0.2.33") == Ipv4Addr::of(192, 0, 2, 33));
    CHECK(Ipv4Addr::parse("0.0.0.0") == Ipv4Addr::of(0, 0, 0, 0));
    for (const char* bad :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", " 1.2.3.4", "1.2.3.4 ",
          "0x1.2.3.4", "1..2.3", "+1.2.3.4", "-1.2.3.4", "1.2.3.4/24"}) {
        INFO(bad);
        CHECK_FALSE(Ipv4Addr::parse(bad));
    }
    CHECK(Ipv4Addr::of(203, 0, 113, 255).text() == "203.0.113.255");
}

TEST_CASE("T-6052-030: an IPv6 address may end in dotted decimal") {
    CHECK(Ipv6Addr::parse("64:ff9b::192.0.2.33") == Ipv6Addr::parse("64:ff9b::c000:221"));
    CHECK(Ipv6Addr::parse("2001:db8:122:344::192.0.2.33") ==
          Ipv6Addr::parse("2001:db8:122:344::c000:221"));
}

TEST_CASE("an IPv6 address is read as RFC 4291 writes it, and printed as RFC 5952 does") {
    CHECK(Ipv6Addr::parse("2001:DB8:0:0:0:0:0:1")->text() == "2001:db8::1");
    CHECK(Ipv6Addr::parse("::")->text() == "::");
    for (const char* bad : {"", ":", ":::", "1::2::3", "12345::", "fe80::1%eth0", "[::1]", "::1/64",
                            "1:2:3:4:5:6:7", "g::"}) {
        INFO(bad);
        CHECK_FALSE(Ipv6Addr::parse(bad));
    }
}

TEST_CASE("a link address is six pairs of hex digits") {
    CHECK(MacAddr::parse("02:00:5e:10:00:ff")->text() == "02:00:5e:10:00:ff");
    for (const char* bad : {"", "02:00:5e:10:00", "02-00-5e-10-00-ff", "2:0:5e:10:0:ff",
                            "02:00:5e:10:00:fg", "02:00:5e:10:00:ff "}) {
        INFO(bad);
        CHECK_FALSE(MacAddr::parse(bad));
    }
}
