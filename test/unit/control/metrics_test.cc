// SPDX-License-Identifier: Apache-2.0
#include "control/web/metrics.h"

#include <catch2/catch.hpp>
#include <set>

#include "common/stats/counters.h"
#include "control/web/status.h"

using namespace isthmus;
using namespace isthmus::control;

namespace {

std::shared_ptr<Sample> sample() {
    auto s = std::make_shared<Sample>();
    s->up = true;
    s->unix_ns = s->seen_unix_ns = unix_now_ns();
    s->metrics = api::from_text(R"({"instance":"a","version":"1","started":5,"generation":3,
        "workers":[{"id":0,"cpu":2,"bindings":7,"sessions":9,"busy_cycles":500,"cycles_per_second":1000}],
        "counters":{"translated_64":11,"translated_46":12},"drops":{"hop_limit":4},
        "ports":[{"name":"p6","link":"up","link_mbps":10000}],
        "pools":[{"address":"203.0.113.1","pool":"default","udp_in_use":3,"udp_free":61}],
        "ports_of_subscribers":[1,0,2],"sessions_of_subscribers":[0,0,0]})");
    return s;
}

const prometheus::MetricFamily& family(const std::vector<prometheus::MetricFamily>& all,
                                       const std::string& name) {
    for (const auto& f : all) {
        if (f.name == name) return f;
    }
    FAIL("no family " << name);
    return all.front();
}

}  // namespace

TEST_CASE("every counter and drop reason is a metric, each family once, each with help") {
    const auto all = metrics_of({sample(), {}, 1, 0, true, false});
    std::set<std::string> names;
    for (const auto& f : all) {
        INFO(f.name);
        CHECK(names.insert(f.name).second);
        CHECK(f.name.rfind("isthmus_", 0) == 0);
        CHECK_FALSE(f.help.empty());
        CHECK((f.type == prometheus::MetricType::Counter) == f.name.ends_with("_total"));
    }
    CHECK(family(all, "isthmus_dropped_packets_total").metric.size() == kDrops.size() - 1);
    CHECK(all.size() > kCounterCount);
    for (const std::string& name : names) {
        INFO(name);
        CHECK(metrics_manual().find("`" + name + "`") != std::string::npos);
    }
}

TEST_CASE("values come from the dataplane's document") {
    const auto all = metrics_of({sample(), {}, 1, 0, true, false});
    const auto& packets = family(all, "isthmus_translated_packets_total");
    REQUIRE(packets.metric.size() == 2);
    CHECK(packets.metric[0].counter.value == 11);
    CHECK(family(all, "isthmus_port_up").metric[0].gauge.value == 1);
    CHECK(family(all, "isthmus_port_speed_bytes_per_second").metric[0].gauge.value == 1.25e9);
    const auto& h = family(all, "isthmus_subscriber_ports").metric[0].histogram;
    REQUIRE(h.bucket.size() == 3);
    CHECK(h.bucket[1].cumulative_count == 1);
    CHECK(h.sample_count == 3);
    CHECK(h.sample_sum == 3);
}

TEST_CASE(
    "a dataplane that was never seen leaves its metrics out; one that is away keeps its counters") {
    const auto none = metrics_of({std::make_shared<Sample>(), {}, 1, 0, false, false});
    for (const auto& f : none) CHECK(f.name.find("isthmus_worker") == std::string::npos);
    CHECK(family(none, "isthmus_dataplane_up").metric[0].gauge.value == 0);
    auto s = sample();
    s->up = false;
    CHECK(family(metrics_of({s, {}, 1, 0, true, false}), "isthmus_translated_packets_total")
              .metric[0]
              .counter.value == 11);
}

TEST_CASE("rates are of one dataplane's life; a counter that went back is no rate") {
    auto before = sample(), now = sample();
    now->seen_unix_ns = before->seen_unix_ns + 2 * kNanosPerSecond;
    now->metrics["counters"]["translated_64"] = 211;
    now->metrics["drops"]["hop_limit"] = 8;
    now->metrics["workers"][0]["busy_cycles"] = 1500;
    const Rates r = rates_between(*before, *now);
    CHECK(r.to_ipv4_packets == Approx(100));
    CHECK(r.drops == Approx(2));
    CHECK(r.busy[0] == Approx(0.5));
    CHECK(rates_between(*now, *before).to_ipv4_packets == 0);
    now->metrics["instance"] = "b";
    CHECK(rates_between(*before, *now).to_ipv4_packets == 0);
}

TEST_CASE("the page's document is JSON without subscribers; the page loads nothing") {
    auto s = sample();
    s->trouble = "a \"quoted\" \xff byte";
    const auto j = api::from_text(status_json({s, {}, 1, 0, true, false}, {{1, true, "x"}}));
    REQUIRE(j.is_object());
    CHECK(j["pools"][0]["udp"]["in_use"] == 3);
    CHECK(j["drops"][0]["reason"] == "hop_limit");
    CHECK(api::from_text(history_json({Rates{}})).size() == 1);
    for (const char* no : {"http://", "https://", "src=", "href=", "@import"})
        CHECK(status_page().find(no) == std::string::npos);
}
