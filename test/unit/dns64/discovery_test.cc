// SPDX-License-Identifier: Apache-2.0
// What a client makes of the AAAA records of ipv4only.arpa: found by a decoder that knows RFC 7050
// and nothing of ours.
#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/net/rfc6052.h"

using namespace isthmus;

namespace {

using Octets = std::array<std::uint8_t, 16>;

/// The octets of RFC 6052 s2.2, figure 1: where the IPv4 address lies, by prefix length.
const struct {
    unsigned length;
    std::array<unsigned, 4> at;
} kPlaces[] = {{32, {4, 5, 6, 7}},   {40, {5, 6, 7, 9}},    {48, {6, 7, 9, 10}},
               {56, {7, 9, 10, 11}}, {64, {9, 10, 11, 12}}, {96, {12, 13, 14, 15}}};

/// RFC 7050 s3: the positions at which one of the well-known addresses is found.
std::set<unsigned> lengths_found(const Octets& a) {
    std::set<unsigned> out;
    for (const auto& p : kPlaces) {
        const bool found = a[p.at[0]] == 192 && a[p.at[1]] == 0 && a[p.at[2]] == 0 &&
                           (a[p.at[3]] == 170 || a[p.at[3]] == 171);
        if (found) out.insert(p.length);
    }
    return out;
}

/// What both answers agree on.
std::set<unsigned> discovered(const char* prefix) {
    const Pref64 p = Pref64::parse(prefix).value();
    std::set<unsigned> both;
    for (const unsigned length :
         lengths_found(embed(p, Ipv4Addr::parse("192.0.0.170").value()).octet)) {
        const auto other = lengths_found(embed(p, Ipv4Addr::parse("192.0.0.171").value()).octet);
        if (other.contains(length)) both.insert(length);
    }
    return both;
}

}  // namespace

TEST_CASE("T-7050-003: a client finds prefixes of all six lengths") {
    CHECK(discovered("2001:db8::/32") == std::set<unsigned>{32});
    CHECK(discovered("2001:db8:100::/40") == std::set<unsigned>{40});
    CHECK(discovered("2001:db8:122::/48") == std::set<unsigned>{48});
    CHECK(discovered("2001:db8:122:300::/56") == std::set<unsigned>{56});
    CHECK(discovered("2001:db8:122:344::/64") == std::set<unsigned>{64});
    CHECK(discovered("2001:db8:122:344::/96") == std::set<unsigned>{96});
    CHECK(discovered("64:ff9b::/96") == std::set<unsigned>{96});
}

TEST_CASE("T-7050-003: a prefix that holds the pattern itself is told by the other address") {
    // 192.0.0.170 stands in the prefix, where a /32 would have it.
    const Pref64 p = Pref64::parse("2001:db8:c000:aa::/96").value();
    const auto one = embed(p, Ipv4Addr::parse("192.0.0.170").value());
    const auto two = embed(p, Ipv4Addr::parse("192.0.0.171").value());
    // Both positions show a pattern; only that of /96 changes between the two answers.
    CHECK(lengths_found(one.octet) == std::set<unsigned>{32, 96});
    CHECK(lengths_found(two.octet) == std::set<unsigned>{32, 96});
    CHECK(one.octet[7] == two.octet[7]);
    CHECK(one.octet[15] != two.octet[15]);
}
