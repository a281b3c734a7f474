// SPDX-License-Identifier: Apache-2.0
// The translator on bytes: size decisions, ICMP tables, checksums against full sums, hostile input.
#include <catch2/catch.hpp>
#include <memory>
#include <random>

#include "dataplane/xlat/icmp_error.h"
#include "dataplane/xlat/icmp_tables.h"
#include "dataplane/xlat/icmp_xlat.h"
#include "dataplane/xlat/rewrite.h"
#include "test/unit/packets.h"

using namespace isthmus;
using namespace isthmus::xlat;
using packets::Bytes;
using packets::operator+;

namespace {

/// A seeded source of 32 bits.
struct Random {
    std::mt19937 generator;
    unsigned operator()() { return static_cast<unsigned>(generator()); }
};

Parsed sized(std::uint32_t l3, std::uint32_t l4_at, bool df = false, bool fragment = false,
             std::uint32_t offset = 0) {
    Parsed p;
    p.l3_bytes = p.declared_bytes = l3;
    p.l4_at = l4_at;
    p.df = df;
    p.fragment = fragment;
    p.frag_offset = offset;
    return p;
}

Frame frame_of(Bytes& room, const Bytes& packet) {
    room.assign(256 + packet.size() + 1500, 0);
    std::copy(packet.begin(), packet.end(), room.begin() + 256);
    return Frame::between(256, room.data() + 256, static_cast<std::uint32_t>(packet.size()), 1500);
}

}  // namespace

TEST_CASE("T-7915-6to4-018 T-7915-6to4-019 T-7915-6to4-020 T-7915-gen-013: sizes towards IPv4") {
    const Fit refuse = fit_64(sized(1421, 40), 1400);
    CHECK(refuse.what == Fit::Do::refuse);
    CHECK(refuse.mtu == 1420);
    CHECK(fit_64(sized(1281, 40), 1000).mtu == 1280);
    CHECK(fit_64(sized(1280, 40), 1000).what == Fit::Do::cut);
    CHECK(fit_64(sized(1280, 48, false, true), 1000).what == Fit::Do::cut);
    CHECK(fit_64(sized(1440, 48, false, true), 1400).what == Fit::Do::refuse);
    CHECK(fit_64(sized(1440, 48, false, true, 1392), 1391).what == Fit::Do::drop);
    CHECK(fit_64(sized(1420, 40), 1400).what == Fit::Do::send);
}

TEST_CASE(
    "T-7915-4to6-015 T-7915-4to6-019 T-7915-4to6-020 T-7915-4to6-025 T-7915-4to6-041: sizes "
    "towards IPv6") {
    const XlatParams params;
    CHECK(fit_46(sized(1260, 20), 1500, params).what == Fit::Do::send);
    CHECK(fit_46(sized(1261, 20), 1500, params).what == Fit::Do::cut);
    CHECK(fit_46(sized(1480, 20, true), 1500, params).what == Fit::Do::send);
    XlatParams large;
    large.lowest_ipv6_mtu = 9000;
    CHECK(fit_46(sized(1481, 20), 1500, large).mtu == 1500);
    const Fit fragment = fit_46(sized(1273, 20, true, true), 1300, params);
    CHECK(fragment.what == Fit::Do::refuse);
    CHECK(fragment.mtu == 1272);
    CHECK(fit_46(sized(1273, 20, true, true, 800), 1300, params).what == Fit::Do::drop);
    CHECK(fit_46(sized(1484, 24, true), 1500, params).mtu == 1480);
}

TEST_CASE(
    "T-7915-icmp46-003 T-7915-icmp46-004 T-7915-icmp46-005 T-7915-icmp46-006 T-7915-icmp46-011 "
    "T-7915-icmp46-012 T-7915-icmp46-013: ICMPv4 to ICMPv6, kinds and pointers") {
    for (const unsigned c : {0U, 1U, 5U, 6U, 7U, 8U, 11U, 12U})
        CHECK(icmp_kind_46({3, static_cast<std::uint8_t>(c)}) == IcmpKind{1, 0});
    for (const unsigned c : {9U, 10U, 13U, 15U})
        CHECK(icmp_kind_46({3, static_cast<std::uint8_t>(c)}) == IcmpKind{1, 1});
    CHECK(icmp_kind_46({3, 3}) == IcmpKind{1, 4});
    CHECK(icmp_kind_46({3, 2}) == IcmpKind{4, 1});
    for (const unsigned c : {14U, 16U, 200U})
        CHECK_FALSE(icmp_kind_46({3, static_cast<std::uint8_t>(c)}));
    CHECK(icmp_kind_46({12, 0}) == IcmpKind{4, 0});
    CHECK(icmp_kind_46({12, 2}) == IcmpKind{4, 0});
    CHECK_FALSE(icmp_kind_46({12, 1}));
    for (const unsigned t : {4U, 5U, 6U, 9U, 10U, 13U, 14U, 15U, 16U, 17U, 18U, 99U})
        CHECK_FALSE(icmp_kind_46({static_cast<std::uint8_t>(t), 0}));
    const std::pair<unsigned, unsigned> rows[] = {{0, 0}, {1, 1},  {2, 4},  {3, 4},   {8, 7},
                                                  {9, 6}, {12, 8}, {15, 8}, {16, 24}, {19, 24}};
    for (const auto& [in, out] : rows) CHECK(pointer_46(in) == out);
    for (const unsigned p : {4U, 5U, 6U, 7U, 10U, 11U, 20U, 255U}) CHECK_FALSE(pointer_46(p));
}

TEST_CASE(
    "T-7915-icmp64-004 T-7915-icmp64-008 T-7915-icmp64-009 T-7915-icmp64-010 T-7915-icmp64-011: "
    "ICMPv6 to ICMPv4, kinds and pointers") {
    for (const unsigned c : {0U, 2U, 3U})
        CHECK(icmp_kind_64({1, static_cast<std::uint8_t>(c)}) == IcmpKind{3, 1});
    CHECK(icmp_kind_64({1, 1}) == IcmpKind{3, 10});
    CHECK(icmp_kind_64({1, 4}) == IcmpKind{3, 3});
    for (const unsigned c : {5U, 6U, 7U, 255U})
        CHECK_FALSE(icmp_kind_64({1, static_cast<std::uint8_t>(c)}));
    CHECK(icmp_kind_64({3, 1}) == IcmpKind{11, 1});
    CHECK(icmp_kind_64({4, 1}) == IcmpKind{3, 2});
    for (const unsigned c : {2U, 3U, 4U})
        CHECK_FALSE(icmp_kind_64({4, static_cast<std::uint8_t>(c)}));
    for (const unsigned t : {0U, 5U, 100U, 127U})
        CHECK_FALSE(icmp_kind_64({static_cast<std::uint8_t>(t), 0}));
    const std::pair<unsigned, unsigned> rows[] = {{0, 0}, {1, 1},  {4, 2},   {5, 2},   {6, 9},
                                                  {7, 8}, {8, 12}, {23, 12}, {24, 16}, {39, 16}};
    for (const auto& [in, out] : rows) CHECK(pointer_64(in) == out);
    for (const unsigned p : {2U, 3U, 40U, 1000U}) CHECK_FALSE(pointer_64(p));
}

TEST_CASE(
    "T-7915-icmp46-007 T-7915-icmp46-008 T-7915-icmp46-009 T-7915-icmp46-028 T-7915-icmp64-006 "
    "T-7915-icmp64-007: MTUs in errors") {
    const std::pair<unsigned, unsigned> rows[] = {{1400, 1420}, {1261, 1281}, {1260, 1280},
                                                  {1259, 1280}, {576, 1280},  {68, 1280}};
    for (const auto& [in, out] : rows) CHECK(mtu_46(in, 1500, 1500, 1500) == out);
    const std::pair<unsigned, unsigned> plateaus[] = {{1500, 1512}, {1493, 1512}, {1492, 1280},
                                                      {2002, 1512}, {9000, 8186}, {65535, 9000},
                                                      {68, 1280},   {20, 1280}};
    for (const auto& [in, out] : plateaus) CHECK(mtu_46(0, in, 9000, 9000) == out);
    CHECK(mtu_64(1400, true, 1500, 1500) == 1372);
    CHECK(mtu_64(10, false, 1500, 1500) == 1260);
}

TEST_CASE(
    "T-7915-4to6-029 T-7915-6to4-021 T-7915-6to4-028 T-7915-4to6-030: incremental checksums agree "
    "with full sums; wrong stays wrong") {
    constexpr unsigned kSeed = 1624;
    INFO("seed " << kSeed);
    Random random{std::mt19937(kSeed)};
    const XlatParams params;
    for (int n = 0; n < 20000; n++) {
        Bytes data(random() % 200);
        for (auto& b : data) b = static_cast<std::uint8_t>(random());
        const unsigned kind = random() % 3;
        const unsigned a = random() % 65536, b = random() % 65536;
        const unsigned p6 = kind == 0 ? 17 : kind == 1 ? 6 : 58, p4 = kind == 2 ? 1 : p6;
        const bool wrong = n % 5 == 0;
        const auto l4 = [&](bool v6) {
            return kind == 0   ? packets::udp(a, b, data)
                   : kind == 1 ? packets::tcp(a, b, 0x10, data)
                               : packets::icmp(v6 ? 128 : 8, 0, (a << 16) | b, data);
        };
        Bytes six = packets::make(packets::Ip6{"2001:db8::1", "64:ff9b::1.2.3.4"}, p6, l4(true));
        Bytes four = packets::make(packets::Ip4{"1.2.3.4", "5.6.7.8"}, p4, l4(false));
        if (wrong) {
            six[40 + packets::checksum_at(p6)] ^= 0x5a;
            four[20 + packets::checksum_at(p4)] ^= 0x5a;
        }
        Bytes room;
        Parsed p;
        Frame f = frame_of(room, six);
        REQUIRE(parse_v6(f, p) == Drop::none);
        const Be16 id{static_cast<std::uint16_t>(random())};
        if (!p.udp_no_checksum) {
            REQUIRE(rewrite_64(f, p,
                               To4{Ipv4Addr::of(9, 8, 7, 6), Ipv4Addr::of(1, 2, 3, 4), id,
                                   Be16{static_cast<std::uint16_t>(b)}},
                               params, {}) == Drop::none);
            if (packets::checksums_ok(Bytes(f.data, f.data + f.len_bytes)) == wrong)
                FAIL("6->4, round " << n);
        }
        f = frame_of(room, four);
        REQUIRE(parse_v4(f, p) == Drop::none);
        if (!p.udp_no_checksum) {
            REQUIRE(rewrite_46(
                        f, p,
                        To6{*Ipv6Addr::parse("64:ff9b::1.2.3.4"), *Ipv6Addr::parse("2001:db8:9::7"),
                            Be16{static_cast<std::uint16_t>(a)}, id},
                        params, {}) == Drop::none);
            if (packets::checksums_ok(Bytes(f.data, f.data + f.len_bytes)) == wrong)
                FAIL("4->6, round " << n);
        }
    }
}

TEST_CASE(
    "T-7915-4to6-008 T-7915-4to6-009 T-7915-4to6-011 T-7915-4to6-012 T-7915-4to6-027 "
    "T-7915-4to6-028 T-7915-4to6-042: IPv4 headers, good and bad") {
    const auto parse = [](const Bytes& packet) {
        Bytes room;
        Frame f = frame_of(room, packet);
        Parsed p;
        return parse_v4(f, p);
    };
    const auto with = [](const Bytes& options) {
        return packets::make(packets::Ip4{"1.2.3.4", "5.6.7.8", 64, 0, 1, 0, options}, 17,
                             packets::udp(1, 2, {}));
    };
    CHECK(parse(with({1, 1, 7, 3, 4, 0, 0, 0})) == Drop::none);
    CHECK(parse(with({131, 7, 4, 9, 9, 9, 9, 0})) == Drop::ipv4_source_route);
    CHECK(parse(with({137, 7, 8, 9, 9, 9, 9, 0})) == Drop::none);
    CHECK(parse(with({7, 0, 0, 0})) == Drop::ipv4_bad_options);
    CHECK(parse(with({7, 9, 4, 0})) == Drop::ipv4_bad_options);
    Bytes p = with({});
    p[10] ^= 1;
    CHECK(parse(p) == Drop::ipv4_bad_checksum);
    p = with({});
    p[0] = 0x44;
    CHECK(parse(p) == Drop::ipv4_bad_version);
    p = with({});
    p.resize(p.size() - 1);
    CHECK(parse(p) == Drop::l3_truncated);
}

TEST_CASE(
    "T-7915-6to4-012 T-7915-6to4-013 T-7915-6to4-014 T-7915-6to4-015 T-7915-6to4-016 "
    "T-7915-6to4-023 T-7915-6to4-025: IPv6 chains, good and bad") {
    const auto parse = [](const Bytes& packet, Parsed& p) {
        Bytes room;
        Frame f = frame_of(room, packet);
        return parse_v6(f, p);
    };
    const packets::Ip6 h{"2001:db8::1", "64:ff9b::1.2.3.4"};
    Parsed p;
    Bytes hbh{60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0};
    CHECK(parse(packets::make(h, 17, packets::udp(1, 2, {}), true, {hbh, 0}), p) == Drop::none);
    CHECK(p.l4_at == 56);
    CHECK(parse(packets::make(h, 17, packets::udp(1, 2, {}), true, {{17, 0, 0, 1, 0, 0, 0, 0}, 43}),
                p) == Drop::routing_segments_left);
    CHECK(p.pointer == 43);
    CHECK(parse(packets::make(h, 17, packets::udp(1, 2, {}), true,
                              {packets::fragment_header(60, 0, true, 1), 44}),
                p) == Drop::ext_header_after_fragment);
    CHECK(parse(packets::make(h, 6, Bytes(8), false, {packets::fragment_header(6, 0, true, 1), 44}),
                p) == Drop::ext_header_limit);
    CHECK(
        parse(packets::make(h, 17, Bytes(9), false, {packets::fragment_header(17, 8, true, 1), 44}),
              p) == Drop::none);
    CHECK(p.ragged);
    CHECK(parse(packets::make(h, 17, Bytes(9), false,
                              {packets::fragment_header(17, 8, false, 1), 44}),
                p) == Drop::none);
    CHECK_FALSE(p.ragged);
    Bytes jumbo = packets::make(h, 17, packets::udp(1, 2, {}));
    packets::put16(jumbo, 4, 0);
    CHECK(parse(jumbo, p) == Drop::ipv6_jumbogram);
}

TEST_CASE("T-7915-gen-004: errors are rate limited") {
    auto limiter = std::make_unique<ErrorLimiter>();
    const ErrorLimiter::Rates rates{1000, 200, 10, 50};
    const auto sent_to = [&](unsigned source, std::uint64_t second) {
        unsigned sent = 0;
        for (unsigned i = 0; i < 1000; i++)
            sent += limiter->allow(rates, source, Nanos{second * kNanosPerSecond}) ? 1 : 0;
        return sent;
    };
    CHECK(sent_to(7, 1) == 50);
    unsigned sent = 0;
    for (unsigned i = 0; i < 1000; i++)
        sent += limiter->allow(rates, 100 + i, Nanos{kNanosPerSecond}) ? 1 : 0;
    CHECK(sent == 150);
    CHECK(sent_to(7, 2) == 10);
    CHECK(sent_to(7, 4) == 20);
    CHECK(sent_to(7, 1000) == 50);
}

TEST_CASE("hostile bytes are never read past their end, and what is forwarded is well-formed") {
    constexpr unsigned kSeed = 64;
    INFO("seed " << kSeed);
    Random random{std::mt19937(kSeed)};
    const Bytes inner = packets::make(packets::Ip4{"5.6.7.8", "1.2.3.4"}, 17,
                                      packets::udp(1, 2, packets::pattern(40)));
    const Bytes seeds[] = {
        packets::make(packets::Ip4{"1.2.3.4", "5.6.7.8"}, 1, packets::icmp(3, 3, 0, inner)),
        packets::make(packets::Ip6{"2001:db8::1", "64:ff9b::1"}, 6,
                      packets::tcp(1, 2, 2, {}, {2, 4, 5, 180})),
        packets::make(packets::Ip6{"2001:db8::1", "64:ff9b::1"}, 17, packets::udp(1, 2, {}), true,
                      {packets::fragment_header(17, 0, false, 9), 44}),
        packets::make(packets::Ip4{"1.2.3.4", "5.6.7.8", 9, 0, 1, 0, {7, 7, 4, 0, 0, 0, 0, 0}}, 17,
                      packets::udp(1, 2, packets::pattern(9)))};
    const XlatParams params;
    unsigned forwarded = 0;
    for (int n = 0; n < 200000; n++) {
        Bytes b = seeds[random() % 4];
        for (unsigned k = random() % 4; k > 0; k--)
            b[random() % b.size()] = static_cast<std::uint8_t>(random());
        b.resize(1 + random() % b.size());
        if (n % 2 == 0) b = seeds[random() % 4];
        // Exactly as much heap as the frame says: the sanitizer sees every byte too far.
        const std::size_t head = 64, tail = n % 7 == 0 ? 1300 : 0;
        std::unique_ptr<std::uint8_t[]> heap(new std::uint8_t[head + b.size() + tail]);
        std::copy(b.begin(), b.end(), heap.get() + head);
        Frame f = Frame::between(head, heap.get() + head, static_cast<std::uint32_t>(b.size()),
                                 static_cast<std::uint32_t>(tail));
        Parsed p;
        Quoted q;
        const bool v6 = (b[0] >> 4) == 6;
        if ((v6 ? parse_v6(f, p) : parse_v4(f, p)) != Drop::none) continue;
        if (p.kind == Kind::icmp_error) {
            if ((v6 ? parse_quoted_v6(f, p, q) : parse_quoted_v4(f, p, q)) != Drop::none ||
                q.parsed.kind == Kind::other_protocol)
                continue;
            if (!v6 &&
                translate_error_46(f, p, q, {{}, {}, {1500, 1500, params}, {}}) == Drop::none)
                forwarded +=
                    packets::checksums_ok(Bytes(f.data, f.data + f.len_bytes)) ? 1 : throw "bad";
            continue;
        }
        if (p.kind == Kind::icmp_other || p.kind == Kind::other_protocol || p.is_piece()) continue;
        const bool good = transport_checksum_ok(f, p, v6);
        const Drop why = v6 ? rewrite_64(f, p, {}, {}, {}) : rewrite_46(f, p, {}, {}, {});
        if (why != Drop::none) continue;
        const Bytes out(f.data, f.data + f.len_bytes);
        const bool zero = p.kind == Kind::udp && p.udp_no_checksum;
        const bool padded =
            p.kind == Kind::udp &&
            out.size() > (v6 ? 20U : 40U) + packets::get16(out, (v6           ? 20U
                                                                 : p.fragment ? 48U
                                                                              : 40U) +
                                                                    4);
        if (good && !zero && !padded && !packets::checksums_ok(out)) FAIL("round " << n);
        forwarded++;
    }
    CHECK(forwarded > 50000);
}
