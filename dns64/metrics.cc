// SPDX-License-Identifier: Apache-2.0
#include "dns64/metrics.h"

#include <limits>

#include "dns64/count_rows.h"
#include "dns64/names_of_codes.h"

namespace isthmus::dns64 {

using api::Json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

namespace {

const std::string kPrefix = "isthmus_dns64_";

/// What the rows of upstreams say, by field.
struct ServerRow {
    const char *name, *field, *help;
    MetricType type;
    double factor;
};
constexpr auto kServerRows = std::to_array<ServerRow>({
    {"upstream_healthy_threads", "healthy_threads",
     "threads that do not leave this upstream out now", MetricType::Gauge, 1},
    {"upstream_rtt_seconds", "rtt_ms", "smoothed time from query to answer", MetricType::Gauge,
     1e-3},
    {"upstream_queries_total", "queries", "queries sent to this upstream", MetricType::Counter, 1},
    {"upstream_answered_total", "answers", "answers of this upstream that were believed",
     MetricType::Counter, 1},
    {"upstream_failures_total", "failures", "tries that this upstream did not answer",
     MetricType::Counter, 1},
    {"upstream_waiting_queries", "in_flight", "queries that wait for this upstream now",
     MetricType::Gauge, 1},
});

class Builder {
public:
    std::vector<MetricFamily> families;
    /// `source` null: names and help only.
    explicit Builder(const MetricSource* source) : source_(source) {}

    void add(const std::string& name, MetricType type, std::string_view help, double v,
             std::vector<ClientMetric::Label> labels = {}) {
        ClientMetric m;
        m.label = std::move(labels);
        (type == MetricType::Counter ? m.counter.value : m.gauge.value) = v;
        family(name, type, help).metric.push_back(std::move(m));
    }
    MetricFamily& family(const std::string& name, MetricType type, std::string_view help) {
        const std::string whole = kPrefix + name;
        for (MetricFamily& f : families) {
            if (f.name == whole) return f;
        }
        families.push_back({whole, std::string(help), type, {}});
        return families.back();
    }
    /// The sum of a counter of all workers.
    template <typename Read>
    double sum(const Read& read) const {
        std::uint64_t n = 0;
        if (source_ == nullptr) return 0;
        for (const auto& w : source_->workers) n += read(w->counters()).read();
        return static_cast<double>(n);
    }

private:
    const MetricSource* source_;
};

void queries(Builder& b) {
    for (std::size_t i = 0; i < kViaNames.size(); i++)
        b.add("queries_total", MetricType::Counter, "queries that came",
              b.sum([i](const Counters& c) { return c.queries[i]; }),
              {{"protocol", std::string(kViaNames[i])}});
    for (const WhyInfo& w : kWhys) {
        if (w.id == Why::none) continue;
        b.add("answers_total", MetricType::Counter,
              "answers by what decided them: synthesized, or why not",
              b.sum([&w](const Counters& c) { return c.answers[static_cast<std::size_t>(w.id)]; }),
              {{"why", std::string(w.name)}});
    }
    for (const Rcode r : {Rcode::noerror, Rcode::formerr, Rcode::servfail, Rcode::nxdomain,
                          Rcode::notimp, Rcode::refused, Rcode::badvers, Rcode::badcookie})
        b.add("rcodes_total", MetricType::Counter, "answers by RCODE",
              b.sum([r](const Counters& c) { return c.rcodes[static_cast<std::size_t>(r)]; }),
              {{"rcode", rcode_text(r)}});
    ClientMetric m;
    std::uint64_t n = 0;
    for (std::size_t i = 0; i <= kLatencyBounds.size(); i++) {
        n += static_cast<std::uint64_t>(b.sum([i](const Counters& c) { return c.latency[i]; }));
        m.histogram.bucket.push_back({n, i < kLatencyBounds.size()
                                             ? kLatencyBounds[i] / 1e6
                                             : std::numeric_limits<double>::infinity()});
    }
    m.histogram.sample_count = n;
    m.histogram.sample_sum = b.sum([](const Counters& c) { return c.latency_sum_us; }) / 1e6;
    b.family("answer_seconds", MetricType::Histogram,
             "time from query to answer, inside the server; what lay ready counts as 0")
        .metric.push_back(std::move(m));
}

void counts(Builder& b) {
    std::string_view help;
    for (const CountRow& row : kCountRows) {
        if (!row.help.empty()) help = row.help;
        std::vector<ClientMetric::Label> labels;
        if (!row.label.empty()) labels.push_back({std::string(row.label), std::string(row.value)});
        b.add(std::string(row.name) + (row.is_gauge ? "" : "_total"),
              row.is_gauge ? MetricType::Gauge : MetricType::Counter, help,
              b.sum([&row](const Counters& c) { return c.*row.field; }), std::move(labels));
    }
    for (std::size_t i = 0; i < kUpstreamFaults.size(); i++)
        b.add("upstream_faults_total", MetricType::Counter,
              "what went wrong on the way to upstreams",
              b.sum([i](const Counters& c) { return c.upstream_fault[i]; }),
              {{"fault", std::string(kUpstreamFaults[i].name)}});
}

void upstreams(Builder& b, const Json& rows) {
    for (const ServerRow& r : kServerRows) (void)b.family(r.name, r.type, r.help);
    MetricFamily& times =
        b.family("upstream_response_seconds", MetricType::Histogram,
                 "time from query to answer of this upstream, of queries sent once");
    for (const Json& u : rows) {
        const std::string name = api::text_of(u, "upstream");
        ClientMetric m;
        m.label.push_back({"upstream", name});
        std::uint64_t n = 0;
        const Json list = u.value("response_counts", Json::array());
        for (std::size_t i = 0; i < list.size(); i++) {
            n += list[i].get<std::uint64_t>();
            m.histogram.bucket.push_back({n, i < kResponseBounds.size()
                                                 ? kResponseBounds[i] / 1e3
                                                 : std::numeric_limits<double>::infinity()});
        }
        m.histogram.sample_count = n;
        m.histogram.sample_sum = u.value("response_seconds", 0.0);
        times.metric.push_back(std::move(m));
    }
    for (const Json& u : rows) {
        for (const ServerRow& r : kServerRows)
            b.add(r.name, r.type, r.help, r.factor * u.value(r.field, 0.0),
                  {{"upstream", api::text_of(u, "upstream")}});
    }
}

std::vector<MetricFamily> make(const MetricSource* s) {
    Builder b(s);
    b.add("build_info", MetricType::Gauge, "1, with the version as label", 1,
          {{"version", ISTHMUS_VERSION}});
    b.add("start_time_seconds", MetricType::Gauge, "when isthmus-dns64 started",
          s == nullptr ? 0 : static_cast<double>(s->started));
    b.add("threads", MetricType::Gauge, "threads that serve clients",
          s == nullptr ? 0 : static_cast<double>(s->workers.size()));
    b.add("cache_limit_bytes", MetricType::Gauge, "cache.memory_mib: entries and index together",
          s == nullptr ? 0 : static_cast<double>(s->cache_limit_bytes));
    for (const bool good : {true, false}) {
        const std::uint64_t n = s == nullptr ? 0 : good ? s->reloads : s->refused_reloads;
        b.add("reloads_total", MetricType::Counter, "reloads of the configuration",
              static_cast<double>(n), {{"result", good ? "done" : "refused"}});
    }
    b.add("avoided_prefixes", MetricType::Gauge,
          "prefixes of gateways that are not well (dns64.gateways)",
          s == nullptr ? 0 : static_cast<double>(s->avoided_prefixes));
    b.add("query_log_write_failures_total", MetricType::Counter,
          "writes that the query log's file did not take (a full disk)",
          s == nullptr ? 0 : static_cast<double>(s->log_write_failures));
    queries(b);
    counts(b);
    upstreams(b, s == nullptr || !s->upstreams ? Json::array() : *s->upstreams);
    return std::move(b.families);
}

}  // namespace

std::vector<MetricFamily> metrics_of(const MetricSource& s) {
    auto out = make(&s);
    std::erase_if(out, [](const MetricFamily& f) { return f.metric.empty(); });
    return out;
}

std::string metrics_manual() {
    std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
    for (const MetricFamily& f : make(nullptr)) {
        const char* const kind = f.type == MetricType::Counter     ? "counter"
                                 : f.type == MetricType::Histogram ? "histogram"
                                                                   : "gauge";
        const bool of_server = f.metric.empty();
        const std::string label = of_server                   ? "upstream"
                                  : f.metric[0].label.empty() ? ""
                                                              : f.metric[0].label[0].name;
        out += "| `" + f.name + "` | " + kind + " | " + label + " | " + f.help + " |\n";
    }
    return out;
}

}  // namespace isthmus::dns64
