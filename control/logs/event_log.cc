// SPDX-License-Identifier: Apache-2.0
#include "control/logs/event_log.h"

#include <algorithm>
#include <chrono>

#include "common/log/log.h"
#include "control/logs/ipfix.h"
#include "control/logs/json_file.h"
#include "control/logs/syslog.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAnswerMs = 3000;
constexpr auto kPause = std::chrono::milliseconds(100);

constexpr std::uint64_t kLastNs = 3 * kNanosPerSecond;  // at the end, for what the rings hold

std::uint64_t number(const Json& object, const char* name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, api::number_of(object, name, 0)));
}

/// The spool's name is the outlet's place in the list and its type.
std::unique_ptr<Outlet> make_outlet(const config::LogOutlet& w, const std::string& state_dir,
                                    std::size_t i) {
    Outlet::Facts f;
    if (w.type == config::LogType::json) {
        f.type = "json";
        f.to = w.file;
        f.name = f.type + "-" + std::to_string(i);
        return std::make_unique<Outlet>(
            f,
            std::make_unique<JsonFile>(w.file, std::uint64_t{w.max_size_mib} << 20, w.max_files));
    }
    f.type = w.type == config::LogType::syslog ? "syslog" : "ipfix";
    f.to = Wire(w.transport, w.address, w.port).text();
    f.name = f.type + "-" + std::to_string(i);
    std::unique_ptr<LogSink> sink;
    if (w.type == config::LogType::syslog) {
        sink = std::make_unique<Syslog>(w);
    } else {
        sink = std::make_unique<Ipfix>(w);
    }
    auto spool = w.spool_mib == 0 ? nullptr
                                  : std::make_unique<Spool>(state_dir + "/log-spool/" + f.name,
                                                            std::uint64_t{w.spool_mib} << 20);
    return std::make_unique<Outlet>(f, std::move(sink), std::move(spool));
}

}  // namespace

EventLog::EventLog(const config::Config& cfg)
    : socket_(cfg.dataplane.socket), state_dir_(cfg.control.state_dir), events_(cfg.control.log) {
    for (const config::LogOutlet& w : cfg.control.logs)
        outlets_.push_back(make_outlet(w, state_dir_, outlets_.size()));
    facts_.on = !outlets_.empty();
    facts_.refuses = events_.when_down == config::LogPathDown::refuse;
    if (facts_.on) {
        load_place();
        notes_.push_back(make_note("log_started", {{"version", ISTHMUS_VERSION},
                                                   {"new_log", acked_instance_.empty()},
                                                   {"sessions", events_.sessions}}));
        next_mark_ns_ = unix_now_ns() + events_.mark_seconds * kNanosPerSecond;
    }
    publish();
    thread_ = std::thread([this] { run(); });
}

EventLog::~EventLog() {
    {
        const std::lock_guard guard(mutex_);
        stop_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool EventLog::connect() {
    if (dataplane_ && !dataplane_->broken()) return true;
    const std::uint64_t now = unix_now_ns();
    if (now < next_try_ns_ && next_try_ns_ < now + kNanosPerSecond) return false;
    configured_ = false;
    dataplane_.reset();
    auto client = api::RpcClient::connect(socket_, 500);
    if (client) {
        dataplane_ = std::move(*client);
    } else {
        next_try_ns_ = now + kNanosPerSecond / 2;
    }
    return dataplane_.has_value();
}

Json EventLog::wish() const {
    const std::lock_guard guard(mutex_);
    const bool on = facts_.on;
    return {{"bindings", on && events_.bindings}, {"sessions", on && events_.sessions},
            {"blocks", on && events_.blocks},     {"addresses", on && events_.addresses},
            {"refusals", on && events_.refusals}, {"refuse_unlogged", on && facts_.refuses},
            {"path_down", on && path_down_}};
}

/// Tells the workers which events to tell.
bool EventLog::configure() {
    if (configured_) return true;
    const auto done = dataplane_->call("log.configure", wish(), kAnswerMs);
    configured_ = done.ok();
    if (configured_) return true;
    log::warn("the dataplane does not take the logs' settings: " + done.error().text());
    next_try_ns_ = unix_now_ns() + kNanosPerSecond;
    dataplane_.reset();
    return false;
}

/// Records of a worker behind `taken` up to number `last` never came.
void EventLog::add_gap(LogBatch& out, unsigned worker, std::uint64_t last,
                       std::uint64_t before_ns) {
    Worker& w = workers_[worker];
    const std::uint64_t lost = last - w.taken;
    Json fields{{"where", "dataplane"},
                {"worker", worker},
                {"seq_first", w.taken + 1},
                {"seq_last", last},
                {"lost", lost}};
    if (w.last_ns != 0) fields["after"] = utc_text(w.last_ns);
    fields["before"] = utc_text(before_ns);
    out.records.emplace_back(make_note("gap", std::move(fields)));
    w.taken = last;
    log::error("the NAT's log has a gap: " + std::to_string(lost) + " records of worker " +
               std::to_string(worker) + " found no room in its ring");
    const std::lock_guard guard(mutex_);
    facts_.lost += lost;
    facts_.gaps++;
}

/// The records of one worker, with what is missing between and behind them.
void EventLog::take_worker(LogBatch& out, const Json& facts, std::span<const api::Event> events) {
    const auto id = static_cast<unsigned>(number(facts, "worker"));
    Worker& w = workers_[id];
    for (const api::Event& e : events) {
        if (e.sequence <= w.taken) continue;
        if (e.sequence != w.taken + 1) add_gap(out, id, e.sequence - 1, e.unix_ns);
        out.records.emplace_back(e);
        w.taken = e.sequence;
        w.last_ns = e.unix_ns;
    }
    // All there is has come, and the newest number is that of a record that found no room.
    const std::uint64_t last = number(facts, "last"), now = unix_now_ns();
    if (api::truth_of(facts, "whole") && last > w.taken) add_gap(out, id, last, now);
    if (api::truth_of(facts, "whole")) w.last_ns = std::max(w.last_ns, now);
    if (2 * number(facts, "waiting") > number(facts, "size")) ring_is_filling_ = true;
}

/// False: not an answer that we understand.
bool EventLog::take_answer(const Json& answer) {
    const std::string instance = api::text_of(answer, "instance");
    const Json list = answer.value("workers", Json::array());
    const auto bytes = api::from_base64(api::text_of(answer, "events"));
    if (!bytes || instance.empty() || !list.is_array() ||
        api::number_of(answer, "version", 0) != api::kEventVersion) {
        log::error("the dataplane's records are of another version: update both programs");
        return false;
    }
    LogBatch out;
    out.instance = instance;
    if (instance != instance_) {
        Json fields{{"before", instance_},
                    {"started", utc_text(number(answer, "started") * kNanosPerSecond)},
                    {"ended", "all bindings, blocks and pairings of the one before"}};
        std::uint64_t seen = 0;
        for (const Worker& w : workers_) seen = std::max(seen, w.last_ns);
        if (!instance_.empty() && seen != 0) fields["complete_until"] = utc_text(seen);
        out.records.emplace_back(make_note("dataplane_started", std::move(fields)));
        instance_ = instance;
        workers_.clear();
    }
    workers_.resize(std::max(workers_.size(), list.size()));
    std::vector<api::Event> events;
    for (std::size_t at = 0; at + api::kEventBytes <= bytes->size(); at += api::kEventBytes) {
        if (const auto e = api::read_event(std::string_view(*bytes).substr(at, api::kEventBytes)))
            events.push_back(*e);
    }
    std::span<const api::Event> rest(events);
    ring_is_filling_ = false;
    for (const Json& facts : list) {
        const std::size_t n = std::min<std::size_t>(number(facts, "given"), rest.size());
        if (number(facts, "worker") >= workers_.size()) break;
        take_worker(out, facts, rest.first(n));
        rest = rest.subspan(n);
    }
    enqueue(std::move(out));
    return true;
}

std::vector<std::uint64_t> EventLog::taken() const {
    std::vector<std::uint64_t> out;
    for (const Worker& w : workers_) out.push_back(w.taken);
    return out;
}

void EventLog::enqueue(LogBatch batch) {
    if (batch.records.empty()) return;
    batch.upto = taken();
    std::uint64_t newest = 0, n = 0;
    for (const LogRecord& r : batch.records) {
        if (event_of(r) == nullptr) continue;
        newest = std::max(newest, time_of(r));
        n++;
    }
    n_waiting_ += batch.records.size();
    backlog_.push_back(std::move(batch));
    const std::lock_guard guard(mutex_);
    facts_.records += n;
    if (newest != 0) facts_.newest_unix_ns = newest;
}

void EventLog::add(Note n) {
    const std::lock_guard guard(mutex_);
    if (facts_.on) notes_.push_back(std::move(n));
}

void EventLog::add_notes() {
    LogBatch out;
    out.instance = instance_;
    {
        const std::lock_guard guard(mutex_);
        for (Note& n : notes_) out.records.emplace_back(std::move(n));
        notes_.clear();
    }
    const std::uint64_t now = unix_now_ns(), step = events_.mark_seconds * kNanosPerSecond;
    if (dataplane_ && (now >= next_mark_ns_ || next_mark_ns_ > now + step)) {
        next_mark_ns_ = now + step;
        out.records.emplace_back(make_note("mark", {{"seq", taken()}}));
    }
    enqueue(std::move(out));
}

/// True when records came.
bool EventLog::fetch() {
    if (n_waiting_ >= events_.waiting_most)
        return false;  // the rings keep what we have no room for
    // A log that is down must not cost the others what a full ring loses: what is here leaves the
    // ring. Should control die now, the next one finds these numbers missing, and says so.
    Json acked = ring_is_filling_ ? Json(taken()) : Json(acked_);
    if (!ring_is_filling_ && acked_instance_ != instance_) acked = Json::array();
    const auto answer = dataplane_->call("events.take",
                                         Json{{"instance", instance_},
                                              {"ack", acked},
                                              {"after", taken()},
                                              {"most", api::kEventsMost}},
                                         kAnswerMs);
    const std::uint64_t before = n_waiting_;
    if (answer && take_answer(*answer)) return n_waiting_ != before;
    if (!answer) log::warn("the dataplane does not give its records: " + answer.error().text());
    dataplane_.reset();
    next_try_ns_ = unix_now_ns() + kNanosPerSecond / 2;
    return false;
}

void EventLog::forget_delivered() {
    const auto done = [this] {
        return std::all_of(outlets_.begin(), outlets_.end(),
                           [this](const auto& o) { return o->next > first_number_; });
    };
    while (!backlog_.empty() && done()) {
        n_waiting_ -= backlog_.front().records.size();
        acked_instance_ = backlog_.front().instance;
        acked_ = std::move(backlog_.front().upto);
        place_changed_ = true;
        backlog_.pop_front();
        first_number_++;
    }
}

/// The oldest batch is lost for those who have not taken it.
void EventLog::give_up_oldest() {
    for (const auto& o : outlets_) {
        if (o->next > first_number_) continue;
        o->lose(backlog_.front());
        o->next = first_number_ + 1;
    }
    forget_delivered();
}

void EventLog::deliver() {
    for (const auto& o : outlets_) {
        while (o->next < first_number_ + backlog_.size() &&
               o->take(backlog_[o->next - first_number_]))
            o->next++;
        o->tick();
    }
    forget_delivered();
    // As long as there is room, records wait for an outlet that is down.
    const bool refuses = events_.when_down == config::LogPathDown::refuse;
    while (!refuses && n_waiting_ >= events_.waiting_most) give_up_oldest();
    judge_path();
    if (place_changed_) save_place();
}

/// With when_down = "refuse" the workers are told when a log takes nothing, and when it does again.
void EventLog::judge_path() {
    const bool down = std::any_of(outlets_.begin(), outlets_.end(), [this](const auto& o) {
        return !o->facts().takes && o->next < first_number_ + backlog_.size();
    });
    const std::lock_guard guard(mutex_);
    if (down == path_down_) return;
    path_down_ = down;
    if (facts_.refuses) configured_ = false;
    if (facts_.refuses && down)
        log::error(
            "a log takes no records: new bindings and blocks are refused until it does "
            "(control.log.when_down)");
}

/// True when there is more to do at once.
bool EventLog::turn() {
    const bool there = connect() && configure();
    add_notes();
    const bool more = there && fetch();
    deliver();
    return more;
}

void EventLog::publish() {
    std::vector<Outlet::Facts> outlets;
    for (const auto& o : outlets_) outlets.push_back(o->facts());
    const std::lock_guard guard(mutex_);
    facts_.outlets = std::move(outlets);
    facts_.backlog = n_waiting_;
    facts_.connected = dataplane_ && !dataplane_->broken();
}

void EventLog::run() {
    for (;;) {
        bool more = false;
        if (!outlets_.empty()) {
            more = turn();
        } else if (!configured_ && connect()) {
            // Nobody asked for logs: the dataplane may still have the wish of a control before us.
            (void)configure();
        }
        publish();
        std::unique_lock lock(mutex_);
        if (stop_) break;
        if (!more) wake_.wait_for(lock, kPause, [this] { return stop_; });
        if (stop_) break;
    }
    if (!outlets_.empty()) stop_well();
}

void EventLog::stop_well() {
    const std::uint64_t until = unix_now_ns() + kLastNs;
    while (unix_now_ns() < until && turn()) {
    }
    add(make_note("log_stopped"));
    add_notes();
    deliver();
}

EventLog::Facts EventLog::facts() const {
    const std::lock_guard guard(mutex_);
    return facts_;
}

}  // namespace isthmus::control
