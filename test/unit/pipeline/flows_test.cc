// SPDX-License-Identifier: Apache-2.0
// Whole flows through the pure gateway: what goes in, what must come out, byte by byte where it
// matters.
#include <catch2/catch.hpp>

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
constexpr const char* kServer = "203.0.113.9";
constexpr const char* kServer6 = "2001:db8:64::cb00:7109";
constexpr const char* kPool = "198.51.100.1";

}  // namespace

TEST_CASE("T-6146-udp-001 T-6146-out-001 T-7915-6to4-001: a UDP flow goes out and comes back") {
    Gateway g;
    const auto out =
        g.in(6, make(Ip6{kHost, kServer6, 64, 0xb9, 0xfffff}, 17, udp(1234, 53, pattern(33))));
    REQUIRE(out.size() == 1);
    const Bytes& p = out[0].packet;
    CHECK(out[0].port == 4);
    CHECK(packets::checksums_ok(p));
    CHECK(p[0] == 0x45);
    CHECK(p[1] == 0xb9);
    CHECK(p[8] == 63);
    CHECK(p[9] == 17);
    CHECK(p.size() == 20 + 8 + 33);
    CHECK(packets::source_of(p) == kPool);
    CHECK(packets::destination_of(p) == kServer);
    CHECK(get16(p, 22) == 53);
    const unsigned t = get16(p, 20);
    CHECK(t >= 1024);
    CHECK(t % 2 == 0);
    const auto back = g.in(4, make(Ip4{kServer, kPool, 60, 0xb9}, 17, udp(53, t, pattern(50))));
    REQUIRE(back.size() == 1);
    CHECK(back[0].port == 6);
    CHECK(packets::checksums_ok(back[0].packet));
    CHECK(packets::source_of(back[0].packet) == kServer6);
    CHECK(packets::destination_of(back[0].packet) == kHost);
    CHECK(get16(back[0].packet, 42) == 1234);
    CHECK(back[0].packet[7] == 59);
    CHECK(g.outstanding == 0);
    CHECK(g.worker[0]->engine.check() == nullptr);
}

TEST_CASE("T-6146-udp-002: the same source keeps its mapping towards everybody") {
    Gateway g;
    const auto a = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1234, 53, {})));
    const auto b = g.in(6, make(Ip6{kHost, "2001:db8:64::808:808"}, 17, udp(1234, 99, {})));
    REQUIRE(a.size() + b.size() == 2);
    CHECK(get16(a[0].packet, 20) == get16(b[0].packet, 20));
    CHECK(g.worker[0]->engine.n_bindings() == 1);
    CHECK(g.worker[0]->engine.n_sessions() == 2);
}

TEST_CASE("T-6146-tcp-001 T-6146-tcp-016 T-6146-tcp-002: a TCP connection opens; strays do not") {
    Gateway g;
    CHECK(g.in(6, make(Ip6{kHost, kServer6}, 6, tcp(4000, 80, 0x10))).empty());
    CHECK(g.drops(Drop::tcp_not_syn) == 1);
    const auto syn = g.in(6, make(Ip6{kHost, kServer6}, 6, tcp(4000, 80, 0x02)));
    REQUIRE(syn.size() == 1);
    CHECK(packets::checksums_ok(syn[0].packet));
    const unsigned t = get16(syn[0].packet, 20);
    const auto ack = g.in(4, make(Ip4{kServer, kPool}, 6, tcp(80, t, 0x12)));
    REQUIRE(ack.size() == 1);
    CHECK(packets::checksums_ok(ack[0].packet));
    g.wait(7430);
    CHECK(g.in(6, make(Ip6{kHost, kServer6}, 6, tcp(4000, 80, 0x10, pattern(5)))).size() == 1);
    CHECK(g.in(4, make(Ip4{kServer, kPool}, 6, tcp(80, t + 1, 0x02))).empty());
}

TEST_CASE("T-6146-icmp-001 T-7915-icmp64-002 T-7915-icmp46-002: ping") {
    Gateway g;
    const auto out = g.in(6, make(Ip6{kHost, kServer6}, 58, icmp(128, 0, 0x77770001, pattern(56))));
    REQUIRE(out.size() == 1);
    const Bytes& p = out[0].packet;
    CHECK(packets::checksums_ok(p));
    CHECK(p[9] == 1);
    CHECK(p[20] == 8);
    const unsigned id = get16(p, 24);
    CHECK(get16(p, 26) == 1);
    const auto back =
        g.in(4, make(Ip4{kServer, kPool}, 1, icmp(0, 0, (id << 16) | 1, pattern(56))));
    REQUIRE(back.size() == 1);
    CHECK(packets::checksums_ok(back[0].packet));
    CHECK(back[0].packet[40] == 129);
    CHECK(get16(back[0].packet, 44) == 0x7777);
    g.wait(70);
    CHECK(g.worker[0]->engine.n_bindings() == 0);
    CHECK(g.in(4, make(Ip4{kServer, kPool}, 1, icmp(0, 0, (id << 16) | 1, {}))).empty());
}

TEST_CASE("T-7915-6to4-010 T-7915-4to6-007 T-7915-gen-007: the hop limit is used up") {
    Gateway g;
    const Bytes probe = make(Ip6{kHost, kServer6, 1}, 17, udp(5, 6, pattern(20)));
    const auto out = g.in(6, probe);
    REQUIRE(out.size() == 1);
    const Bytes& e = out[0].packet;
    CHECK(out[0].port == 6);
    CHECK(packets::checksums_ok(e));
    CHECK(e[40] == 3);
    CHECK(packets::source_of(e) == "2001:db8:6::ffff");
    CHECK(Bytes(e.begin() + 48, e.end()) == probe);
    CHECK(g.worker[0]->engine.n_bindings() == 0);
    const auto four = g.in(4, make(Ip4{kServer, kPool, 1}, 17, udp(5, 2000, {})));
    REQUIRE(four.size() == 1);
    CHECK(packets::checksums_ok(four[0].packet));
    CHECK(four[0].packet[20] == 11);
}

TEST_CASE(
    "T-7915-6to4-005 T-7915-6to4-018: DF above 1260 bytes, and Packet Too Big on a small IPv4 "
    "link") {
    Gateway g;
    const auto small = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1, 2, pattern(1232))));
    REQUIRE(small.size() == 1);
    CHECK(small[0].packet.size() == 1260);
    CHECK(get16(small[0].packet, 6) == 0);
    const auto big = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1, 2, pattern(1233))));
    REQUIRE(big.size() == 1);
    CHECK(get16(big[0].packet, 6) == 0x4000);
    g.mtu(4, 1400);
    const auto ptb = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1, 2, pattern(1421 - 48))));
    REQUIRE(ptb.size() == 1);
    CHECK(ptb[0].packet[40] == 2);
    CHECK(packets::get32(ptb[0].packet, 44) == 1420);
    CHECK(ptb[0].packet.size() == 1280);
    CHECK(packets::checksums_ok(ptb[0].packet));
    g.mtu(4, 1000);
    const auto cut = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1, 2, pattern(1232))));
    REQUIRE(cut.size() == 2);
    CHECK(cut[0].packet.size() <= 1000);
    CHECK((get16(cut[0].packet, 6) & 0x2000) != 0);
    CHECK(get16(cut[1].packet, 6) == (cut[0].packet.size() - 20) / 8);
}

TEST_CASE(
    "T-7915-4to6-016 T-7915-4to6-021: too big for IPv6 is cut without DF and refused with it") {
    Gateway g;
    const auto out = g.in(6, make(Ip6{kHost, kServer6}, 6, tcp(4000, 80, 0x02)));
    const unsigned t = get16(out.at(0).packet, 20);
    Ip4 h{kServer, kPool, 64, 0, 1234, 0};
    const auto cut = g.in(4, make(h, 6, tcp(80, t, 0x12, pattern(1261 - 40))));
    REQUIRE(cut.size() == 2);
    CHECK(cut[0].packet.size() == 1280);
    CHECK(cut[1].packet.size() == 57);
    CHECK(get16(cut[0].packet, 42) == 1);
    CHECK(get16(cut[1].packet, 42) == 1232);
    CHECK(packets::get32(cut[0].packet, 44) == 0x4d2);
    g.mtu(6, 1280);
    h.fragment = 0x4000;
    const auto ptb = g.in(4, make(h, 6, tcp(80, t, 0x10, pattern(1300))));
    REQUIRE(ptb.size() == 1);
    CHECK(ptb[0].packet[20] == 3);
    CHECK(ptb[0].packet[21] == 4);
    CHECK(get16(ptb[0].packet, 26) == 1260);
    CHECK(ptb[0].packet.size() <= 576);
}

TEST_CASE("T-6146-frag-001 T-6146-frag-002: IPv6 fragments in any order") {
    for (const bool reversed : {false, true}) {
        Gateway g;
        Bytes whole = make(Ip6{kHost, kServer6}, 17, udp(1234, 53, pattern(3000)));
        const Bytes l4(whole.begin() + 40, whole.end());
        std::vector<Bytes> pieces;
        for (std::size_t at = 0; at < l4.size(); at += 1232) {
            const std::size_t n = std::min<std::size_t>(1232, l4.size() - at);
            pieces.push_back(make(
                Ip6{kHost, kServer6}, 17,
                Bytes(l4.begin() + static_cast<long>(at), l4.begin() + static_cast<long>(at + n)),
                false,
                {packets::fragment_header(17, static_cast<unsigned>(at), at + n < l4.size(),
                                          0xabcd1234),
                 44}));
        }
        if (reversed) std::reverse(pieces.begin(), pieces.end());
        std::vector<Sent> out;
        for (const Bytes& p : pieces) {
            for (auto& s : g.in(6, p)) out.push_back(s);
        }
        INFO("reversed " << reversed);
        REQUIRE(out.size() == 3);
        Bytes joined(l4.size());
        for (const auto& s : out) {
            CHECK(packets::source_of(s.packet) == kPool);
            CHECK(get16(s.packet, 4) == 0x1234);
            const std::size_t at = (get16(s.packet, 6) & 0x1fff) * 8U;
            std::copy(s.packet.begin() + 20, s.packet.end(),
                      joined.begin() + static_cast<long>(at));
        }
        CHECK(packets::checksums_ok(make(Ip4{kPool, kServer}, 17, joined, false)));
        CHECK(g.outstanding == 0);
        CHECK(g.worker[0]->fragments.cells_used() == 0);
    }
}

TEST_CASE(
    "T-6146-frag-008 T-6146-frag-005: pings and UDP without checksum are put together first") {
    Gateway g;
    const auto ping = g.in(6, make(Ip6{kHost, kServer6}, 58, icmp(128, 0, 0x00090001, pattern(8))));
    const unsigned id = get16(ping.at(0).packet, 24);
    const Bytes reply = make(Ip4{kServer, kPool}, 1, icmp(0, 0, (id << 16) | 1, pattern(4000)));
    const Bytes l4(reply.begin() + 20, reply.end());
    std::vector<Sent> out;
    for (std::size_t at = 0; at < l4.size(); at += 1480) {
        const std::size_t n = std::min<std::size_t>(1480, l4.size() - at);
        Ip4 h{kServer, kPool};
        h.fragment = static_cast<unsigned>(at / 8) | (at + n < l4.size() ? 0x2000U : 0U);
        for (auto& s : g.in(4, make(h, 1,
                                    Bytes(l4.begin() + static_cast<long>(at),
                                          l4.begin() + static_cast<long>(at + n)),
                                    false)))
            out.push_back(s);
    }
    REQUIRE(out.size() == 4);
    Bytes joined(l4.size());
    for (const auto& s : out) {
        CHECK(s.packet.size() <= 1280);
        std::copy(s.packet.begin() + 48, s.packet.end(),
                  joined.begin() + get16(s.packet, 42) / 8 * 8);
    }
    CHECK(packets::checksums_ok(make(Ip6{kServer6, kHost}, 58, joined, false)));
    const auto back = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(7, 8, {})));
    const unsigned t = get16(back.at(0).packet, 20);
    const auto zero = g.in(4, make(Ip4{kServer, kPool}, 17, udp(8, t, pattern(99)), false));
    REQUIRE(zero.size() == 1);
    CHECK(packets::checksums_ok(zero[0].packet));
}

TEST_CASE(
    "T-7915-icmp46-010 T-7915-icmp46-015 T-7915-icmp46-024: a router's error reaches the client") {
    Gateway g;
    const auto out = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1234, 33434, pattern(30))));
    const Bytes error = make(Ip4{"192.0.2.77", kPool}, 1, icmp(11, 0, 0, out.at(0).packet));
    const auto back = g.in(4, error);
    REQUIRE(back.size() == 1);
    const Bytes& e = back[0].packet;
    CHECK(packets::checksums_ok(e));
    CHECK(e[40] == 3);
    CHECK(packets::source_of(e) == "2001:db8:64::c000:24d");
    CHECK(packets::destination_of(e) == kHost);
    const Bytes inner(e.begin() + 48, e.end());
    CHECK(packets::source_of(inner) == kHost);
    CHECK(packets::destination_of(inner) == kServer6);
    CHECK(get16(inner, 40) == 1234);
    CHECK(packets::checksums_ok(inner));
}

TEST_CASE("T-7915-icmp64-005 T-7915-icmp64-015: Packet Too Big from the IPv6 side") {
    Gateway g;
    const auto out = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1234, 53, {})));
    const unsigned t = get16(out.at(0).packet, 20);
    const auto in =
        g.in(4, make(Ip4{kServer, kPool, 64, 0, 1, 0x4000}, 17, udp(53, t, pattern(1400))));
    REQUIRE(in.size() == 1);
    const auto back =
        g.in(6, make(Ip6{"2001:db8:99::1", kServer6}, 58,
                     icmp(2, 0, 1400, Bytes(in[0].packet.begin(), in[0].packet.begin() + 1232))));
    REQUIRE(back.size() == 1);
    const Bytes& e = back[0].packet;
    CHECK(packets::checksums_ok(e));
    CHECK(packets::source_of(e) == kPool);
    CHECK(packets::destination_of(e) == kServer);
    CHECK(e[20] == 3);
    CHECK(e[21] == 4);
    CHECK(get16(e, 26) == 1380);
    CHECK(e.size() <= 576);
    CHECK(get16(e, 28 + 22) == t);
}

TEST_CASE(
    "T-6146-hair-001 T-6146-hair-003 T-6146-hair-006: two subscribers meet through the pool") {
    Gateway g;
    const auto b = g.in(6, make(Ip6{"2001:db8:2::7", kServer6}, 17, udp(9000, 1, {})));
    const unsigned t2 = get16(b.at(0).packet, 20);
    const auto got =
        g.in(6, make(Ip6{kHost, "2001:db8:64::c633:6401", 64}, 17, udp(5000, t2, pattern(10))));
    REQUIRE(got.size() == 1);
    CHECK(got[0].port == 6);
    CHECK(packets::checksums_ok(got[0].packet));
    CHECK(packets::destination_of(got[0].packet) == "2001:db8:2::7");
    CHECK(packets::source_of(got[0].packet) == "2001:db8:64::c633:6401");
    CHECK(get16(got[0].packet, 42) == 9000);
    CHECK(got[0].packet[7] == 63);
    const auto nobody =
        g.in(6, make(Ip6{kHost, "2001:db8:64::c633:6401"}, 17, udp(5000, t2 ^ 0x100, {})));
    REQUIRE(nobody.size() == 1);
    CHECK(nobody[0].packet[40] == 1);
    CHECK(nobody[0].packet[41] == 0);
}

TEST_CASE(
    "T-6052-014 T-6052-015 T-6052-017: private addresses do not stand behind the well-known "
    "prefix") {
    Gateway g("64:ff9b::/96");
    g.cfg.non_global.add(*Prefix4::parse("10.0.0.0/8"));
    g.changed();
    (void)g.in(6, make(Ip6{kHost, "64:ff9b::10.1.2.3"}, 17, udp(1, 2, {})));
    CHECK(g.drops(Drop::wkp_non_global) == 1);
    CHECK(g.worker[0]->engine.n_bindings() == 0);
    const auto out = g.in(6, make(Ip6{kHost, "64:ff9b::203.0.113.9"}, 17, udp(1, 2, {})));
    const unsigned t = get16(out.at(0).packet, 20);
    (void)g.in(4, make(Ip4{"10.1.2.3", kPool}, 17, udp(2, t, {})));
    CHECK(g.drops(Drop::wkp_non_global) == 2);
    g.cfg.wkp_allow_non_global = true;
    g.changed();
    CHECK(g.in(6, make(Ip6{kHost, "64:ff9b::10.1.2.3"}, 17, udp(1, 2, {}))).at(0).port == 4);
}

TEST_CASE(
    "T-6146-in-001 T-6052-032 T-6146-in-010 T-7915-6to4-017 T-7915-4to6-013: forged sources") {
    Gateway g;
    CHECK(g.in(6, make(Ip6{"2001:db8:64::1.2.3.4", kServer6}, 17, udp(1, 2, {}))).empty());
    CHECK(g.drops(Drop::source_in_pref64) == 1);
    CHECK(g.in(4, make(Ip4{kPool, kPool}, 17, udp(1, 2, {}))).empty());
    CHECK(g.drops(Drop::source_in_pool4) == 1);
    CHECK(g.in(6, make(Ip6{"::1", kServer6}, 17, udp(1, 2, {}))).empty());
    CHECK(g.in(4, make(Ip4{"127.0.0.1", kPool}, 17, udp(1, 2, {}))).empty());
    CHECK(g.drops(Drop::source_illegal) == 2);
}

TEST_CASE("T-6146-in-002 T-6146-in-003: what is not ours is not translated") {
    Gateway g;
    CHECK(g.in(6, make(Ip6{kHost, "2001:db8:65::1"}, 17, udp(1, 2, {}))).empty());
    CHECK(g.in(4, make(Ip4{kServer, "198.51.100.2"}, 17, udp(1, 2, {}))).empty());
    CHECK(g.drops(Drop::not_translated) == 2);
}

TEST_CASE("T-6146-udp-005 T-6146-udp-006 T-6146-udp-008 T-6146-udp-009: filtering") {
    Gateway g;
    const auto refused = g.in(4, make(Ip4{kServer, kPool}, 17, udp(1, 2000, {})));
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].packet[20] == 3);
    CHECK(refused[0].packet[21] == 1);
    const auto out = g.in(6, make(Ip6{kHost, kServer6}, 17, udp(1234, 53, {})));
    const unsigned t = get16(out.at(0).packet, 20);
    CHECK(g.in(4, make(Ip4{"203.0.113.77", kPool}, 17, udp(9, t, {}))).at(0).port == 6);
    g.cfg.nat.address_dependent_filtering = true;
    g.changed();
    const auto filtered = g.in(4, make(Ip4{"203.0.113.78", kPool}, 17, udp(9, t, {})));
    REQUIRE(filtered.size() == 1);
    CHECK(filtered[0].packet[21] == 13);
    CHECK(g.in(4, make(Ip4{kServer, kPool}, 17, udp(54, t, {}))).at(0).port == 6);
}

TEST_CASE(
    "T-6146-frag-011 T-4787-008: two workers share one address; each packet finds its owner") {
    Gateway g("2001:db8:64::/96", 2);
    unsigned handed = 0;
    for (unsigned host = 1; host < 40; host++) {
        const std::string src = "2001:db8:" + std::to_string(host) + "::5";
        const auto out =
            g.in(6, make(Ip6{src.c_str(), kServer6}, 17, udp(1234, 53, pattern(9))), host % 2);
        REQUIRE(out.size() == 1);
        const unsigned t = get16(out[0].packet, 20);
        const Bytes reply = make(Ip4{kServer, kPool}, 17, udp(53, t, pattern(2000)));
        const Bytes l4(reply.begin() + 20, reply.end());
        const Bytes one = make(Ip4{kServer, kPool, 64, 0, host, 0x2000}, 17,
                               Bytes(l4.begin(), l4.begin() + 1200), false);
        const Bytes two = make(Ip4{kServer, kPool, 64, 0, host, 150}, 17,
                               Bytes(l4.begin() + 1200, l4.end()), false);
        CHECK(g.in(4, host % 3 == 0 ? one : two, host % 2).size() == (host % 3 == 0 ? 1 : 0));
        const auto rest = g.in(4, host % 3 == 0 ? two : one, (host + 1) % 2);
        REQUIRE(rest.size() == (host % 3 == 0 ? 1 : 2));
        CHECK(packets::destination_of(rest.back().packet) == isthmus::Ipv6Addr::parse(src)->text());
        handed++;
    }
    CHECK(handed == 39);
    for (auto* w : g.worker) CHECK(w->engine.check() == nullptr);
    CHECK(g.worker[0]->engine.n_bindings() > 5);
    CHECK(g.worker[1]->engine.n_bindings() > 5);
    CHECK(g.outstanding == 0);
}
