// SPDX-License-Identifier: Apache-2.0
#include "control/commits.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include "common/api/params.h"
#include "common/api/socket.h"
#include "common/config/diff.h"
#include "common/log/log.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kApplyMs = 15000;  // to look what a change closes, and to make it
constexpr std::size_t kJobsMost = 64;

Json keys_of(const std::vector<config::Change>& changes) {
    Json out = Json::array();
    for (const config::Change& c : changes) out.push_back(c.key);
    return out;
}

/// What a change was, for the log: the keys, and what it closed.
std::string summary(const Json& changes, const Json& closes) {
    constexpr std::size_t kNamed = 5;
    std::string out = "changed ";
    for (std::size_t i = 0; i < changes.size() && i < kNamed; i++)
        out += (i == 0 ? "" : ", ") + api::text_of(changes[i], "key");
    if (changes.size() > kNamed)
        out += " and " + std::to_string(changes.size() - kNamed) + " keys more";
    const auto n = closes.is_object() ? api::number_of(closes, "sessions", 0) : 0;
    if (n != 0) out += "; " + std::to_string(n) + (n == 1 ? " session" : " sessions") + " closed";
    return out;
}

}  // namespace

Commits::Commits(const std::string& state_dir, const config::Nat64Config& from_file,
                 api::RpcLinks& dataplane)
    : policy_(state_dir, from_file),
      history_(state_dir),
      dataplane_(dataplane),
      waiting_path_(state_dir + "/waiting.json") {}

Status Commits::begin() {
    if (policy_.recover()) {
        log::info("the policy that ran before is kept; isthmusctl reload takes the file's");
        recover_waiting();
    } else {
        remove_file(waiting_path_);
        if (auto same = policy_.set(policy_.nat64()); !same) return same;
    }
    in_force();
    // The history begins with what there is to go back to.
    const auto newest = history_.newest_first().empty()
                            ? Expected<std::string>(std::string())
                            : history_.policy_of(history_.newest_first().front().id);
    if (newest && *newest == policy_.text()) return Done{};
    History::Entry e;
    e.when = std::time(nullptr);
    e.user = "isthmus-control";
    e.what = "start";
    if (const Status kept = history_.add(e, policy_.text()); !kept)
        log::warn("no entry in the history: " + kept.error().text());
    return Done{};
}

void Commits::in_force() { digest_ = config::digest(policy_.text()); }

void Commits::enqueue(Job job) {
    jobs_.push_back(std::move(job));
    if (!job_runs_) next_job();
}

void Commits::next_job() {
    while (!job_runs_ && !jobs_.empty()) {
        job_runs_ = true;
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        job([this] {
            job_runs_ = false;
            next_job();
        });
    }
}

void Commits::change(const Order& order, Edit edit, const api::Reply& reply) {
    if (jobs_.size() >= kJobsMost)
        return reply(Error{"", "too many changes wait for their turn; nothing was changed"});
    enqueue([this, order, edit = std::move(edit), reply](const std::function<void()>& over) {
        const api::Reply done = [reply, over](const Expected<Json>& result) {
            reply(result);
            over();
        };
        const auto next = edit(policy_.nat64());
        if (!next) return done(Error{"", next.error().text() + "; nothing was changed"});
        submit(order, *next, done);
    });
}

Status Commits::may_begin(const Order& order, const std::vector<config::Change>& changes) const {
    for (const config::Change& c : changes) {
        if (!c.start_only) continue;
        return Error{c.key,
                     "takes effect only when isthmus-dataplane starts; nothing was changed. "
                     "Restart both programs, or put the old value back"};
    }
    if (waiting_ && !order.dry_run && !order.rolls_back) {
        return Error{"", "a change (" + waiting_->what + " by " + waiting_->user +
                             ") waits for its confirmation: isthmusctl confirm, or isthmusctl "
                             "rollback, comes first; nothing was changed"};
    }
    return Done{};
}

void Commits::submit(const Order& order, const config::Nat64Config& next, const api::Reply& reply) {
    const auto changes = config::changes(policy_.nat64(), next);
    const Status may = may_begin(order, changes);
    if (!may) return reply(may.error());
    if (changes.empty())
        return reply(Json{
            {"changed", Json::array()}, {"changes", Json::array()}, {"dry_run", order.dry_run}});
    std::shared_ptr<NextFile> prepared;
    if (!order.dry_run) {
        auto file = policy_.prepare(next);
        if (!file) return reply(Error{"", "nothing was changed: " + file.error().text()});
        prepared = std::make_shared<NextFile>(std::move(*file));
        if (order.confirm_seconds != 0) {
            const Status kept = keep_waiting(order, policy_.nat64());
            if (!kept) return reply(Error{"", "nothing was changed: " + kept.error().text()});
        }
    }
    const Json params{
        {"text", config::to_text(next)}, {"dry_run", order.dry_run}, {"force", order.force}};
    dataplane_.ask("policy.apply", params, kApplyMs, [=, this](const Expected<Json>& answer) {
        if (!answer) {
            if (!order.dry_run && order.confirm_seconds != 0) end_waiting();
            return reply(
                Error{"", "nothing was changed: " + answer.error().text(), answer.error().code});
        }
        if (!order.dry_run) return applied(order, next, std::move(*prepared), *answer, reply);
        Json result = answer->is_object() ? *answer : Json::object();
        result["changed"] = keys_of(changes);
        result["changes"] = changes_json(changes);
        result["dry_run"] = true;
        reply(result);
    });
}

/// The dataplane runs `next`: we keep it, or take it back.
void Commits::applied(const Order& order, const config::Nat64Config& next, NextFile prepared,
                      const Json& answer, const api::Reply& reply) {
    const config::Nat64Config before = policy_.nat64();
    const auto changes = config::changes(before, next);
    const Status kept = policy_.run(prepared, next);
    if (!kept) {
        end_waiting();
        dataplane_.ask("policy.apply", Json{{"text", policy_.text()}}, kApplyMs,
                       [kept, reply](const Expected<Json>&) {
                           reply(Error{"", "nothing was changed: " + kept.error().text()});
                       });
        return;
    }
    in_force();
    Json result = answer.is_object() ? answer : Json::object();
    result["changed"] = keys_of(changes);
    result["dry_run"] = false;
    after_change(order, before, changes_json(changes), result);
    reply(result);
}

/// What follows a change that is in force and kept; nothing here can undo it.
void Commits::after_change(const Order& order, const config::Nat64Config& before,
                           const Json& changes, Json& result) {
    if (order.rolls_back) {
        end_waiting();
        policy_.note_rollback(before);
    }
    if (order.confirm_seconds != 0) result["confirm_within_seconds"] = order.confirm_seconds;
    History::Entry e;
    e.when = std::time(nullptr);
    e.uid = order.uid;
    e.user = order.user;
    e.what = order.what;
    e.changes = changes;
    if (const auto at = result.find("closes"); at != result.end() && at->is_object())
        e.closes = *at;
    result["changes"] = changes;
    log::info(order.what + " by " + order.user + ": " + summary(changes, e.closes));
    const Status kept = history_.add(e, policy_.text());
    if (kept) {
        result["history"] = history_.newest_first().front().id;
    } else {
        log::warn("no entry in the history: " + kept.error().text());
        result["warning"] = "the change has no entry in the history: " + kept.error().text();
    }
}

Expected<std::string> Commits::policy_back(std::size_t back) const {
    const auto& all = history_.newest_first();
    if (back >= all.size())
        return Error{"", "the history has " + std::to_string(all.size()) +
                             " entries, the oldest is " + std::to_string(all.size() - 1) +
                             " back; see isthmusctl show history"};
    return history_.policy_of(all[back].id);
}

void Commits::rollback(Order order, std::size_t back, const api::Reply& reply) {
    order.rolls_back = true;
    change(
        order,
        [this, back](const config::Nat64Config&) -> Expected<config::Nat64Config> {
            // A change that waits knows best what was before it.
            if (waiting_ && back == 1) return waiting_->before;
            const auto text = policy_back(back);
            if (!text) return text.error();
            const auto loaded = config::load_text(*text, "history");
            if (!loaded.ok()) return Error{"", loaded.error_text()};
            return loaded.config.nat64;
        },
        reply);
}

void Commits::confirm(const Order& order, const api::Reply& reply) {
    enqueue([this, order, reply](const std::function<void()>& over) {
        if (waiting_) {
            log::info(waiting_->what + " confirmed by " + order.user);
            const std::string what = waiting_->what;
            end_waiting();
            reply(Json{{"confirmed", what}});
        } else {
            reply(Error{"",
                        "no change waits for a confirmation: it was confirmed, or rolled back, "
                        "or made without --confirm; see isthmusctl show history"});
        }
        over();
    });
}

void Commits::bring(std::function<void(const Status&)> done) {
    enqueue([this, done = std::move(done)](const std::function<void()>& over) {
        dataplane_.ask("policy.apply", Json{{"text", policy_.text()}, {"force", true}}, kApplyMs,
                       [done, over](const Expected<Json>& answer) {
                           done(answer ? Status(Done{}) : Status(answer.error()));
                           over();
                       });
    });
}

Status Commits::keep_waiting(const Order& order, const config::Nat64Config& before) {
    const Json j{{"unix_seconds", std::time(nullptr) + order.confirm_seconds},
                 {"seconds", order.confirm_seconds},
                 {"what", order.what},
                 {"user", order.user},
                 {"before", config::to_text(before)}};
    Status kept = write_file(waiting_path_, api::to_text(j, 1) + "\n");
    if (!kept) return kept;
    waiting_ = Waiting{before, api::now_ms() + 1000LL * order.confirm_seconds,
                       order.confirm_seconds, order.what, order.user};
    return Done{};
}

void Commits::recover_waiting() {
    const auto text = read_file(waiting_path_);
    if (!text) return;
    const Json j = api::from_text(*text);
    const std::string before = j.is_object() ? api::text_of(j, "before") : std::string();
    const auto loaded = config::load_text(before, "waiting");
    if (!loaded.ok() || !before.starts_with("nat64:")) {
        log::error(waiting_path_ +
                   " is damaged: what runs stays; isthmusctl rollback takes it back");
        remove_file(waiting_path_);
        return;
    }
    Waiting w;
    w.before = loaded.config.nat64;
    w.seconds =
        static_cast<unsigned>(std::clamp<std::int64_t>(api::number_of(j, "seconds", 0), 0, 86400));
    // The clock of the wall may have been set meanwhile: never longer than was asked for.
    const std::int64_t left = std::clamp<std::int64_t>(
        api::number_of(j, "unix_seconds", 0) - std::time(nullptr), 0, w.seconds);
    w.deadline_ms = api::now_ms() + 1000 * left;
    w.what = api::text_of(j, "what");
    w.user = api::text_of(j, "user");
    log::warn(w.what + " by " + w.user + " waits for its confirmation, " + std::to_string(left) +
              " s more");
    waiting_ = std::move(w);
}

void Commits::end_waiting() {
    waiting_.reset();
    remove_file(waiting_path_);
}

void Commits::tick() {
    if (!waiting_ || going_back_ || job_runs_ || api::now_ms() < waiting_->deadline_ms) return;
    give_up_waiting();
}

void Commits::give_up_waiting() {
    going_back_ = true;
    Order order;
    order.what = "rollback: " + waiting_->what + " by " + waiting_->user +
                 " was not confirmed within " + std::to_string(waiting_->seconds) + " s";
    order.user = "isthmus-control";
    order.rolls_back = order.force = true;
    log::warn(order.what);
    const config::Nat64Config before = waiting_->before;
    change(
        order,
        [before](const config::Nat64Config&) -> Expected<config::Nat64Config> { return before; },
        [this, order, before](const Expected<Json>& result) {
            going_back_ = false;
            if (result) {
                end_waiting();
                return given_up_();
            }
            // The dataplane is away: what it will be given when it comes back is the old policy.
            log::warn(result.error().text() + "; it gets the old policy when it is there");
            const config::Nat64Config refused = policy_.nat64();
            policy_.set_anyway(before);
            in_force();
            Json ignored = Json::object();
            after_change(order, refused, changes_json(config::changes(refused, before)), ignored);
            given_up_();
        });
}

void Commits::stop(const config::Nat64Config& in_file) {
    if (waiting_) log::warn("a change waits for its confirmation: the next start goes on waiting");
    if (!policy_.stop(in_file, waiting_.has_value())) {
        std::string keys;
        for (const config::Change& c : config::changes(policy_.nat64(), in_file))
            keys += (keys.empty() ? "" : ", ") + c.key;
        if (!keys.empty())
            log::warn("the next start takes the file, which differs from what runs in " + keys);
    }
}

Json Commits::waiting_json() const {
    if (!waiting_) return nullptr;
    return {
        {"seconds_left", std::max<std::int64_t>(0, (waiting_->deadline_ms - api::now_ms()) / 1000)},
        {"what", waiting_->what},
        {"user", waiting_->user}};
}

Json Commits::history_json() const {
    Json out = Json::array();
    std::size_t back = 0;
    for (const History::Entry& e : history_.newest_first()) {
        Json keys = Json::array();
        for (const Json& c : e.changes) keys.push_back(c.value("key", Json()));
        out.push_back({{"back", back++},
                       {"id", e.id},
                       {"unix_seconds", e.when},
                       {"user", e.user},
                       {"uid", e.uid},
                       {"what", e.what},
                       {"changed", keys},
                       {"sessions_closed", api::number_of(e.closes, "sessions", 0)}});
    }
    return out;
}

Expected<Json> Commits::history_entry(std::uint64_t id) const {
    for (const History::Entry& e : history_.newest_first()) {
        if (e.id != id) continue;
        return Json{{"id", e.id},     {"unix_seconds", e.when}, {"user", e.user},    {"uid", e.uid},
                    {"what", e.what}, {"changes", e.changes},   {"closes", e.closes}};
    }
    return Error{
        "", "the history has no entry " + std::to_string(id) + "; see isthmusctl show history"};
}

}  // namespace isthmus::control
