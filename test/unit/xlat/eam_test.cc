// SPDX-License-Identifier: Apache-2.0
// The EAM table against RFC 7757's own examples, and against a search that looks at every entry.
#include "dataplane/xlat/eam.h"

#include <catch2/catch.hpp>
#include <memory>
#include <random>

using namespace isthmus;
using xlat::Eam;
using xlat::EamTable;

namespace {

Eam entry(const char* ipv4, const char* ipv6) {
    return {*Prefix4::parse(ipv4, Prefix4::Bare::allow),
            *Prefix6::parse(ipv6, Prefix6::Bare::allow)};
}

std::unique_ptr<EamTable> table(const std::vector<Eam>& entries) {
    auto t = std::make_unique<EamTable>();
    for (const Eam& e : entries) REQUIRE(t->add(e));
    t->finish();
    return t;
}

/// RFC 7757 figure 1.
std::unique_ptr<EamTable> of_the_rfc() {
    return table({entry("192.0.2.1", "2001:db8:aaaa::"),
                  entry("192.0.2.2/32", "2001:db8:bbbb::b/128"),
                  entry("192.0.2.16/28", "2001:db8:cccc::/124"),
                  entry("192.0.2.128/26", "2001:db8:dddd::/64"),
                  entry("192.0.2.192/29", "2001:db8:eeee:8::/62"),
                  entry("192.0.2.224/31", "64:ff9b::/127")});
}

std::string to6(const EamTable& t, const char* a) {
    const auto mapped = t.to6(*Ipv4Addr::parse(a));
    return mapped ? mapped->text() : "none";
}
std::string to4(const EamTable& t, const char* a) {
    const auto mapped = t.to4(*Ipv6Addr::parse(a));
    return mapped ? mapped->text() : "none";
}

/// The longest prefix of `a` among all, the slow way.
template <typename Addr, typename PrefixOf>
const Eam* reference(const std::vector<Eam>& all, const Addr& a, PrefixOf prefix_of) {
    const Eam* best = nullptr;
    for (const Eam& e : all) {
        if (!prefix_of(e).contains(a)) continue;
        if (best == nullptr || prefix_of(e).len_bits > prefix_of(*best).len_bits) best = &e;
    }
    return best;
}

}  // namespace

TEST_CASE("T-7757-004 T-7757-001: the twelve pairs of RFC 7757 figure 7 map both ways") {
    const auto t = of_the_rfc();
    const std::pair<const char*, const char*> pairs[] = {
        {"192.0.2.1", "2001:db8:aaaa::"},
        {"192.0.2.2", "2001:db8:bbbb::b"},
        {"192.0.2.16", "2001:db8:cccc::"},
        {"192.0.2.24", "2001:db8:cccc::8"},
        {"192.0.2.31", "2001:db8:cccc::f"},
        {"192.0.2.128", "2001:db8:dddd::"},
        {"192.0.2.152", "2001:db8:dddd:0:6000::"},
        {"192.0.2.183", "2001:db8:dddd:0:dc00::"},
        {"192.0.2.191", "2001:db8:dddd:0:fc00::"},
        {"192.0.2.195", "2001:db8:eeee:9:8000::"},
        {"192.0.2.225", "64:ff9b::1"},
    };
    for (const auto& [v4, v6] : pairs) {
        INFO(v4 << " " << v6);
        CHECK(to6(*t, v4) == v6);
        CHECK(to4(*t, v6) == v4);
    }
    // The twelfth has no entry: RFC 6052 maps it.
    CHECK(to6(*t, "192.0.2.248") == "none");
    CHECK(to4(*t, "64:ff9b::c000:2f8") == "none");
}

TEST_CASE(
    "T-7757-001: bits behind the suffix are cut on the way to IPv4, and zero on the way back") {
    const auto t = of_the_rfc();
    CHECK(to4(*t, "2001:db8:dddd:0:6123:4567:89ab:cdef") == "192.0.2.152");
    CHECK(to4(*t, "2001:db8:eeee:9:9fff::1") == "192.0.2.195");
    CHECK(to4(*t, "2001:db8:dddd:1::") == "none");
    CHECK(to6(*t, "192.0.2.0") == "none");
    CHECK(to6(*t, "192.0.2.15") == "none");
    CHECK(to6(*t, "192.0.2.32") == "none");
}

TEST_CASE("T-7757-001: an IPv6 suffix shorter than the IPv4 one is not taken") {
    EamTable t;
    CHECK_FALSE(t.add(entry("192.0.2.0/24", "2001:db8::/121")));
    CHECK(t.add(entry("192.0.2.0/24", "2001:db8::/120")));
    CHECK(t.add(entry("0.0.0.0/0", "2001:db8:1::/96")));
    CHECK(t.add(entry("0.0.0.0/0", "::/0")));
}

TEST_CASE("T-7757-002: of overlapping entries the longest prefix decides on each side (figure 2)") {
    const auto t = table({entry("0.0.0.0/0", "2001:db8:ff00::/40"),
                          entry("198.51.100.64/32", "2001:db8::abcd/128")});
    CHECK(to4(*t, "2001:db8:ffc6:3364:4000::") == "198.51.100.64");
    CHECK(to6(*t, "198.51.100.64") == "2001:db8::abcd");
    CHECK(to6(*t, "198.51.100.65") == "2001:db8:ffc6:3364:4100::");
    CHECK(to6(*t, "198.51.100.63") == "2001:db8:ffc6:3364:3f00::");
    CHECK(to6(*t, "255.255.255.255") == "2001:db8:ffff:ffff:ff00::");
    CHECK(to6(*t, "0.0.0.0") == "2001:db8:ff00::");
}

TEST_CASE("an empty table, one entry for everything, and the last addresses of all") {
    const auto none = table({});
    CHECK(to6(*none, "0.0.0.0") == "none");
    CHECK(to4(*none, "::") == "none");
    const auto all = table({entry("0.0.0.0/0", "::/0")});
    CHECK(to4(*all, "c000:201::7") == "192.0.2.1");
    CHECK(to6(*all, "192.0.2.1") == "c000:201::");
    const auto ends = table({entry("255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                             entry("0.0.0.0", "::")});
    CHECK(to6(*ends, "255.255.255.255") == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    CHECK(to6(*ends, "255.255.255.254") == "none");
    CHECK(to4(*ends, "::") == "0.0.0.0");
    CHECK(to4(*ends, "::1") == "none");
}

TEST_CASE("the same prefix written again: the later entry counts, and nothing runs over") {
    std::vector<Eam> many(300, entry("192.0.2.0/24", "2001:db8::/120"));
    many.push_back(entry("192.0.2.0/24", "2001:db8:1::/120"));
    const auto t = table(many);
    CHECK(to6(*t, "192.0.2.9").substr(0, 9) == "2001:db8:");
    CHECK(to6(*t, "192.0.3.0") == "none");
}

TEST_CASE("T-7757-001 T-7757-002: lookups agree with a search of every entry, for any table") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto number = [&](unsigned most) {
        return std::uniform_int_distribution<unsigned>(0, most)(random);
    };
    for (unsigned round = 0; round < 60; round++) {
        std::vector<Eam> all;
        for (unsigned n = number(round < 50 ? 40 : EamTable::kMost - 1); n > 0; n--) {
            // Few bits are free, so that prefixes nest and touch.
            Prefix4 p4{Ipv4Addr::from_host((192U << 24) | number(0xfff) << 4), 0};
            p4.len_bits = static_cast<std::uint8_t>(number(32));
            p4.addr = Ipv4Addr::from_host(p4.addr.host() & p4.mask());
            Ipv6Addr a = *Ipv6Addr::parse("2001:db8::");
            for (const unsigned at : {5U, 7U, 8U, 15U})
                a.octet[at] = static_cast<std::uint8_t>(number(255) & 0xc3);
            const unsigned len6 = number(96U + p4.len_bits);
            all.push_back({p4, {masked(a, len6), static_cast<std::uint8_t>(len6)}});
        }
        const auto t = table(all);
        for (unsigned i = 0; i < 300 && !all.empty(); i++) {
            const Eam& e = all[number(static_cast<unsigned>(all.size()) - 1)];
            const std::uint32_t near = e.ipv4.addr.host() +
                                       (e.ipv4.len_bits == 0 ? 0U : number(2)) - number(1) +
                                       (number(1) == 0 ? 0U : ~e.ipv4.mask());
            const Ipv4Addr a4 = Ipv4Addr::from_host(near);
            const Eam* want4 =
                reference(all, a4, [](const Eam& x) -> const Prefix4& { return x.ipv4; });
            const Eam* got4 = t->find(a4);
            REQUIRE((want4 == nullptr) == (got4 == nullptr));
            if (want4 != nullptr) REQUIRE(got4->ipv4 == want4->ipv4);
            Ipv6Addr a6 = e.ipv6.addr;
            a6.octet[number(15)] ^= static_cast<std::uint8_t>(1U << number(7));
            const Eam* want6 =
                reference(all, a6, [](const Eam& x) -> const Prefix6& { return x.ipv6; });
            const Eam* got6 = t->find(a6);
            REQUIRE((want6 == nullptr) == (got6 == nullptr));
            if (want6 != nullptr) REQUIRE(got6->ipv6 == want6->ipv6);
            // What a mapping makes of an address, the same entry takes back.
            CHECK(xlat::map_to4(e, xlat::map_to6(e, e.ipv4.addr)) == e.ipv4.addr);
        }
    }
}
