// SPDX-License-Identifier: Apache-2.0
#include "control/web/status.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "common/stats/drop.h"

namespace isthmus::control {

extern const std::string_view kStatusPage;  // page.html; scripts/embed makes it

using api::Json;

namespace {

/// To the millisecond.
double seconds(std::uint64_t unix_ns) {
    const std::uint64_t milliseconds = unix_ns / 1'000'000;
    return static_cast<double>(milliseconds) / 1000;
}

/// Plots need no more than that.
double rounded(double v) {
    return v < 10 ? static_cast<double>(static_cast<int>(v * 1000)) / 1000
                  : static_cast<double>(static_cast<std::int64_t>(v));
}

Json point(const Rates& r) {
    Json busy = Json::array();
    for (const double b : r.busy) busy.push_back(rounded(b));
    return {{"time", seconds(r.unix_ns)},
            {"to_ipv4", rounded(r.to_ipv4_packets)},
            {"to_ipv6", rounded(r.to_ipv6_packets)},
            {"received_bits", rounded(r.received_bits)},
            {"sent_bits", rounded(r.sent_bits)},
            {"drops", rounded(r.drops)},
            {"new_sessions", rounded(r.new_sessions)},
            {"log_records", rounded(r.log_records)},
            {"sessions", r.sessions},
            {"bindings", r.bindings},
            {"subscribers", r.subscribers},
            {"busy", busy}};
}

Json workers(const Sample& s) {
    Json out = Json::array();
    for (const Json& w : api::list_in(s.metrics, "workers")) {
        const std::size_t i = out.size();
        out.push_back({{"id", w.value("id", Json())},
                       {"cpu", w.value("cpu", Json())},
                       {"busy", i < s.rates.busy.size() ? rounded(s.rates.busy[i]) : 0},
                       {"bindings", w.value("bindings", Json())},
                       {"bindings_limit", w.value("bindings_size", Json())},
                       {"sessions", w.value("sessions", Json())},
                       {"events_waiting", w.value("events_waiting", Json())},
                       {"events_limit", w.value("events_size", Json())}});
    }
    return out;
}

/// One row for each pool, not for each address: a carrier has thousands of these.
Json pools(const Sample& s) {
    struct Pool {
        std::uint64_t addresses = 0, draining = 0;
        std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> of;  // used, free
    };
    std::map<std::string, Pool> all;
    for (const Json& row : api::list_in(s.metrics, "pools")) {
        Pool& p = all[api::text_of(row, "pool")];
        p.addresses++;
        if (api::text_of(row, "state") == "draining") p.draining++;
        for (const char* proto : {"tcp", "udp", "icmp"}) {
            const std::string name = proto;
            p.of[name].first +=
                static_cast<std::uint64_t>(api::number_of(row, (name + "_in_use").c_str(), 0));
            p.of[name].second +=
                static_cast<std::uint64_t>(api::number_of(row, (name + "_free").c_str(), 0));
        }
    }
    Json out = Json::array();
    for (const auto& [name, p] : all) {
        Json row{{"name", name.empty() ? "default" : name},
                 {"addresses", p.addresses},
                 {"draining", p.draining}};
        for (const auto& [proto, n] : p.of) row[proto] = {{"in_use", n.first}, {"free", n.second}};
        out.push_back(std::move(row));
    }
    return out;
}

Json ports(const Sample& s) {
    Json out = Json::array();
    for (const Json& p : api::list_in(s.metrics, "ports")) {
        Json row = Json::object();
        for (const char* key :
             {"name", "driver", "link", "link_mbps", "mtu_bytes", "rx_packets", "tx_packets",
              "rx_bytes", "tx_bytes", "rx_missed", "rx_errors", "rx_no_buffer"})
            row[key] = p.value(key, Json());
        out.push_back(std::move(row));
    }
    return out;
}

/// The reasons that occurred most in the last second; then those that occurred most ever.
Json drops(const Sample& s) {
    const Json total = s.metrics.value("drops", Json::object());
    std::vector<Json> rows;
    for (const DropInfo& d : kDrops) {
        const auto n = api::number_of(total, std::string(d.name).c_str(), 0);
        if (d.id == Drop::none || n == 0) continue;
        double rate = 0;
        for (const auto& [name, r] : s.rates.drops_of) rate = name == d.name ? r : rate;
        rows.push_back(
            {{"reason", d.name}, {"help", d.help}, {"total", n}, {"rate", rounded(rate)}});
    }
    std::sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
        const auto key = [](const Json& j) {
            return std::pair(j["rate"].get<double>(), j["total"].get<double>());
        };
        return key(a) > key(b);
    });
    if (rows.size() > 8) rows.resize(8);
    return rows;
}

Json logs(const EventLog::Facts& f) {
    Json outlets = Json::array();
    for (const Outlet::Facts& o : f.outlets)
        outlets.push_back(
            {{"name", o.name}, {"up", o.up}, {"delivered", o.delivered}, {"lost", o.lost}});
    return {{"on", f.on},     {"records", f.records}, {"lost", f.lost},
            {"gaps", f.gaps}, {"waiting", f.backlog}, {"outlets", outlets}};
}

std::string text_of(const Json& j) { return api::to_text(j); }

}  // namespace

std::string status_json(const MetricSource& source, const std::vector<Happening>& happenings) {
    const Sample& s = *source.sample;
    Json events = Json::array();
    for (auto h = happenings.rbegin(); h != happenings.rend() && events.size() < 12; ++h)
        events.push_back({{"time", seconds(h->unix_ns)}, {"bad", h->bad}, {"text", h->text}});
    return text_of({{"version", ISTHMUS_VERSION},
                    {"time", seconds(unix_now_ns())},
                    {"control_started", source.started_unix_s},
                    {"dataplane",
                     {{"up", s.up},
                      {"trouble", s.trouble},
                      {"started", s.metrics.value("started", Json())},
                      {"generation", s.metrics.value("generation", Json())}}},
                    {"policy_applied", source.policy_applied},
                    {"waits_for_confirmation", source.waits_for_confirmation},
                    {"now", point(s.rates)},
                    {"workers", workers(s)},
                    {"pools", pools(s)},
                    {"ports", ports(s)},
                    {"drops", drops(s)},
                    {"logs", logs(source.logs)},
                    {"events", events}});
}

std::string history_json(const std::vector<Rates>& history) {
    Json out = Json::array();
    for (const Rates& r : history) out.push_back(point(r));
    return text_of(out);
}

std::string status_page() { return std::string(kStatusPage); }

}  // namespace isthmus::control
