// SPDX-License-Identifier: Apache-2.0
// Changes of the running policy, from the operator's word to the history: one after the other, all
// or nothing.
//
//   prepared on our disk -> applied by the dataplane, atomically -> kept -> written in the history
//
// A change that waits for its confirmation is on the disk with the policy before it: it goes back
// by itself when nobody confirms in time, also when control has died and come again meanwhile.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "common/api/links.h"
#include "control/history.h"
#include "control/policy.h"

namespace isthmus::control {

/// How a change is asked for.
struct Order {
    std::string what;  // for the history: "reload"
    std::uint32_t uid = 0;
    std::string user;
    bool dry_run = false;
    unsigned confirm_seconds = 0;  // 0: it stays
    bool force = false;            // passed on to the dataplane
    bool rolls_back = false;
};

/// The policy after a change, or why it cannot be; called when its turn has come.
using Edit = std::function<Expected<config::Nat64Config>(const config::Nat64Config& running)>;

class Commits {
public:
    /// Reads the history, the running policy and a change that waits, as an earlier control left
    /// them.
    Commits(const std::string& state_dir, const config::Nat64Config& from_file,
            api::RpcLinks& dataplane);
    Status begin();

    [[nodiscard]] const RunningPolicy& running() const { return policy_; }
    [[nodiscard]] const std::string& running_digest() const { return digest_; }

    void change(const Order& order, Edit edit, const api::Reply& reply);
    /// Back to the policy of the `back`-th entry of the history (1: the one before the last
    /// change).
    void rollback(Order order, std::size_t back, const api::Reply& reply);
    void confirm(const Order& order, const api::Reply& reply);
    /// Gives the dataplane the running policy; `done(true)` when it has it.
    void bring(std::function<void(const Status&)> done);
    [[nodiscard]] bool busy() const { return job_runs_; }
    /// A change waits for its confirmation.
    [[nodiscard]] bool waits() const { return waiting_.has_value(); }

    /// Rolls back what nobody confirmed in time. Call often.
    void tick();
    /// `told` is called when that has been done.
    void on_given_up(std::function<void()> told) { given_up_ = std::move(told); }
    void stop(const config::Nat64Config& in_file);

    /// The change that waits: {"seconds_left", "what", "user"}; null: none.
    [[nodiscard]] api::Json waiting_json() const;
    /// Newest first; "back" is what rollback() takes.
    [[nodiscard]] api::Json history_json() const;
    [[nodiscard]] Expected<api::Json> history_entry(std::uint64_t id) const;
    [[nodiscard]] Expected<std::string> policy_back(std::size_t back) const;

private:
    /// One at a time: from its first question to its last answer; it calls what it is given when it
    /// is over.
    using Job = std::function<void(std::function<void()> over)>;
    struct Waiting {
        config::Nat64Config before;
        std::int64_t deadline_ms = 0;  // of the steady clock
        unsigned seconds = 0;
        std::string what, user;
    };
    void enqueue(Job job);
    void next_job();
    void submit(const Order& order, const config::Nat64Config& next, const api::Reply& reply);
    [[nodiscard]] Status may_begin(const Order& order,
                                   const std::vector<config::Change>& changes) const;
    void applied(const Order& order, const config::Nat64Config& next, NextFile prepared,
                 const api::Json& answer, const api::Reply& reply);
    void after_change(const Order& order, const config::Nat64Config& before,
                      const api::Json& changes, api::Json& result);
    Status keep_waiting(const Order& order, const config::Nat64Config& before);
    void recover_waiting();
    void end_waiting();
    void give_up_waiting();
    void in_force();

    RunningPolicy policy_;
    std::string digest_;  // of its text
    History history_;
    api::RpcLinks& dataplane_;
    std::string waiting_path_;
    std::optional<Waiting> waiting_;
    bool going_back_ = false;
    std::function<void()> given_up_ = [] {};
    bool job_runs_ = false;
    std::deque<Job> jobs_;
};

}  // namespace isthmus::control
