// SPDX-License-Identifier: Apache-2.0
// The short way does what the long way does. Two gateways get the same packets at the same times;
// one of them may not take the short way. What leaves and what is counted must be the same; and so
// it must while packets are traced.
#include <catch2/catch.hpp>
#include <random>

#include "common/net/rfc6052.h"
#include "test/unit/pipeline/twins.h"

using namespace gateway;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::tcp;
using packets::udp;

namespace {

struct Flow {
    std::string host, server6, server4;
    unsigned x = 0, z = 0, t = 0;
    bool is_tcp = false;
};

/// A host each, or so many sessions of few bindings.
enum class Flows { many_hosts, few_bindings };

/// Random traffic of a few flows, now and then bent out of shape.
class Traffic {
public:
    Traffic(Twins& twins, unsigned seed, Flows of) : twins_(twins), random_(seed) {
        for (unsigned i = 0; i < 24; i++) {
            Flow f;
            const Ipv4Addr server = Ipv4Addr::of(203, 0, 113, 1 + pick(9));
            f.host = "2001:db8:1:" + std::to_string(pick(4)) + "::" + std::to_string(1 + pick(3));
            f.server4 = server.text();
            f.server6 = embed(twins.prefix, server).text();
            f.x = 2000 + i % 16;  // some share a binding
            f.z = pick(2) == 0 ? 443 : 53;
            f.is_tcp = pick(2) == 0;
            if (of == Flows::few_bindings) {
                f.host = "2001:db8:1::1";
                f.x = 2000 + i % 3;
            }
            flow_.push_back(f);
        }
    }
    void one() {
        Flow& f = flow_[pick(static_cast<unsigned>(flow_.size()))];
        const bool v6 = f.t == 0 || pick(2) == 0;
        Bytes p = v6 ? from_v6(f) : from_v4(f);
        if (pick(8) == 0) bend(p);
        twins_.in(v6 ? 6 : 4, p);
        if (v6 && twins_.last.size() > 24 && (twins_.last[0] >> 4) == 4 && twins_.last[9] != 1)
            f.t = packets::get16(twins_.last, 20);
    }
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

private:
    Bytes payload() { return packets::pattern(pick(12) == 0 ? 1180 + pick(300) : pick(120)); }
    unsigned flags() {
        static constexpr unsigned kFlags[] = {0x10, 0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x04};
        return kFlags[pick(8)];
    }
    Bytes l4(const Flow& f, unsigned from, unsigned to) {
        if (!f.is_tcp) return udp(from, to, payload());
        const Bytes options = pick(6) == 0 ? Bytes{2, 4, 5, 180} : Bytes{};
        return tcp(from, to, f.t == 0 ? 2 : flags(), payload(), options);
    }
    Bytes from_v6(const Flow& f) {
        Ip6 h{f.host.c_str(), f.server6.c_str()};
        h.hops = pick(20) == 0 ? pick(3) : 64;
        h.traffic_class = pick(256);
        h.flow = pick(1 << 20);
        return make(h, f.is_tcp ? 6 : 17, l4(f, f.x, f.z));
    }
    Bytes from_v4(const Flow& f) {
        Ip4 h{f.server4.c_str(), "198.51.100.1"};
        h.ttl = pick(20) == 0 ? pick(3) : 64;
        h.tos = pick(256);
        h.fragment = pick(2) == 0 ? 0x4000 : 0;
        if (pick(20) == 0) h.options = {1, 1, 1, 0};
        return make(h, f.is_tcp ? 6 : 17, l4(f, f.z, f.t));
    }
    /// A byte anywhere, a length, a cut, or link padding.
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
            default: {
                // The transport's length, checksum, offset and flags lie here.
                const std::size_t at = ((p[0] >> 4) == 6 ? 40U : 20U) + 4 + pick(4);
                if (at < p.size()) p[at] = static_cast<std::uint8_t>(pick(4) * 5);
            }
        }
    }
    Twins& twins_;
    std::mt19937 random_;
    std::vector<Flow> flow_;
};

void run(const char* pref64, unsigned seed, void (*change)(Gateway&),
         Flows of = Flows::many_hosts) {
    INFO(pref64 << ", seed " << seed);
    Twins twins(pref64);
    twins.each(change);
    Traffic traffic(twins, seed, of);
    for (unsigned n = 0; n < 1500; n++) {
        traffic.one();
        const unsigned seconds = traffic.pick(50) == 0 ? 60 * traffic.pick(6) : traffic.pick(2);
        twins.a.wait(seconds);
        twins.b.wait(seconds);
    }
    twins.same_counts();
    CHECK(twins.a.count(Counter::steady) > 200);
}

void nothing(Gateway&) {}

}  // namespace

TEST_CASE("the short way and the long way give the same packets and counts, any Pref64 length") {
    unsigned seed = 1;
    for (const char* p : {"2001:db8:64::/96", "2001:dc8::/32", "2001:db8:100::/40",
                          "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64"}) {
        run(p, seed++, &nothing);
    }
}

TEST_CASE("the short way and the long way agree about further sessions of a binding") {
    unsigned seed = 31;
    for (const char* p : {"2001:db8:64::/96", "2001:db8:122::/48", "64:ff9b::/96"})
        run(p, seed++, &nothing, Flows::few_bindings);
    run(
        "2001:db8:64::/96", seed++,
        [](Gateway& g) {
            g.cfg.nat.v4_refresh = false;
            g.cfg.nat.address_dependent_filtering = true;
        },
        Flows::few_bindings);
    run(
        "2001:db8:64::/96", seed++, [](Gateway& g) { g.cfg.nat.limits.sessions_per_binding = 4; },
        Flows::few_bindings);
    run(
        "2001:db8:64::/96", seed,
        [](Gateway& g) {
            nat::Excluded& e = g.cfg.nat.excluded[g.cfg.nat.n_excluded++];
            e.destination = Prefix4{Ipv4Addr::of(203, 0, 113, 4), 30};
        },
        Flows::few_bindings);
}

TEST_CASE("the short way and the long way agree under other policies") {
    run("2001:db8:64::/96", 11, [](Gateway& g) {
        g.cfg.nat.v4_refresh = false;
        g.cfg.xlat.reset_traffic_class = true;
    });
    run("2001:db8:64::/96", 12, [](Gateway& g) {
        g.cfg.xlat.copy_traffic_class = false;
        g.cfg.xlat.override_tos = 0x28;
        g.mtu(6, 1280);
    });
    run("2001:db8:64::/96", 13, [](Gateway& g) {
        g.mtu(4, 1280);
        g.cfg.xlat.lowest_ipv6_mtu = 1500;
        g.cfg.nat.address_dependent_filtering = true;
    });
    run("2001:db8:64::/96", 14, [](Gateway& g) {
        g.cfg.xlat.mss_clamp_64 = g.cfg.xlat.mss_clamp_46 = 1220;
        g.cfg.nat.limits.ports_per_subscriber = 2;
        g.cfg.nat.limits.sessions_per_binding = 1;
        g.cfg.nat.limits.new_sessions_per_second = 2;
    });
    run("2001:db8:64::/96", 15, [](Gateway& g) {
        g.cfg.nat.n_excluded = 1;
        g.cfg.nat.excluded[0] = {*Prefix4::parse("203.0.113.4/30"), 443, 443};
        g.cfg.nat.drop_external_tcp = true;
        g.cfg.nat.preserve_parity = true;
    });
}

TEST_CASE("a traced packet becomes what it would have become, byte for byte and count for count") {
    pipeline::TraceFilter all, some, drops;
    some.subscriber = *Prefix6::parse("2001:db8:1:2::/64");
    drops.only_drops = true;
    unsigned seed = 21;
    for (const auto& filter : {all, some, drops}) {
        Twins twins("2001:db8:64::/96");
        twins.trace(filter);
        Traffic traffic(twins, seed++, Flows::many_hosts);
        for (unsigned n = 0; n < 1500; n++) {
            traffic.one();
            const unsigned seconds = traffic.pick(50) == 0 ? 60 * traffic.pick(6) : 0;
            twins.a.wait(seconds);
            twins.b.wait(seconds);
        }
        twins.same_counts();
        CHECK(twins.b.worker[0]->trace.lost() == 0);
        CHECK(twins.records > 50);
        CHECK(twins.a.count(Counter::steady) > 200);
    }
}

TEST_CASE("a flow that was steady is judged anew under a new policy") {
    Twins t("2001:db8:64::/96");
    const auto packet = make(Ip6{"2001:db8:1::5", "2001:db8:64::cb00:7109"}, 17,
                             udp(1234, 53, packets::pattern(9)));
    for (unsigned i = 0; i < 3; i++) t.in(6, packet);
    CHECK(t.a.count(Counter::steady) == 2);
    t.each([](Gateway& g) {
        g.cfg.nat.n_excluded = 1;
        g.cfg.nat.excluded[0].destination = *Prefix4::parse("203.0.113.0/24");
    });
    t.in(6, packet);
    CHECK(t.a.count(Counter::translated_64) == 3);
    CHECK(t.a.drops(Drop::excluded) == 1);
    CHECK(t.a.count(Counter::steady) == 2);
}

TEST_CASE("while a clearing goes on no flow is steady") {
    Twins t("2001:db8:64::/96");
    const auto packet = make(Ip6{"2001:db8:1::5", "2001:db8:64::cb00:7109"}, 17,
                             udp(1234, 53, packets::pattern(9)));
    for (unsigned i = 0; i < 2; i++) t.in(6, packet);
    CHECK(t.a.count(Counter::steady) == 1);
    for (Gateway* g : {&t.a, &t.b}) {
        (void)g->worker[0]->engine.post_clear(nat::ClearOrder{});
        (void)g->turn();
    }
    t.in(6, packet);
    t.same_counts();
    CHECK(t.a.count(Counter::bindings_removed) == 1);
}
