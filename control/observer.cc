// SPDX-License-Identifier: Apache-2.0
#include "control/observer.h"

#include <prometheus/text_serializer.h>

#include "common/log/log.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr std::time_t kListenAgain = 10;
constexpr std::size_t kSearches = 2;  // at once: each reads gigabytes

/// The log has nobody, or says nothing: what calculation gives.
void add_calculated(Json& answer, const Json& calculated, const std::string& parameters) {
    const bool in_pool = api::truth_of(calculated, "in_pool");
    if (api::truth_of(answer, "found")) return;
    if (!api::truth_of(calculated, "deterministic")) {
        if (!in_pool) {
            answer["certain"] = false;
            answer["reasons"].push_back("the address is in no pool now");
        }
        return;
    }
    const bool same = answer.contains("deterministic_parameters") &&
                      answer["deterministic_parameters"] == parameters;
    answer["found"] = true;
    answer["x"] = calculated["x"];
    answer["by"] =
        "calculation: ports " + std::to_string(api::number_of(calculated, "t_first", 0)) + "-" +
        std::to_string(api::number_of(calculated, "t_last", 0)) + " are the subscriber's";
    answer["certain"] = same;
    answer["reasons"] = Json::array();
    if (!same)
        answer["reasons"].push_back(
            "no record says that the parameters were then what they are now");
}

}  // namespace

Observer::Observer(const config::Config& cfg)
    : cfg_(cfg.control),
      logs_(cfg),
      thresholds_(cfg.control.alarms),
      monitor_(cfg.dataplane.socket, [this](const Sample& s) { seen(s); }),
      started_(std::time(nullptr)) {
    listen();
}

Observer::~Observer() {
    http_.reset();  // its threads use the others
    for (const auto& s : searches_) s->thread.join();
}

/// On the monitor's thread, after each look.
void Observer::seen(const Sample& sample) {
    if (!sample.up) return;
    for (Note& n : thresholds_.look(sample.metrics, sample.unix_ns)) logs_.add(std::move(n));
}

bool Observer::same(const config::ControlConfig& fresh) const {
    return fresh.logs == cfg_.logs && fresh.log == cfg_.log && fresh.alarms == cfg_.alarms &&
           fresh.http == cfg_.http;
}

/// A port that another program has is no reason to leave the dataplane without its policy: the
/// error is said, and it is tried again.
void Observer::listen() {
    const std::time_t now = std::time(nullptr);
    if (!cfg_.http.enabled || http_ || (now < next_listen_ && next_listen_ <= now + kListenAgain))
        return;
    next_listen_ = now + kListenAgain;
    const char* const json = "application/json";
    auto server = http::HttpServer::listen(
        "control.http", cfg_.http.address, cfg_.http.port,
        {{"/", "text/html; charset=utf-8", [] { return status_page(); }},
         {"/metrics", "text/plain; version=0.0.4; charset=utf-8",
          [this] { return metrics_text(); }},
         {"/status.json", json, [this] { return status_json(source(), monitor_.happenings()); }},
         {"/history.json", json, [this] { return history_json(monitor_.history()); }}});
    if (server) {
        http_ = std::move(*server);
        http_trouble_.clear();
        log::info("metrics and the status page: " + cfg_.http.address + " port " +
                  std::to_string(cfg_.http.port));
    } else if (http_trouble_.empty()) {
        http_trouble_ = server.error().text();
        log::error(http_trouble_ + "; control goes on without metrics and tries again");
    }
}

MetricSource Observer::source() const {
    return {monitor_.latest(), logs_.facts(),   static_cast<std::uint64_t>(started_),
            scrapes_.load(),   applied_.load(), waits_.load()};
}

std::string Observer::metrics_text() {
    scrapes_.fetch_add(1, std::memory_order_relaxed);
    return prometheus::TextSerializer().Serialize(metrics_of(source()));
}

void Observer::serve() {
    listen();
    while (!searches_.empty() && searches_.front()->done.load()) {
        const std::unique_ptr<Search> s = std::move(searches_.front());
        searches_.pop_front();
        s->thread.join();
        s->reply(s->result);
    }
}

void Observer::tell(const config::Nat64Config& running, bool applied, bool waits) {
    applied_ = applied;
    waits_ = waits;
    if (!applied) return;
    if (auto note = parameters_.look(running, unix_now_ns())) logs_.add(std::move(*note));
}

void Observer::whois(const WhoisQuestion& q, const Json& calculated, const api::Reply& reply) {
    if (const std::uint64_t now = unix_now_ns(); q.at_ns > now + kNanosPerSecond)
        return reply(Error{"whois", utc_text(q.at_ns) + " has not come: it is " + utc_text(now)});
    std::string file;
    for (const config::LogOutlet& o : cfg_.logs) {
        if (o.type == config::LogType::json && file.empty()) file = o.file;
    }
    if (file.empty() && !api::truth_of(calculated, "deterministic"))
        return reply(
            Error{"whois", "there is no log to look in: control.logs has none of type json"});
    if (searches_.size() >= kSearches)
        return reply(Error{"whois", "two searches are under way; ask again"});
    auto search = std::make_unique<Search>();
    search->reply = reply;
    search->thread =
        std::thread([s = search.get(), q, calculated, file, parameters = parameters_.newest()] {
            Whois w(q);
            const Status read = file.empty() ? Status(Done{}) : w.read_files(file);
            Json answer = w.answer();
            answer["log"] = file.empty() ? Json() : Json(file);
            add_calculated(answer, calculated, parameters);
            if (!read && !api::truth_of(answer, "found")) {
                s->result = read.error();
            } else {
                s->result = answer;
            }
            s->done = true;
        });
    searches_.push_back(std::move(search));
}

Json Observer::logs() const {
    const EventLog::Facts f = logs_.facts();
    Json outlets = Json::array();
    for (const Outlet::Facts& o : f.outlets) {
        outlets.push_back({{"name", o.name},
                           {"to", o.to},
                           {"state", o.up                              ? "up"
                                     : o.spooled_bytes != 0 && o.takes ? "spools"
                                                                       : "down"},
                           {"delivered", o.delivered},
                           {"lost", o.lost},
                           {"failures", o.failures},
                           {"spooled_bytes", o.spooled_bytes},
                           {"error", o.error}});
    }
    return {{"on", f.on},
            {"when_down", f.refuses ? "refuse" : "translate"},
            {"connected", f.connected},
            {"records", f.records},
            {"waiting", f.backlog},
            {"lost", f.lost},
            {"gaps", f.gaps},
            {"newest", f.newest_unix_ns == 0 ? Json() : Json(utc_text(f.newest_unix_ns))},
            {"outlets", outlets}};
}

}  // namespace isthmus::control
