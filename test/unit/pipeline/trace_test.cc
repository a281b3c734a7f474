// SPDX-License-Identifier: Apache-2.0
// Tracing changes nothing about what leaves, and tells the truth about it; the last dropped packets
// are there without being asked for.
#include <catch2/catch.hpp>

#include "test/unit/pipeline/gateway.h"

using namespace gateway;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::pattern;
using packets::udp;
using pipeline::Starts;
using pipeline::TraceEnd;
using pipeline::TraceFilter;
using pipeline::TraceRecord;
using pipeline::TraceWay;

namespace {

constexpr const char* kHost = "2001:db8:1::5";
constexpr const char* kOther = "2001:db8:2::5";
constexpr const char* kServer = "203.0.113.9";
constexpr const char* kServer6 = "2001:db8:64::cb00:7109";
constexpr const char* kPool = "198.51.100.1";

Bytes query(const char* host, unsigned port, unsigned hop_limit = 64) {
    return make(Ip6{host, kServer6, static_cast<std::uint8_t>(hop_limit)}, 17,
                udp(static_cast<std::uint16_t>(port), 53, pattern(20)));
}

TraceFilter of_subscriber(const char* prefix) {
    TraceFilter f;
    f.subscriber = *Prefix6::parse(prefix);
    return f;
}

/// The bytes of a record from the IP header on.
Bytes packet_of(const TraceRecord& r) {
    return {r.bytes.begin() + 14, r.bytes.begin() + r.kept_bytes};
}

std::uint32_t moved(const TraceRecord& r, Counter c) {
    for (unsigned i = 0; i < r.n_moved; i++) {
        if (r.moved[i].counter == c) return r.moved[i].by;
    }
    return 0;
}

std::uint64_t newest(const Gateway& g, Drop why) {
    std::uint64_t serial = 0;
    for (unsigned i = 0; i < pipeline::kDroppedEach; i++) {
        const auto v = g.worker[0]->dropped.read(why, i);
        if (v) serial = std::max(serial, v->serial);
    }
    return serial;
}

}  // namespace

TEST_CASE("a trace shows a packet before and after, and what each stage said") {
    Gateway g;
    auto& trace = g.worker[0]->trace;
    REQUIRE(trace.start(of_subscriber("2001:db8:1::/64"), 10));
    const Bytes first = query(kHost, 1234);
    const auto out = g.in(6, first);
    REQUIRE(out.size() == 1);
    const TraceRecord* r = trace.front();
    REQUIRE(r != nullptr);
    CHECK(r->kind == TraceRecord::Kind::arrived);
    CHECK(r->way == TraceWay::six_to_four);
    CHECK(r->parsed);
    CHECK(r->port == 6);
    CHECK(r->src_id.host() == 1234);
    CHECK(r->found == nat::kNone);
    CHECK(r->used != nat::kNone);
    CHECK(r->t.addr.text() == kPool);
    CHECK(r->end == TraceEnd::sent);
    CHECK(r->why == Drop::none);
    CHECK(moved(*r, Counter::bindings_created) == 1);
    CHECK(packet_of(*r) == first);
    REQUIRE(r->n_shown == 1);
    const unsigned t = r->t.id.host();
    trace.pop();
    r = trace.front();
    REQUIRE(r != nullptr);
    CHECK(r->kind == TraceRecord::Kind::left);
    CHECK(r->port == 4);
    CHECK(packet_of(*r) == out[0].packet);
    trace.pop();

    // The way back is the subscriber's too; the second packet finds the binding.
    const auto back = g.in(4, make(Ip4{kServer, kPool, 60}, 17, udp(53, t, pattern(9))));
    REQUIRE(back.size() == 1);
    r = trace.front();
    REQUIRE(r != nullptr);
    CHECK(r->way == TraceWay::four_to_six);
    CHECK(r->found != nat::kNone);
    CHECK(r->x.addr.text() == kHost);
    CHECK(moved(*r, Counter::bindings_created) == 0);
    trace.pop();
    trace.pop();
    CHECK(trace.front() == nullptr);
    CHECK(g.outstanding == 0);
}

TEST_CASE("a trace leaves alone what does not match, and the order of all") {
    Gateway plain, traced;
    std::vector<Bytes> all;
    for (unsigned i = 0; i < 40; i++) {
        all.push_back(query(i % 3 == 0 ? kHost : kOther, 1000 + i, i % 7 == 0 ? 1 : 64));
    }
    REQUIRE(traced.worker[0]->trace.start(of_subscriber("2001:db8:1::5/128"), 1000));
    const auto want = plain.in_burst(6, all);
    const auto got = traced.in_burst(6, all);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); i++) {
        CHECK(got[i].port == want[i].port);
        CHECK(got[i].packet.size() == want[i].packet.size());
    }
    unsigned arrivals = 0;
    auto& trace = traced.worker[0]->trace;
    for (const TraceRecord* r = trace.front(); r != nullptr; trace.pop(), r = trace.front()) {
        if (r->kind != TraceRecord::Kind::arrived) continue;
        CHECK(r->src_id.host() == 1000 + 3 * arrivals);
        CHECK(r->why == (arrivals * 3 % 7 == 0 ? Drop::hop_limit : Drop::none));
        arrivals++;
    }
    CHECK(arrivals == 14);
    CHECK(traced.outstanding == 0);
    CHECK(traced.worker[0]->engine.check() == nullptr);
}

TEST_CASE("a trace of one drop reason shows that and nothing else") {
    Gateway g;
    auto& trace = g.worker[0]->trace;
    TraceFilter f;
    f.only_drops = true;
    f.why = Drop::no_binding;
    REQUIRE(trace.start(f, 10));
    (void)g.in(6, query(kHost, 1));
    (void)g.in(6, query(kHost, 1, 1));
    (void)g.in(4, make(Ip4{kServer, kPool, 60}, 17, udp(53, 7, pattern(9))));
    const TraceRecord* r = trace.front();
    REQUIRE(r != nullptr);
    CHECK(r->why == Drop::no_binding);
    CHECK(r->end == TraceEnd::dropped);
    CHECK(r->way == TraceWay::four_to_six);
    for (unsigned i = r->n_shown + 1U; i > 0; i--) trace.pop();
    CHECK(trace.front() == nullptr);
}

TEST_CASE("a trace ends by its count, by stop, and never overruns its ring") {
    Gateway g;
    auto& trace = g.worker[0]->trace;
    REQUIRE(trace.start({}, 3));
    CHECK_FALSE(trace.start({}, 3));
    for (unsigned i = 0; i < 5; i++) (void)g.in(6, query(kHost, 1));
    unsigned arrivals = 0;
    for (; trace.front() != nullptr; trace.pop())
        arrivals += trace.front()->kind == TraceRecord::Kind::arrived ? 1 : 0;
    CHECK(arrivals == 3);
    trace.stop();
    CHECK_FALSE(trace.is_idle());
    (void)g.turn();
    CHECK(trace.is_idle());

    REQUIRE(trace.start({}, 100000));
    for (unsigned i = 0; i < pipeline::kTraceRing; i++) (void)g.in(6, query(kHost, 1));
    CHECK(trace.lost() > 0);
    unsigned records = 0;
    for (; trace.front() != nullptr; trace.pop()) records++;
    CHECK(records <= pipeline::kTraceRing);
    CHECK(records + 2 * trace.lost() >= pipeline::kTraceRing);
    CHECK(g.outstanding == 0);
}

TEST_CASE("the last dropped packets of each reason are kept, whatever floods") {
    Gateway g;
    (void)g.in(6, query(kHost, 77, 1));
    for (unsigned i = 0; i < 1000; i++) {
        g.now = Now::at(Nanos{g.now.ns.v + 1000});
        (void)g.in(4, make(Ip4{kServer, kPool, 60}, 17, udp(53, 7, pattern(300))));
    }
    const auto rare = g.worker[0]->dropped.read(Drop::hop_limit, 0);
    REQUIRE(rare);
    CHECK(rare->serial == 1);
    CHECK(rare->at == Nanos{1000 * kNanosPerSecond});
    CHECK(rare->port == 6);
    CHECK(rare->starts == Starts::at_ip);
    const Bytes want = query(kHost, 77, 1);
    REQUIRE(rare->len_bytes == want.size());
    CHECK(Bytes(rare->bytes.begin(), rare->bytes.begin() + rare->kept_bytes) == want);
    CHECK_FALSE(g.worker[0]->dropped.read(Drop::hop_limit, 1));
    CHECK(newest(g, Drop::no_binding) == 1000);
    const auto flood = g.worker[0]->dropped.read(Drop::no_binding, 0);
    REQUIRE(flood);
    CHECK(flood->len_bytes == 20 + 8 + 300);
    CHECK(flood->kept_bytes == pipeline::kDroppedBytes);
    CHECK(flood->serial > 1000 - pipeline::kDroppedEach);
}

TEST_CASE("one burst fills the slots of a reason once") {
    Gateway g;
    std::vector<Bytes> all;
    for (unsigned i = 0; i < 100; i++) all.push_back(query(kHost, i, 1));
    (void)g.in_burst(6, all);
    CHECK(g.drops(Drop::hop_limit) == 100);
    CHECK(newest(g, Drop::hop_limit) == pipeline::kDroppedEach);
}

TEST_CASE("a frame that was no packet of ours is kept from its link header on") {
    Gateway g;
    (void)g.in(6, make(Ip6{kHost, "2001:db8:ffff::1", 64}, 17, udp(1, 2, pattern(4))));
    const auto v = g.worker[0]->dropped.read(Drop::not_translated, 0);
    REQUIRE(v);
    CHECK(v->starts == Starts::at_link);
    CHECK(v->bytes[12] == 0x86);
}
