// SPDX-License-Identifier: Apache-2.0
// Mappings without state, where one packet does not show it: many packets, several workers, a
// policy that changes under a flow. Single packets are told in test/golden/eam.case and siit.case.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "common/net/rfc6052.h"
#include "test/unit/pipeline/gateway.h"

using namespace gateway;
using packets::get16;
using packets::icmp;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::operator+;
using packets::pattern;
using packets::tcp;
using packets::udp;

namespace {

constexpr const char* kHost = "2001:db8:1::5";
constexpr const char* kHost4 = "192.0.2.5";
constexpr const char* kServer = "203.0.113.9";
constexpr const char* kServer6 = "2001:db8:64::cb00:7109";

void add_entry(Gateway& g, const char* ipv4, const char* ipv6) {
    REQUIRE(g.cfg.stateless.eam.add({*Prefix4::parse(ipv4), *Prefix6::parse(ipv6)}));
    g.cfg.stateless.eam.finish();
    g.cfg.stateless.on = true;
    g.changed();
}

/// `bytes` of an IPv4 payload from `offset` on, as a fragment.
Bytes piece4(const Bytes& whole, std::size_t offset, std::size_t bytes, bool more) {
    Bytes p(whole.begin(), whole.begin() + 20);
    p.insert(p.end(), whole.begin() + 20 + static_cast<long>(offset),
             whole.begin() + 20 + static_cast<long>(offset + bytes));
    packets::put16(p, 2, static_cast<unsigned>(p.size()));
    packets::put16(p, 6, (more ? 0x2000U : 0U) | static_cast<unsigned>(offset / 8));
    packets::put16(p, 10, 0);
    packets::put16(p, 10, ~packets::sum16({p.data(), 20}) & 0xffffU);
    return p;
}

}  // namespace

TEST_CASE("T-7757-002: a flow under way follows the table when that changes, and leaves no state") {
    Gateway g;
    const auto out = [&] {
        const auto sent = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1234, 53, pattern(9))));
        REQUIRE(sent.size() == 1);
        CHECK(packets::checksums_ok(sent[0].packet));
        return packets::source_of(sent[0].packet);
    };
    for (unsigned i = 0; i < 4; i++) CHECK(out() == "198.51.100.1");
    CHECK(g.count(Counter::steady) == 3);
    CHECK(g.worker[0]->engine.n_bindings() == 1);
    add_entry(g, "192.0.2.5/32", "2001:db8:1::5/128");
    for (unsigned i = 0; i < 4; i++) CHECK(out() == kHost4);
    CHECK(g.count(Counter::stateless_64) == 4);
    // Another flow of that host makes no binding either, by the short way or the long one.
    CHECK(g.in(6, make(Ip6{kHost, kServer6}, 6, tcp(4000, 80, 0x02))).size() == 1);
    CHECK(g.worker[0]->engine.n_bindings() == 1);
    g.cfg.stateless = {};
    g.changed();
    for (unsigned i = 0; i < 4; i++) CHECK(out() == "198.51.100.1");
    CHECK(g.worker[0]->engine.check() == nullptr);
    CHECK(g.outstanding == 0);
}

TEST_CASE("T-7757-002 T-7915-gen-011: what goes out comes back to the same addresses and ports") {
    const unsigned seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Gateway g;
    add_entry(g, "192.0.2.128/26", "2001:db8:dddd::/64");
    add_entry(g, "192.0.2.16/28", "2001:db8:cccc::/124");
    for (unsigned i = 0; i < 4000; i++) {
        const auto number = [&](unsigned most) {
            return std::uniform_int_distribution<unsigned>(0, most)(random);
        };
        const Ipv4Addr host4 = number(1) == 0 ? Ipv4Addr::of(192, 0, 2, 128 + number(63))
                                              : Ipv4Addr::of(192, 0, 2, 16 + number(15));
        const std::string host6 = g.cfg.stateless.eam.to6(host4)->text();
        const Ipv4Addr z = Ipv4Addr::of(1 + number(125), number(255), number(255), number(255));
        const std::string z6 = embed(g.cfg.nat.prefix[0].pref, z).text();
        const unsigned x = number(65535), y = number(65535);
        const bool is_tcp = number(1) == 0;
        const unsigned protocol = is_tcp ? 6 : 17;
        const Bytes data = pattern(number(300), number(99));
        const auto l4 = [&](unsigned from, unsigned to) {
            return is_tcp ? tcp(from, to, 0x10, data) : udp(from, to, data);
        };
        const auto out = g.in(6, make(Ip6{host6.c_str(), z6.c_str()}, protocol, l4(x, y)));
        REQUIRE(out.size() == 1);
        const Bytes want4 =
            make(Ip4{host4.text().c_str(), z.text().c_str(), 63}, protocol, l4(x, y));
        REQUIRE(packets::checksums_ok(out[0].packet));
        REQUIRE(Bytes(out[0].packet.begin() + 12, out[0].packet.end()) ==
                Bytes(want4.begin() + 12, want4.end()));
        const auto back =
            g.in(4, make(Ip4{z.text().c_str(), host4.text().c_str()}, protocol, l4(y, x)));
        REQUIRE(back.size() == 1);
        REQUIRE(back[0].packet == make(Ip6{z6.c_str(), host6.c_str(), 63}, protocol, l4(y, x)));
    }
    CHECK(g.worker[0]->engine.n_bindings() == 0);
    CHECK(g.outstanding == 0);
}

TEST_CASE(
    "T-7915-4to6-022 T-7915-4to6-035: fragments in any order, at any worker, are the datagram's") {
    Gateway g("2001:db8:64::/96", 2);
    add_entry(g, "192.0.2.5/32", "2001:db8:1::5/128");
    const Bytes whole = make(Ip4{kServer, kHost4}, 17, udp(53, 1234, pattern(3000)));
    const Bytes want = make(Ip6{kServer6, kHost, 63}, 17, udp(53, 1234, pattern(3000)));
    std::vector<std::size_t> order{0, 1, 2, 3};
    do {
        std::map<unsigned, Bytes> parts;
        for (const std::size_t i : order) {
            const std::size_t bytes = i == 3 ? 3008 - 3 * 800 : 800;
            const auto out = g.in(4, piece4(whole, i * 800, bytes, i != 3), i % 2);
            REQUIRE(out.size() == 1);
            const Bytes& p = out[0].packet;
            REQUIRE(p[6] == 44);
            CHECK((get16(p, 42) & 1) == (i == 3 ? 0U : 1U));
            parts[get16(p, 42) & 0xfff8U] = Bytes(p.begin() + 48, p.end());
        }
        Bytes payload;
        for (const auto& [offset, bytes] : parts) {
            REQUIRE(offset == payload.size());
            payload = payload + bytes;
        }
        REQUIRE(payload == Bytes(want.begin() + 40, want.end()));
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(g.count(Counter::fragments_held) == 0);
    CHECK(g.count(Counter::handed_over) == 0);
    CHECK(g.outstanding == 0);
}

TEST_CASE("T-6791-001: routers without a mapping speak from all members of the pool for them") {
    Gateway g;
    add_entry(g, "192.0.2.5/32", "2001:db8:1::5/128");
    for (unsigned i = 0; i < 3; i++)
        g.cfg.stateless.error_source[g.cfg.stateless.n_error_sources++] =
            Ipv4Addr::of(198, 51, 100, 70 + i);
    g.changed();
    const Bytes quoted = make(Ip6{kServer6, kHost, 1}, 17, udp(53, 1234, pattern(20)));
    std::map<std::string, unsigned> seen;
    for (unsigned i = 0; i < 300; i++) {
        const auto out = g.in(6, make(Ip6{"2001:db8::1234", kServer6}, 58, icmp(3, 0, 0, quoted)));
        REQUIRE(out.size() == 1);
        CHECK(packets::checksums_ok(out[0].packet));
        seen[packets::source_of(out[0].packet)]++;
    }
    CHECK(seen.size() == 3);
    for (const auto& [source, n] : seen) CHECK(n > 50);
}
