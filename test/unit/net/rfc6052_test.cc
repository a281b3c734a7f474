// SPDX-License-Identifier: Apache-2.0
#include "common/net/rfc6052.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "common/net/checksum.h"

using namespace isthmus;

namespace {

struct Row {
    const char* id;
    const char* pref;
    const char* want;
};
// RFC 6052 section 2.4, for 192.0.2.33.
constexpr Row kRfc6052Table[] = {
    {"T-6052-002", "2001:db8::/32", "2001:db8:c000:221::"},
    {"T-6052-003", "2001:db8:100::/40", "2001:db8:1c0:2:21::"},
    {"T-6052-004", "2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
    {"T-6052-005", "2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
    {"T-6052-006", "2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
    {"T-6052-007", "2001:db8:122:344::/96", "2001:db8:122:344::c000:221"},
    {"T-6052-007", "64:ff9b::/96", "64:ff9b::c000:221"},
};

}  // namespace

TEST_CASE(
    "T-6052-002 T-6052-003 T-6052-004 T-6052-005 T-6052-006 T-6052-007: the addresses of RFC 6052 "
    "section 2.4") {
    const Ipv4Addr v4 = *Ipv4Addr::parse("192.0.2.33");
    for (const auto& row : kRfc6052Table) {
        INFO(row.id << " " << row.pref);
        const Pref64 pref = *Pref64::parse(row.pref);
        REQUIRE(embed(pref, v4) == *Ipv6Addr::parse(row.want));
        REQUIRE(extract(*Ipv6Addr::parse(row.want), pref.len_bits) == v4);
    }
}

TEST_CASE(
    "T-6052-013 T-6146-out-004: embedding and extracting is the identity; T-6052-008 T-6052-010: u "
    "octet and suffix are zero") {
    constexpr unsigned kSeed = 6052;
    INFO("seed " << kSeed);
    std::mt19937 random(kSeed);
    for (const auto& row : kRfc6052Table) {
        const Pref64 pref = *Pref64::parse(row.pref);
        for (int i = 0; i < 1'000'000 / 7 + 1; i++) {
            const Ipv4Addr v4 = Ipv4Addr::from_host(static_cast<std::uint32_t>(random()));
            const Ipv6Addr v6 = embed(pref, v4);
            if (extract(v6, pref.len_bits) != v4) FAIL(row.pref << " " << v4.text());
            if (v6.octet[8] != 0 && pref.len_bits < 96) FAIL("u octet set under " << row.pref);
            const unsigned used =
                pref.len_bits == 96 ? 16U : pref.len_bits / 8U + (pref.len_bits == 32 ? 4U : 5U);
            for (unsigned at = used; at < 16; at++) {
                if (v6.octet[at] != 0) FAIL("suffix set under " << row.pref);
            }
        }
    }
}

TEST_CASE("T-6052-011 T-6052-012: nonzero suffix and u octet are ignored") {
    for (const auto& row : kRfc6052Table) {
        const Pref64 pref = *Pref64::parse(row.pref);
        if (pref.len_bits == 96) continue;
        Ipv6Addr v6 = embed(pref, Ipv4Addr::of(203, 0, 113, 9));
        v6.octet[8] = 0xff;
        for (unsigned at = pref.len_bits / 8U + (pref.len_bits == 32 ? 4U : 5U); at < 16; at++) {
            if (at != 8) v6.octet[at] = 0xab;
        }
        INFO(row.pref);
        CHECK(extract(v6, pref.len_bits) == Ipv4Addr::of(203, 0, 113, 9));
    }
}

TEST_CASE("T-6052-021: which prefixes leave a checksum as it is, and that no other is thought to") {
    const auto contribution = [](const char* prefix) {
        return Sum{}.add(Pref64::parse(prefix).value().addr).fold();
    };
    for (const char* neutral : {"64:ff9b::/96", "64:ff9b:1:fffe::/96", "64:ff9b:1:fffd:1::/96",
                                "64:ff9b:1:fffc:2::/96", "64:ff9b:1:abcd:0:5431::/96"}) {
        INFO(neutral);
        const auto sum = contribution(neutral);
        CHECK((sum == 0 || sum == 0xffff));
    }
    CHECK(contribution("64:ff9b:1::/96") == Be16{1}.wire());
}
