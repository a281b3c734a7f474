// SPDX-License-Identifier: Apache-2.0
// Two gateways that get the same packets at the same times; one of them may not take the short way,
// or traces. What leaves and what is counted must be the same.
#pragma once

#include <catch2/catch.hpp>
#include <vector>

#include "test/unit/pipeline/gateway.h"

namespace gateway {

struct Twins {
    explicit Twins(const char* pref64) : prefix(*Pref64::parse(pref64)), a(pref64), b(pref64) {
        b.cfg.short_way = false;
    }

    void each(void (*fn)(Gateway&)) {
        fn(a);
        fn(b);
        a.changed();
        b.changed();
    }
    void in(unsigned port, const Bytes& packet) {
        if (tracing) drain();
        same(a.in(port, packet), b.in(port, packet));
    }
    void in_burst(unsigned port, const std::vector<Bytes>& packets) {
        same(a.in_burst(port, packets), b.in_burst(port, packets));
    }
    void wait(unsigned seconds) { same(a.wait(seconds), b.wait(seconds)); }
    void same(const std::vector<Sent>& from_a, const std::vector<Sent>& from_b) {
        REQUIRE(from_a.size() == from_b.size());
        for (std::size_t i = 0; i < from_a.size(); i++) {
            REQUIRE(from_a[i].port == from_b[i].port);
            REQUIRE(from_a[i].packet == from_b[i].packet);
        }
        last = from_a.empty() ? Bytes{} : from_a[0].packet;
    }
    void same_counts() const {
        for (std::size_t i = 0; i < kCounterCount; i++) {
            const auto c = static_cast<Counter>(i);
            INFO(kCounters[i].name);
            if (c != Counter::steady || tracing) CHECK(a.count(c) == b.count(c));
        }
        for (std::size_t i = 0; i < kDropCount; i++) {
            INFO(kDrops[i].name);
            CHECK(a.drops(static_cast<Drop>(i)) == b.drops(static_cast<Drop>(i)));
        }
        if (!tracing) CHECK(b.count(Counter::steady) == 0);
        CHECK(a.worker[0]->engine.check() == nullptr);
    }
    /// Instead of the long way for all: `b` records what matches, and goes on as it was.
    void trace(const pipeline::TraceFilter& filter) {
        tracing = true;
        b.cfg.short_way = true;
        b.changed();
        REQUIRE(b.worker[0]->trace.start(filter, 1'000'000));
    }
    void drain() {
        auto& trace = b.worker[0]->trace;
        for (; trace.front() != nullptr; trace.pop()) records++;
    }
    Pref64 prefix;
    Gateway a, b;
    Bytes last;
    bool tracing = false;
    unsigned records = 0;
};

}  // namespace gateway
