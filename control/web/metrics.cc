// SPDX-License-Identifier: Apache-2.0
#include "control/web/metrics.h"

#include <cmath>
#include <limits>
#include <map>
#include <string_view>

#include "control/web/metric_rows.h"

namespace isthmus::control {

using api::Json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;

namespace {

struct Named {
    std::string name, label, value;
};
Named named(const CounterInfo& c) {
    for (const CounterName& n : kCounterNames) {
        if (n.id == c.id) return {std::string(n.name), std::string(n.label), std::string(n.value)};
    }
    return {"isthmus_" + std::string(c.name) + "_total", "", ""};
}

std::string help_of(const CounterInfo& c, const Named& n) {
    if (n.label == "direction") return "packets translated";
    if (n.label == "family") return "ICMP errors made here";
    return std::string(c.help);
}

double number(const Json& object, std::string_view name) {
    if (!object.is_object()) return 0;
    const auto at = object.find(name);
    if (at == object.end()) return 0;
    if (at->is_boolean()) return at->get<bool>() ? 1 : 0;
    if (at->is_string()) return *at == "up" ? 1 : 0;
    return at->is_number() ? at->get<double>() : 0;
}

class Builder {
public:
    void add(std::string_view name, MetricType type, std::string_view help, double v,
             std::vector<ClientMetric::Label> labels = {}) {
        ClientMetric m;
        m.label = std::move(labels);
        if (type == MetricType::Counter) {
            m.counter.value = v;
        } else {
            m.gauge.value = v;
        }
        family(name, type, help).metric.push_back(std::move(m));
    }
    MetricFamily& family(std::string_view name, MetricType type, std::string_view help) {
        const auto [at, fresh] = place_.emplace(name, families.size());
        if (fresh) families.push_back({std::string(name), std::string(help), type, {}});
        return families[at->second];
    }
    std::vector<MetricFamily> families;

private:
    std::map<std::string, std::size_t, std::less<>> place_;
};

const MetricRow& row(std::string_view name) {
    for (const MetricRow& r : kMetrics) {
        if (r.name == name) return r;
    }
    return kMetrics.front();
}

void self(Builder& b, std::string_view name, double v,
          std::vector<ClientMetric::Label> labels = {}) {
    const MetricRow& r = row(name);
    b.add(r.name, r.type, r.help, v, std::move(labels));
}

/// Buckets of nat::ShareHistogram: b counts those with at most 2^b.
void histogram(Builder& b, std::string_view name, const Json& buckets, double sum) {
    const MetricRow& r = row(name);
    ClientMetric m;
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < buckets.size(); i++) {
        n += buckets[i].is_number_unsigned() ? buckets[i].get<std::uint64_t>() : 0;
        const bool last = i + 1 == buckets.size();
        const double bound = std::ldexp(1.0, static_cast<int>(i));
        m.histogram.bucket.push_back({n, last ? std::numeric_limits<double>::infinity() : bound});
    }
    m.histogram.sample_count = n;
    m.histogram.sample_sum = sum;
    b.family(r.name, r.type, r.help).metric.push_back(std::move(m));
}

/// Labels and the keys of an object that they are from.
using Labels = std::vector<std::pair<const char*, const char*>>;

void rows_of(Builder& b, MetricOf of, const Json& objects, const Labels& from) {
    for (const MetricRow& r : kMetrics) {
        if (r.of != of) continue;
        for (const Json& o : objects) {
            if (!o.is_object()) continue;
            std::vector<ClientMetric::Label> labels;
            for (const auto& [label, key] : from) {
                const Json id = o.value(key, Json());
                labels.push_back(
                    {label, id.is_string() ? id.get<std::string>() : api::to_text(id)});
            }
            if (!r.label.empty()) labels.push_back({std::string(r.label), std::string(r.value)});
            b.add(r.name, r.type, r.help, r.factor * number(o, r.field), std::move(labels));
        }
    }
}

Json outlets_of(const EventLog::Facts& logs) {
    Json out = Json::array();
    for (const Outlet::Facts& f : logs.outlets) {
        out.push_back({{"name", f.name},
                       {"type", f.type},
                       {"up", f.up},
                       {"delivered", f.delivered},
                       {"lost", f.lost},
                       {"failures", f.failures},
                       {"spooled", f.spooled_bytes}});
    }
    return out;
}

void own(Builder& b, const MetricSource& s) {
    const Json& m = s.sample->metrics;
    const std::string there = api::text_of(m, "version");
    self(b, "isthmus_build_info", 1,
         {{"control", ISTHMUS_VERSION}, {"dataplane", there.empty() ? "unknown" : there}});
    self(b, "isthmus_control_start_time_seconds", static_cast<double>(s.started_unix_s));
    self(b, "isthmus_control_scrapes_total", static_cast<double>(s.scrapes));
    self(b, "isthmus_dataplane_up", s.sample->up ? 1 : 0);
    self(b, "isthmus_policy_applied", s.policy_applied ? 1 : 0);
    self(b, "isthmus_policy_waits_for_confirmation", s.waits_for_confirmation ? 1 : 0);
    self(b, "isthmus_log_waiting_records", static_cast<double>(s.logs.backlog));
    self(b, "isthmus_log_records_total", static_cast<double>(s.logs.records));
    self(b, "isthmus_log_lost_records_total", static_cast<double>(s.logs.lost));
    self(b, "isthmus_log_gaps_total", static_cast<double>(s.logs.gaps));
    self(b, "isthmus_log_newest_record_time_seconds",
         static_cast<double>(s.logs.newest_unix_ns) / static_cast<double>(kNanosPerSecond));
    rows_of(b, MetricOf::outlets, outlets_of(s.logs), {{"outlet", "name"}, {"type", "type"}});
}

void dataplane(Builder& b, const Json& m) {
    self(b, "isthmus_dataplane_start_time_seconds", number(m, "started"));
    self(b, "isthmus_policy_generation", number(m, "generation"));
    const Json drops = m.value("drops", Json::object()),
               counters = m.value("counters", Json::object());
    for (const DropInfo& d : kDrops) {
        if (d.id != Drop::none)
            self(b, "isthmus_dropped_packets_total", number(drops, d.name),
                 {{"reason", std::string(d.name)}});
    }
    for (const CounterInfo& c : kCounters) {
        const Named n = named(c);
        std::vector<ClientMetric::Label> labels;
        if (!n.label.empty()) labels.push_back({n.label, n.value});
        b.add(n.name, kCounterType, help_of(c, n), number(counters, c.name), std::move(labels));
    }
    const Json workers = api::list_in(m, "workers"), pools = api::list_in(m, "pools");
    double sessions = 0, ports = 0;
    for (const Json& w : workers) sessions += number(w, "sessions");
    for (const Json& p : pools) {
        for (const char* key : {"udp_in_use", "tcp_in_use", "icmp_in_use"}) ports += number(p, key);
    }
    histogram(b, "isthmus_subscriber_ports", api::list_in(m, "ports_of_subscribers"), ports);
    histogram(b, "isthmus_subscriber_sessions", api::list_in(m, "sessions_of_subscribers"),
              sessions);
    rows_of(b, MetricOf::workers, workers, {{"worker", "id"}});
    rows_of(b, MetricOf::ports, api::list_in(m, "ports"), {{"port", "name"}});
    rows_of(b, MetricOf::pools, pools, {{"pool", "pool"}, {"address", "address"}});
}

}  // namespace

std::vector<MetricFamily> metrics_of(const MetricSource& s) {
    Builder b;
    own(b, s);
    // Of a dataplane that was never seen there is nothing to tell.
    if (s.sample->metrics.contains("instance")) {
        dataplane(b, s.sample->metrics);
        const auto age = static_cast<double>(unix_now_ns() - s.sample->seen_unix_ns);
        self(b, "isthmus_dataplane_sample_age_seconds", age / static_cast<double>(kNanosPerSecond));
    }
    return std::move(b.families);
}

namespace {

const char* labels_of(MetricOf of) {
    switch (of) {
        case MetricOf::workers:
            return "worker";
        case MetricOf::ports:
            return "port";
        case MetricOf::pools:
            return "pool, address";
        case MetricOf::outlets:
            return "outlet, type";
        case MetricOf::self:
            break;
    }
    return "";
}

}  // namespace

std::string metrics_manual() {
    std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    const auto line = [&](std::string_view name, MetricType type, const std::string& labels,
                          std::string_view help) {
        const char* const kind = type == MetricType::Counter     ? "counter"
                                 : type == MetricType::Histogram ? "histogram"
                                                                 : "gauge";
        out += "| `" + std::string(name) + "` | " + kind + " | " + labels + " | " +
               std::string(help) + " |\n";
    };
    for (const MetricRow& r : kMetrics) {
        if (r.help.empty()) continue;
        std::string labels = labels_of(r.of);
        if (!r.label.empty()) labels += ", " + std::string(r.label);
        if (r.name == "isthmus_dropped_packets_total") labels = "reason";
        if (r.name == "isthmus_build_info") labels = "control, dataplane";
        line(r.name, r.type, labels, r.help);
    }
    std::string before;
    for (const CounterInfo& c : kCounters) {
        const Named n = named(c);
        if (n.name != before) line(n.name, kCounterType, n.label, help_of(c, n));
        before = n.name;
    }
    return out;
}

}  // namespace isthmus::control
