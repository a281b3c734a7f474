// SPDX-License-Identifier: Apache-2.0
#include "control/logs/event_log.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "common/log/log.h"
#include "control/logs/make_outlet.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAnswerMs = 3000;
constexpr auto kPause = std::chrono::milliseconds(50);
constexpr std::int64_t kSecond = static_cast<std::int64_t>(kNanosPerSecond);
// At the end: for what the rings hold; for the outlets; for those that stand still, and the place.
constexpr std::int64_t kLastNs = 3 * kSecond, kSettleNs = 4 * kSecond, kJoinNs = kSecond / 2;
constexpr std::size_t kNotesMost = 10'000;

std::uint64_t number(const Json& object, const char* name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, api::number_of(object, name, 0)));
}

}  // namespace

EventLog::EventLog(const config::Config& cfg)
    : socket_(cfg.dataplane.socket),
      events_(cfg.control.log),
      refuses_(events_.when_down == config::LogPathDown::refuse),
      queue_(std::make_shared<LogQueue>(cfg.control.logs.size(), events_.waiting_most)) {
    facts_.on = !cfg.control.logs.empty();
    facts_.refuses = refuses_;
    const std::string& state = cfg.control.state_dir;
    std::set<std::string> used;
    for (const config::LogOutlet& w : cfg.control.logs) {
        std::string key = outlet_key(w);
        while (!used.insert(key).second) key += "+";
        keys_.push_back(std::move(key));
    }
    if (facts_.on) {
        keeper_ = std::make_unique<PlaceKeeper>(state + "/log-place.json");
        if (auto place = read_place(state + "/log-place.json")) place_ = std::move(*place);
        load_place();
        warn_of_left_spools(state, keys_);
        notes_.push_back(make_note("log_started", {{"version", ISTHMUS_VERSION},
                                                   {"new_log", instance_.empty()},
                                                   {"sessions", events_.sessions}}));
        next_mark_ns_ = steady_now_ns() + std::int64_t{events_.mark_seconds} * kSecond;
    }
    for (std::size_t i = 0; i < keys_.size(); i++)
        outlets_.push_back(std::make_unique<OutletThread>(
            make_outlet(cfg.control.logs[i], state + "/log-spool/" + keys_[i], queue_, i)));
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

/// Where the control before us ended.
void EventLog::load_place() {
    for (const std::uint64_t n : place_.acked.upto) workers_.push_back({n, place_.unix_ns});
    instance_ = place_.acked.instance;
    queue_->set_acked(place_.acked);
    keeper_->set_kept(place_.acked);
    for (std::size_t i = 0; i < keys_.size(); i++) {
        const auto found = place_.untold.find(keys_[i]);
        if (found != place_.untold.end()) queue_->set_untold(i, found->second);
    }
}

void EventLog::keep_place() {
    LogPlace now;
    now.acked = queue_->acked();
    for (std::size_t i = 0; i < keys_.size(); i++) {
        Losses untold = queue_->untold(i);
        if (!untold.empty()) now.untold[keys_[i]] = std::move(untold);
    }
    now.unix_ns = place_.unix_ns;
    if (now == place_ || now.acked.instance.empty()) return;
    now.unix_ns = unix_now_ns();
    place_ = now;
    keeper_->keep(std::move(now));
}

bool EventLog::connect() {
    if (dataplane_ && !dataplane_->broken()) return true;
    const std::int64_t now = steady_now_ns();
    if (now < next_try_ns_) return false;
    configured_ = false;
    dataplane_.reset();
    auto client = api::RpcClient::connect(socket_, 500);
    if (client) {
        dataplane_ = std::move(*client);
    } else {
        next_try_ns_ = now + kSecond / 2;
    }
    return dataplane_.has_value();
}

Json EventLog::wish() const {
    const std::lock_guard guard(mutex_);
    const bool on = facts_.on;
    return {{"bindings", on && events_.bindings}, {"sessions", on && events_.sessions},
            {"blocks", on && events_.blocks},     {"addresses", on && events_.addresses},
            {"refusals", on && events_.refusals}, {"refuse_unlogged", on && refuses_},
            {"path_down", on && path_down_}};
}

/// Tells the workers which events to tell.
bool EventLog::configure() {
    if (configured_) return true;
    const auto done = dataplane_->call("log.configure", wish(), kAnswerMs);
    configured_ = done.ok();
    if (configured_) return true;
    log::warn("the dataplane does not take the logs' settings: " + done.error().text());
    next_try_ns_ = steady_now_ns() + kSecond;
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
    if (api::truth_of(facts, "whole")) w.last_ns = now;
    if (2 * number(facts, "waiting") > number(facts, "size")) ring_is_filling_ = true;
}

/// To what was asked then. False: not an answer that we understand.
bool EventLog::take_answer(const Json& answer, std::uint64_t asked_ns) {
    const std::string instance = api::text_of(answer, "instance");
    const Json list = answer.is_object() ? answer.value("workers", Json()) : Json();
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
    bool whole = true;
    for (const Json& facts : list) {
        whole = whole && api::truth_of(facts, "whole");
        const std::size_t n = std::min<std::size_t>(number(facts, "given"), rest.size());
        if (number(facts, "worker") >= workers_.size()) break;
        take_worker(out, facts, rest.first(n));
        rest = rest.subspan(n);
    }
    enqueue(std::move(out));
    if (whole) whole_ns_ = asked_ns;
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
    queue_->push(std::move(batch));
    const std::lock_guard guard(mutex_);
    facts_.records += n;
    if (newest != 0) facts_.newest_unix_ns = newest;
}

void EventLog::add(Note n) {
    const std::lock_guard guard(mutex_);
    if (facts_.on && notes_.size() < kNotesMost) notes_.push_back(std::move(n));
}

void EventLog::add_notes() {
    if (auto set = clock_.look(unix_now_ns(), steady_now_ns())) {
        log::warn("the clock was set from " + set->fields["from"].get<std::string>() + " to " +
                  set->fields["to"].get<std::string>());
        add(std::move(*set));
    }
    if (queue_->is_full()) return;  // they have time
    LogBatch out;
    out.instance = instance_;
    {
        const std::lock_guard guard(mutex_);
        for (Note& n : notes_) out.records.emplace_back(std::move(n));
        notes_.clear();
    }
    const std::int64_t now = steady_now_ns();
    if (dataplane_ && whole_ns_ != 0 && now >= next_mark_ns_) {
        next_mark_ns_ = now + std::int64_t{events_.mark_seconds} * kSecond;
        out.records.emplace_back(
            make_note("mark", {{"seq", taken()}, {"complete_until", utc_text(whole_ns_)}}));
    }
    enqueue(std::move(out));
}

/// True when records came.
bool EventLog::fetch() {
    const bool full = queue_->is_full();
    if (full && refuses_) return false;  // the rings keep what we have no room for
    const LogQueue::Acked kept = keeper_->kept();
    // A log that is down must not cost the others what a full ring loses: what is here leaves the
    // ring. Should control die now, the next one finds these numbers missing, and says so.
    Json acked = ring_is_filling_ ? Json(taken()) : Json(kept.upto);
    if (!ring_is_filling_ && kept.instance != instance_) acked = Json::array();
    // Faster than all outlets is of no use while the rings have room: they keep it better than we
    // do. One record shows how the rings are.
    const bool spares = !ring_is_filling_ && (full || queue_->is_outrun());
    const std::uint64_t most = std::min<std::uint64_t>(api::kEventsMost, events_.waiting_most / 4);
    const std::uint64_t now = unix_now_ns();
    const auto answer = dataplane_->call("events.take",
                                         Json{{"instance", instance_},
                                              {"ack", acked},
                                              {"after", taken()},
                                              {"most", spares ? 1U : most}},
                                         kAnswerMs);
    const std::vector<std::uint64_t> before = taken();
    if (answer && take_answer(*answer, now)) return !spares && taken() != before;
    if (!answer) log::warn("the dataplane does not give its records: " + answer.error().text());
    dataplane_.reset();
    next_try_ns_ = steady_now_ns() + kSecond / 2;
    return false;
}

/// As long as there is room, records wait for an outlet that is down; and for one that is slow as
/// long as the rings have room too.
void EventLog::make_room() {
    if (refuses_) return;
    for (const std::size_t i : queue_->give_up(ring_is_filling_)) {
        const Outlet::Facts f = outlets_[i]->facts();
        log::error("log " + f.name + " loses records" + (f.error.empty() ? "" : ": " + f.error));
    }
}

/// With when_down = "refuse" the workers are told when a log takes nothing, and when it does again.
void EventLog::judge_path() {
    bool down = false;
    for (std::size_t i = 0; i < outlets_.size(); i++) {
        const LogQueue::State s = queue_->state(i);
        down = down || (!s.takes && s.has_waiting);
    }
    const std::lock_guard guard(mutex_);
    if (down == path_down_) return;
    path_down_ = down;
    if (refuses_) configured_ = false;
    if (refuses_ && down)
        log::error(
            "a log takes no records: new bindings and blocks are refused until it does "
            "(control.log.when_down)");
}

/// True when there is more to do at once.
bool EventLog::turn() {
    const bool there = connect() && configure();
    add_notes();
    const bool more = there && fetch();
    make_room();
    judge_path();
    keep_place();
    return more;
}

void EventLog::publish() {
    std::vector<Outlet::Facts> outlets;
    for (std::size_t i = 0; i < outlets_.size(); i++) {
        Outlet::Facts f = outlets_[i]->facts();
        const LogQueue::State s = queue_->state(i);
        f.lost = s.lost;
        if (s.stuck_ns != 0) {
            f.up = f.takes = false;
            f.error = "stands still in a write for " +
                      std::to_string(s.stuck_ns / kNanosPerSecond) + " s";
        }
        outlets.push_back(std::move(f));
    }
    const std::uint64_t waiting = queue_->waiting();
    const std::lock_guard guard(mutex_);
    facts_.outlets = std::move(outlets);
    facts_.backlog = waiting;
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
    const std::int64_t begun = steady_now_ns();
    while (steady_now_ns() < begun + kLastNs && turn()) {
    }
    add(make_note("log_stopped",
                  whole_ns_ == 0 ? Json::object() : Json{{"complete_until", utc_text(whole_ns_)}}));
    add_notes();
    queue_->hurry();
    while (!queue_->is_settled() && steady_now_ns() < begun + kSettleNs)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    queue_->stop();
    const std::int64_t until = steady_now_ns() + kJoinNs;
    for (std::size_t i = 0; i < outlets_.size(); i++) {
        if (!outlets_[i]->join_before(until))
            log::error("log " + outlets_[i]->facts().name + " stands still in a write: left there");
    }
    keep_place();
    keeper_->stop_before(steady_now_ns() + kJoinNs);
}

EventLog::Facts EventLog::facts() const {
    const std::lock_guard guard(mutex_);
    return facts_;
}

}  // namespace isthmus::control
