// SPDX-License-Identifier: Apache-2.0
// Packets without state by the short way become what the long way makes of them, byte for byte and
// count for count: two gateways as in steady_test.cc, with every kind of mapping beside a stateful
// NAT64, and traffic in which anything may be an end of anything.
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "common/net/rfc6052.h"
#include "test/unit/pipeline/twins.h"

using namespace gateway;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::pattern;
using packets::tcp;
using packets::udp;
using pipeline::Stateless;

namespace {

/// 2001:db8:64::/96 is the stateful prefix, 2001:db8:46::/96 a stateless one.
void map_addresses(Gateway& g) {
    Stateless& s = g.cfg.stateless;
    s.on = true;
    const auto add = [&](const char* ipv4, const char* ipv6) {
        REQUIRE(s.eam.add({*Prefix4::parse(ipv4), *Prefix6::parse(ipv6)}));
    };
    add("192.0.2.1/32", "2001:db8:aaaa::/128");
    add("192.0.2.2/32", "2001:db8:bbbb::b/128");
    add("192.0.2.16/28", "2001:db8:cccc::/124");
    add("192.0.2.192/29", "2001:db8:eeee:8::/62");
    s.eam.finish();
    g.local("2001:db8:cccc::7");
    g.local("192.0.2.23");
}
void prefix_too(Gateway& g) {
    map_addresses(g);
    Stateless& s = g.cfg.stateless;
    s.prefix[s.n_prefixes++] = {*Pref64::parse("2001:db8:46::/96"), false};
    s.ipv4[s.n_ipv4++] = *Prefix4::parse("192.0.2.128/26");
}

constexpr std::array kEnds6{"2001:db8:aaaa::",
                            "2001:db8:bbbb::b",
                            "2001:db8:cccc::3",
                            "2001:db8:cccc::9",
                            "2001:db8:cccc::7",
                            "2001:db8:eeee:9::",
                            "2001:db8:46::c000:281",
                            "2001:db8:46::cb00:7109",
                            "2001:db8:1::5",
                            "2001:db8:1:1::6",
                            "2001:db8:64::cb00:7109",
                            "2001:db8:64::c000:201",
                            "2001:db8:64::c633:6401",
                            "2001:db8:64::e000:5",
                            "2001:db8:46::7f00:1",
                            "fe80::1",
                            "ff02::1",
                            "::1"};
constexpr std::array kEnds4{"192.0.2.1",    "192.0.2.2",      "192.0.2.19",  "192.0.2.25",
                            "192.0.2.23",   "192.0.2.193",    "192.0.2.129", "203.0.113.9",
                            "203.0.113.10", "198.51.100.1",   "0.0.0.0",     "127.0.0.1",
                            "224.0.0.5",    "255.255.255.255"};

class Traffic {
public:
    explicit Traffic(unsigned seed) : random_(seed) {}
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
    /// A packet of one family, nearly always one that is translated. `mapped`: it is not
    /// bent, and its IPv6 source has a mapping, so that no binding is made for it.
    Bytes packet(bool v6, bool mapped) {
        const bool is_tcp = pick(2) == 0;
        const Bytes options = pick(4) == 0 ? Bytes{2, 4, 5, 180} : Bytes{};
        const unsigned flags = pick(3) == 0 ? 0x02 : 0x10;
        const unsigned from = 1000 + pick(4), to = pick(2) == 0 ? 53 : 1000 + pick(4);
        const Bytes data = pattern(pick(10) == 0 ? 1180 + pick(300) : pick(90), pick(9));
        const Bytes l4 = is_tcp ? tcp(from, to, flags, data, options) : udp(from, to, data);
        Bytes p = v6 ? from_v6(is_tcp, l4, mapped) : from_v4(is_tcp, l4);
        if (!mapped && pick(8) == 0) bend(p);
        return p;
    }

private:
    Bytes from_v6(bool is_tcp, const Bytes& l4, bool mapped) {
        const bool any = pick(4) == 0;
        Ip6 h{any && !mapped ? end(kEnds6) : kEnds6[pick(6)],
              any ? end(kEnds6) : kEnds6[6 + pick(6)]};
        h.hops = pick(20) == 0 ? pick(3) : 64;
        h.traffic_class = pick(256);
        h.flow = pick(1 << 20);
        return make(h, is_tcp ? 6 : 17, l4);
    }
    Bytes from_v4(bool is_tcp, const Bytes& l4) {
        const bool any = pick(4) == 0;
        Ip4 h{any ? end(kEnds4) : kEnds4[6 + pick(3)], any ? end(kEnds4) : kEnds4[pick(7)]};
        h.ttl = pick(20) == 0 ? pick(3) : 64;
        h.tos = pick(256);
        h.fragment = pick(2) == 0 ? 0x4000 : 0;
        if (pick(20) == 0) h.options = {1, 1, 1, 0};
        return make(h, is_tcp ? 6 : 17, l4);
    }
    template <typename Ends>
    const char* end(const Ends& ends) {
        return ends[pick(static_cast<unsigned>(ends.size()))];
    }
    /// A byte anywhere, a cut, link padding, or no checksum.
    void bend(Bytes& p) {
        switch (pick(4)) {
            case 0:
                p[pick(static_cast<unsigned>(p.size()))] ^=
                    static_cast<std::uint8_t>(1 + pick(255));
                break;
            case 1:
                p.resize(pick(static_cast<unsigned>(p.size())) + 1);
                break;
            case 2:
                p.resize(p.size() + pick(30));
                break;
            default:
                packets::put16(p, ((p[0] >> 4) == 6 ? 40U : 20U) + 6, 0);
        }
    }
    std::mt19937 random_;
};

void run(unsigned seed, void (*change)(Gateway&)) {
    INFO("seed " << seed);
    Twins twins("2001:db8:64::/96");
    twins.each(change);
    Traffic traffic(seed);
    for (unsigned n = 0; n < 600; n++) {
        const bool v6 = traffic.pick(2) == 0;
        // Which port a new binding gets is a matter of chance, and in a burst of its order.
        const unsigned size = traffic.pick(2) == 0 ? 1 : 2 + traffic.pick(30);
        std::vector<Bytes> burst;
        for (unsigned i = size; i > 0; i--) burst.push_back(traffic.packet(v6, size != 1));
        twins.in_burst(v6 ? 6 : 4, burst);
        if (traffic.pick(20) == 0) twins.wait(60 * traffic.pick(6));
    }
    twins.same_counts();
    // Beside the stateful ones, and most of all those without state.
    CHECK(twins.a.count(Counter::stateless_64) > 300);
    CHECK(twins.a.count(Counter::stateless_46) > 300);
    CHECK(twins.a.count(Counter::steady) > 1000);
}

}  // namespace

TEST_CASE("without state too, the short way and the long way give the same packets and counts") {
    run(1, &map_addresses);
    run(2, &prefix_too);
}

TEST_CASE("without state the short way and the long way agree under other policies") {
    run(11, [](Gateway& g) {
        prefix_too(g);
        g.cfg.stateless.hairpin = Stateless::Hairpin::simple;
        g.cfg.xlat.reset_traffic_class = true;
    });
    run(12, [](Gateway& g) {
        prefix_too(g);
        g.cfg.stateless.hairpin = Stateless::Hairpin::off;
        g.cfg.xlat.copy_traffic_class = false;
        g.cfg.xlat.override_tos = 0x28;
        g.mtu(6, 1280);
    });
    run(13, [](Gateway& g) {
        prefix_too(g);
        g.mtu(4, 1280);
        g.cfg.xlat.lowest_ipv6_mtu = 1500;
        g.cfg.xlat.mss_clamp_64 = g.cfg.xlat.mss_clamp_46 = 1220;
    });
    run(14, [](Gateway& g) {
        prefix_too(g);
        g.cfg.nat.n_excluded = 1;
        g.cfg.nat.excluded[0] = {*Prefix4::parse("203.0.113.8/30"), 53, 53};
        g.cfg.stateless.drop_zero_checksum = true;
    });
    run(15, [](Gateway& g) {  // no NAT64 at all
        prefix_too(g);
        g.cfg.nat.prefix[0] = {};
        g.cfg.nat.slot[0] = {};
        g.cfg.nat.n_slots = 0;
    });
    run(16, [](Gateway& g) {  // both ends behind the well-known prefix is too many
        prefix_too(g);
        g.cfg.stateless.prefix[0] = {*Pref64::parse("2001:db8:46::/96"), true};
        g.cfg.non_global.add(*Prefix4::parse("192.0.2.0/24"));
    });
}

TEST_CASE("without state packets wait for their next hop in order, whatever way they came") {
    Twins twins("2001:db8:64::/96");
    twins.each(&map_addresses);
    const auto packet = [](unsigned number) {
        return make(Ip6{"2001:db8:aaaa::", "2001:db8:64::cb00:7109"}, 17,
                    udp(1000, 53, pattern(number)));
    };
    for (Gateway* g : {&twins.a, &twins.b}) g->forget_neighbour(4);
    twins.in_burst(6, {packet(1), packet(2)});
    CHECK(twins.a.waiting() == 2);
    twins.each([](Gateway& g) { g.route4("0.0.0.0/0", 4); });
    // These find the next hop, and others that wait for it.
    twins.in_burst(6, {packet(3), packet(4)});
    twins.wait(1);
    twins.in_burst(6, {packet(5)});
    twins.same_counts();
    CHECK(twins.a.count(Counter::stateless_64) == 5);
    CHECK(twins.a.count(Counter::steady) == 1);
    CHECK(twins.a.outstanding == 0);
}
