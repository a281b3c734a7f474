// SPDX-License-Identifier: Apache-2.0
#include "control/web/monitor.h"

#include <algorithm>
#include <chrono>

#include "control/logs/record.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAnswerMs = 900;
constexpr std::size_t kHistory = 600, kHappenings = 50;

double value(const Json& object, const std::string& name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_number() ? at->get<double>() : 0;
}

double sum(const Json& objects, const char* name) {
    double n = 0;
    for (const Json& o : objects) n += value(o, name);
    return n;
}

}  // namespace

Rates rates_between(const Sample& before, const Sample& now) {
    Rates r;
    r.unix_ns = now.unix_ns;
    const Json workers = api::list_in(now.metrics, "workers"),
               were = api::list_in(before.metrics, "workers");
    r.sessions = sum(workers, "sessions");
    r.bindings = sum(workers, "bindings");
    r.subscribers = sum(workers, "subscribers");
    r.busy.resize(workers.size());
    const bool same =
        before.up && now.up && now.seen_unix_ns > before.seen_unix_ns &&
        api::text_of(before.metrics, "instance") == api::text_of(now.metrics, "instance");
    if (!same) return r;
    const double seconds = static_cast<double>(now.seen_unix_ns - before.seen_unix_ns) / 1e9;
    const auto per_second = [&](const Json& a, const Json& b, const std::string& name) {
        return std::max(0.0, value(b, name) - value(a, name)) / seconds;
    };
    const Json none = Json::object();
    const Json old = before.metrics.value("counters", none),
               fresh = now.metrics.value("counters", none);
    r.to_ipv4_packets = per_second(old, fresh, "translated_64");
    r.to_ipv6_packets = per_second(old, fresh, "translated_46");
    r.received_bits = 8 * per_second(old, fresh, "rx_bytes");
    r.sent_bits = 8 * per_second(old, fresh, "tx_bytes");
    r.new_sessions = per_second(old, fresh, "sessions_created");
    r.log_records = per_second(old, fresh, "events_told");
    const Json drops = now.metrics.value("drops", none),
               dropped = before.metrics.value("drops", none);
    for (const auto& [name, n] : drops.items()) {
        const double rate = per_second(dropped, drops, name);
        r.drops += rate;
        if (rate > 0) r.drops_of.emplace_back(name, rate);
    }
    for (std::size_t w = 0; w < workers.size() && w < were.size(); w++) {
        const double hz = value(workers[w], "cycles_per_second");
        if (hz > 0) r.busy[w] = std::min(1.0, per_second(were[w], workers[w], "busy_cycles") / hz);
    }
    return r;
}

Monitor::Monitor(std::string socket, std::function<void(const Sample&)> seen)
    : socket_(std::move(socket)), seen_(std::move(seen)), thread_([this] { run(); }) {}

Monitor::~Monitor() {
    {
        const std::lock_guard guard(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void Monitor::tell(bool bad, std::string text) {
    const std::lock_guard guard(mutex_);
    happenings_.push_back({unix_now_ns(), bad, std::move(text)});
    if (happenings_.size() > kHappenings) happenings_.pop_front();
}

/// Says what changed from one look to the next.
void Monitor::compare(const Sample& before, const Sample& now) {
    const bool first = before.unix_ns == 0;
    if (before.up && !now.up) tell(true, "the dataplane is away: " + now.trouble);
    if (!now.up) return;
    const std::string was = api::text_of(before.metrics, "instance");
    if (was != api::text_of(now.metrics, "instance")) {
        tell(!was.empty(),
             was.empty() ? "the dataplane is seen" : "another dataplane: all sessions are lost");
        return;
    }
    if (!before.up && !first) tell(false, "the dataplane is there again");
    if (value(before.metrics, "generation") != value(now.metrics, "generation"))
        tell(false, "policy of generation " + std::to_string(static_cast<std::uint64_t>(
                                                  value(now.metrics, "generation"))));
    const Json ports = api::list_in(now.metrics, "ports"),
               were = api::list_in(before.metrics, "ports");
    for (std::size_t i = 0; i < ports.size() && i < were.size(); i++) {
        const std::string link = api::text_of(ports[i], "link");
        if (link != api::text_of(were[i], "link"))
            tell(link != "up", "port " + api::text_of(ports[i], "name") + ": link " + link);
    }
    const Json none = Json::object();
    const auto lost = [&](const Sample& s) {
        return value(s.metrics.value("counters", none), "events_lost");
    };
    if (lost(now) > lost(before))
        tell(true, std::to_string(static_cast<std::uint64_t>(lost(now) - lost(before))) +
                       " log records lost: a worker's ring was full");
}

void Monitor::look() {
    const auto before = latest();
    auto next = std::make_shared<Sample>();
    next->metrics = before->metrics;
    next->seen_unix_ns = before->seen_unix_ns;
    if (!dataplane_ || dataplane_->broken()) {
        dataplane_.reset();
        auto client = api::RpcClient::connect(socket_, 500);
        if (client) {
            dataplane_ = std::move(*client);
        } else {
            next->trouble = client.error().text();
        }
    }
    if (dataplane_) {
        auto answer = dataplane_->call("metrics", Json::object(), kAnswerMs);
        if (answer && answer->is_object()) {
            next->up = true;
            next->seen_unix_ns = unix_now_ns();
            next->metrics = std::move(*answer);
        } else if (!answer) {
            next->trouble = answer.error().text();
        }
    }
    next->unix_ns = unix_now_ns();
    next->rates = rates_between(*before, *next);
    compare(*before, *next);
    if (seen_) seen_(*next);
    const std::lock_guard guard(mutex_);
    history_.push_back(next->rates);
    if (history_.size() > kHistory) history_.pop_front();
    latest_ = next;
}

void Monitor::run() {
    auto next = std::chrono::steady_clock::now();
    for (;;) {
        look();
        next = std::max(next + std::chrono::seconds(1), std::chrono::steady_clock::now());
        std::unique_lock lock(mutex_);
        if (wake_.wait_until(lock, next, [this] { return stop_; })) return;
    }
}

std::shared_ptr<const Sample> Monitor::latest() const {
    const std::lock_guard guard(mutex_);
    return latest_;
}

std::vector<Rates> Monitor::history() const {
    const std::lock_guard guard(mutex_);
    return {history_.begin(), history_.end()};
}

std::vector<Happening> Monitor::happenings() const {
    const std::lock_guard guard(mutex_);
    return {happenings_.begin(), happenings_.end()};
}

}  // namespace isthmus::control
