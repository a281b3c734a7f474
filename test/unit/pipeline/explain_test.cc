// SPDX-License-Identifier: Apache-2.0
// What explain says is what then happens: before each of many random packets the question is asked,
// then the packet is given to the gateway. And asking changes nothing: a second gateway, that
// nobody asks, sends the same bytes.
#include "dataplane/pipeline/explain.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "common/net/rfc6052.h"
#include "test/unit/pipeline/gateway.h"

using namespace gateway;
using packets::icmp;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::pattern;
using packets::tcp;
using packets::udp;
using pipeline::ExplainQuery;
using pipeline::Explanation;

namespace {

constexpr unsigned kProtocol6[] = {17, 6, 58}, kProtocol4[] = {17, 6, 1};

Bytes transport(const ExplainQuery& q, std::size_t room) {
    const Bytes data = pattern(room - (q.proto == Proto::tcp ? 20 : 8));
    if (q.proto == Proto::udp) return udp(q.src_id.host(), q.dst_id.host(), data);
    if (q.proto == Proto::tcp) return tcp(q.src_id.host(), q.dst_id.host(), q.flags.bits, data);
    return icmp(q.v6 ? 128 : 8, 0, std::uint32_t{q.src_id.host()} << 16, data);
}

/// The packet that a question is about.
Bytes packet_of(const ExplainQuery& q) {
    const auto p = static_cast<unsigned>(q.proto);
    const std::string src = q.v6 ? q.src6.text() : q.src4.text();
    const std::string dst = q.v6 ? q.dst6.text() : q.dst4.text();
    if (q.v6) return make(Ip6{src.c_str(), dst.c_str()}, kProtocol6[p], transport(q, q.bytes - 40));
    Ip4 h{src.c_str(), dst.c_str()};
    h.fragment = ipv4_at::kDf;
    return make(h, kProtocol4[p], transport(q, q.bytes - 20));
}

unsigned owner(const Gateway& g, const ExplainQuery& q) {
    if (q.v6) return nat::owner_of_subscriber(g.cfg.nat, q.src6);
    const int slot = g.cfg.nat.slot_of(q.dst4);
    return slot < 0 ? 0 : g.cfg.nat.owner_of(static_cast<unsigned>(slot), q.dst_id.host(), q.proto);
}

Explanation ask(Gateway& g, const ExplainQuery& q) {
    return pipeline::explain(q, g.cfg, *g.worker[owner(g, q)], g.now);
}

/// What is said of the whole way; of a hairpinned packet, of both its halves. Nothing: the second
/// one depends on what the first one will make (it may be its own peer, or use up its own quota).
std::optional<Drop> verdict(Gateway& g, const ExplainQuery& q) {
    const Explanation e = ask(g, q);
    if (e.why != Drop::none || !e.is_hairpin) return e.why;
    if (e.nat.makes_session) return std::nullopt;
    ExplainQuery back = q;
    back.v6 = false;
    back.hairpin = true;
    back.src4 = e.nat.t.addr;
    back.src_id = e.nat.t.id;
    back.dst4 = e.z;
    back.bytes = q.bytes - 20;
    if (q.proto == Proto::icmp) back.src_id = back.dst_id = e.nat.t.id;
    return ask(g, back).why;
}

using Tally = std::array<std::uint64_t, kDropCount>;
Tally tally(const Gateway& g) {
    Tally t{};
    for (std::size_t i = 0; i < kDropCount; i++) t[i] = g.drops(static_cast<Drop>(i));
    return t;
}
Drop moved(const Tally& before, const Tally& after) {
    for (std::size_t i = 1; i < kDropCount; i++) {
        if (before[i] != after[i]) return static_cast<Drop>(i);
    }
    return Drop::none;
}

class Trial {
public:
    Trial(unsigned seed, unsigned n_workers)
        : asked("2001:db8:64::/96", n_workers),
          plain("2001:db8:64::/96", n_workers),
          random_(seed) {}

    void each(void (*change)(Gateway&)) {
        for (Gateway* g : {&asked, &plain}) {
            change(*g);
            g->changed();
            (void)g->turn();
        }
    }
    void one() {
        const ExplainQuery q = pick(2) == 0 || known_.empty() ? from_v6() : from_v4();
        const std::optional<Drop> said = verdict(asked, q);
        const Tally before = tally(asked);
        const std::uint64_t translated = count(asked), held = asked.count(Counter::neighbour_held);
        const Bytes p = packet_of(q);
        const auto out = asked.in(q.v6 ? 6 : 4, p);
        const Drop done = moved(before, tally(asked));
        INFO((q.v6 ? q.src6.text() : q.src4.text())
             << " " << q.src_id.host() << " -> " << (q.v6 ? q.dst6.text() : q.dst4.text()) << " "
             << q.dst_id.host() << " " << name_of(q.proto) << " flags " << int{q.flags.bits} << " "
             << q.bytes << " bytes");
        const Tally after = tally(asked);
        // An error that answers a drop may be dropped in its turn.
        const auto at = static_cast<std::size_t>(said.value_or(done));
        if (said && (*said == Drop::none || after[at] == before[at]))
            REQUIRE(info_of(done).name == info_of(*said).name);
        if (done == Drop::none) {
            REQUIRE(count(asked) > translated);
            REQUIRE((!out.empty() || asked.count(Counter::neighbour_held) > held));
            remember(q, out);
        }
        seen.insert(done);
        const auto other = plain.in(q.v6 ? 6 : 4, p);
        REQUIRE(out.size() == other.size());
        for (std::size_t i = 0; i < out.size(); i++) REQUIRE(out[i].packet == other[i].packet);
    }
    void wait(unsigned seconds) {
        // Mostly without a turn: what is dead then is still there.
        for (Gateway* g : {&asked, &plain})
            g->now = Now::at(Nanos{g->now.ns.v + seconds * kNanosPerSecond});
        if (pick(4) != 0) return;
        asked.wait(1);
        plain.wait(1);
    }
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

    Gateway asked, plain;
    std::set<Drop> seen;

private:
    static std::uint64_t count(const Gateway& g) {
        return g.count(Counter::translated_64) + g.count(Counter::translated_46);
    }
    Proto proto() { return static_cast<Proto>(pick(kProtos)); }
    TcpFlags flags() {
        static constexpr std::uint8_t kFlags[] = {0x02, 0x02, 0x10, 0x12, 0x11, 0x04};
        return {kFlags[pick(6)]};
    }
    std::uint32_t bytes() { return pick(5) == 0 ? 1200 + pick(400) : 64 + pick(100); }
    ExplainQuery from_v6() {
        ExplainQuery q;
        q.proto = proto();
        q.flags = flags();
        q.bytes = bytes();
        const std::string host = pick(30) == 0 ? "fe80::1"
                                               : "2001:db8:1:" + std::to_string(pick(3)) +
                                                     "::" + std::to_string(1 + pick(2));
        q.src6 = *Ipv6Addr::parse(host);
        q.src_id = Be16{static_cast<std::uint16_t>(2000 + pick(12))};
        q.dst_id = Be16{static_cast<std::uint16_t>(pick(2) == 0 ? 443 : 53)};
        static constexpr const char* kTo[] = {"203.0.113.1",  "203.0.113.2", "203.0.113.5",
                                              "198.51.100.1", "127.0.0.1",   "203.0.113.9"};
        Ipv4Addr z = *Ipv4Addr::parse(kTo[pick(6)]);
        if (z == Ipv4Addr::of(198, 51, 100, 1) && !known_.empty() && q.proto != Proto::icmp)
            q.dst_id = known_[pick(static_cast<unsigned>(known_.size()))].id;
        q.dst6 = embed(*Pref64::parse("2001:db8:64::/96"), z);
        if (pick(40) == 0) q.dst6 = *Ipv6Addr::parse("2001:db8:ffff::1");
        if (q.proto == Proto::icmp) q.dst_id = q.src_id;
        return q;
    }
    ExplainQuery from_v4() {
        const Known& k = known_[pick(static_cast<unsigned>(known_.size()))];
        ExplainQuery q;
        q.v6 = false;
        q.proto = k.proto;
        q.flags = flags();
        q.bytes = bytes();
        q.src4 = pick(3) == 0 ? Ipv4Addr::of(203, 0, 113, 1 + pick(9)) : k.z;
        if (pick(40) == 0) q.src4 = Ipv4Addr::of(198, 51, 100, 1);
        q.src_id = Be16{static_cast<std::uint16_t>(pick(3) == 0 ? 99 : 443)};
        q.dst4 = Ipv4Addr::of(198, 51, 100, 1);
        q.dst_id = pick(5) == 0 ? Be16{static_cast<std::uint16_t>(1024 + pick(9))} : k.id;
        if (q.proto == Proto::icmp) q.src_id = q.dst_id;
        return q;
    }
    void remember(const ExplainQuery& q, const std::vector<Sent>& out) {
        if (!q.v6 || out.size() != 1 || (out[0].packet[0] >> 4) != 4) return;
        const std::size_t at = q.proto == Proto::icmp ? 24 : 20;
        known_.push_back({Be16{static_cast<std::uint16_t>(packets::get16(out[0].packet, at))},
                          extract(q.dst6, 96), q.proto});
        if (known_.size() > 24) known_.erase(known_.begin());
    }
    struct Known {
        Be16 id;
        Ipv4Addr z;
        Proto proto;
    };
    std::vector<Known> known_;
    std::mt19937 random_;
};

std::set<Drop> run(unsigned seed, void (*change)(Gateway&), unsigned n_workers = 1) {
    INFO("seed " << seed);
    Trial t(seed, n_workers);
    t.each(change);
    for (unsigned n = 0; n < 3000; n++) {
        t.one();
        if (t.pick(20) == 0) t.wait(t.pick(6) == 0 ? 70 * t.pick(6) : t.pick(3));
    }
    for (auto* w : t.asked.worker) CHECK(w->engine.check() == nullptr);
    return t.seen;
}

}  // namespace

TEST_CASE("explain says what then happens, and asking changes nothing") {
    const auto seen = run(1, [](Gateway&) {});
    for (const Drop d : {Drop::none, Drop::tcp_not_syn, Drop::no_binding, Drop::tcp_syn_stored,
                         Drop::too_big, Drop::destination_illegal, Drop::source_illegal,
                         Drop::source_in_pool4, Drop::not_translated}) {
        INFO(info_of(d).name);
        CHECK(seen.count(d) == 1);
    }
    run(
        2, [](Gateway&) {}, 3);
}

TEST_CASE("explain says what then happens under limits, rates and filters") {
    const auto limits = run(3, [](Gateway& g) {
        g.cfg.nat.limits.ports_per_subscriber = 3;
        g.cfg.nat.limits.sessions_per_subscriber = 8;
        g.cfg.nat.limits.sessions_per_binding = 2;
    });
    CHECK(limits.count(Drop::subscriber_ports) == 1);
    CHECK(limits.count(Drop::subscriber_sessions) == 1);
    CHECK(limits.count(Drop::binding_sessions) == 1);
    const auto rate = run(4, [](Gateway& g) { g.cfg.nat.limits.new_sessions_per_second = 2; });
    CHECK(rate.count(Drop::subscriber_rate) == 1);
    const auto filter = run(5, [](Gateway& g) {
        g.cfg.nat.address_dependent_filtering = true;
        g.cfg.nat.n_excluded = 1;
        g.cfg.nat.excluded[0] = {*Prefix4::parse("203.0.113.4/30"), 443, 443};
    });
    CHECK(filter.count(Drop::filtered) == 1);
    CHECK(filter.count(Drop::excluded) == 1);
    const auto external = run(6, [](Gateway& g) { g.cfg.nat.drop_external_tcp = true; });
    CHECK(external.count(Drop::tcp_external_refused) == 1);
}

TEST_CASE("explain says what then happens when the pool or the subscriber's blocks run out") {
    const auto pool = run(7, [](Gateway& g) {
        g.cfg.nat.slot[0].first_port = 2000;
        g.cfg.nat.slot[0].last_port = 2007;
    });
    CHECK(pool.count(Drop::pool4_exhausted) == 1);
    const auto blocks = run(8, [](Gateway& g) {
        g.cfg.nat.blocks.bits = 6;
        g.cfg.nat.blocks.most = 1;
        g.cfg.nat.slot[0].first_port = 1024;
        g.cfg.nat.slot[0].last_port = 1151;
        g.cfg.nat.lifetimes.port_hold = ticks_of_seconds(600);
        g.cfg.nat.blocks.hold = ticks_of_seconds(600);
    });
    CHECK(blocks.count(Drop::pool4_exhausted) == 1);
    run(9, [](Gateway& g) {
        auto& d = g.cfg.nat.deterministic;
        d.on = true;
        d.inside = *Prefix6::parse("2001:db8:1::/48");
        d.first_port = 1024;
        d.ports_each = 8;
        d.per_address = 65536 / 8 - 128;
        d.n_slots = 1;
        g.cfg.nat.slot[0].det_order = 1;
    });
}

TEST_CASE("explain says what then happens when links are small, away, or nobody answers") {
    const auto small = run(10, [](Gateway& g) {
        g.mtu(4, 1280);
        g.mtu(6, 1280);
    });
    CHECK(small.count(Drop::too_big) == 1);
    const auto away = run(11, [](Gateway& g) { g.forget_route(4); });
    CHECK(away.count(Drop::no_route) == 1);
    Trial t(12, 1);
    t.each([](Gateway& g) { g.forget_neighbour(4); });
    ExplainQuery q;
    q.src6 = *Ipv6Addr::parse("2001:db8:1::5");
    q.dst6 = *Ipv6Addr::parse("2001:db8:64::cb00:7101");
    q.src_id = Be16{1};
    q.dst_id = Be16{53};
    const Explanation e = ask(t.asked, q);
    CHECK(e.why == Drop::none);
    CHECK(e.way.adjacency.state == pipeline::Adjacency::State::unresolved);
}

TEST_CASE("an explanation names prefix, binding, port, quota and way") {
    Gateway g;
    g.cfg.nat.limits.new_sessions_per_second = 5;
    g.changed();
    (void)g.turn();
    ExplainQuery q;
    q.proto = Proto::tcp;
    q.flags = {0x02};
    q.src6 = *Ipv6Addr::parse("2001:db8:1::5");
    q.dst6 = *Ipv6Addr::parse("2001:db8:64::cb00:7109");
    q.src_id = Be16{4000};
    q.dst_id = Be16{443};
    q.bytes = 60;
    Explanation e = ask(g, q);
    CHECK(e.why == Drop::none);
    CHECK(e.path == pipeline::Path::d64);
    CHECK(e.prefix == 0);
    CHECK(e.z.text() == "203.0.113.9");
    CHECK(e.way.adjacency.port == 4);
    CHECK_FALSE(e.nat.has_binding);
    CHECK_FALSE(e.nat.knows_subscriber);
    CHECK(e.nat.makes_session);
    CHECK(e.nat.from == nat::Forecast::From::pool);
    CHECK(e.nat.t.addr.text() == "198.51.100.1");
    CHECK(e.nat.ports_free == 64512);
    CHECK(e.nat.rate_left == 5);
    CHECK(g.count(Counter::bindings_created) == 0);
    REQUIRE(g.in(6, packet_of(q)).size() == 1);
    // Through the mailbox, as the agent asks.
    const auto& box = g.worker[0]->explain;
    CHECK(box.is_answered());
    g.worker[0]->explain.ask(q);
    CHECK_FALSE(box.is_answered());
    (void)g.turn();
    REQUIRE(box.is_answered());
    e = box.answer();
    CHECK(e.nat.has_binding);
    CHECK(e.nat.has_session);
    CHECK_FALSE(e.nat.makes_session);
    CHECK(e.nat.subscriber.n_sessions == 1);
    CHECK(e.nat.rate_left == 4);
    CHECK(e.nat.t.id.host() != 0);
}
