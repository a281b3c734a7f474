// SPDX-License-Identifier: Apache-2.0
// isthmus-control: owns the policy, keeps the dataplane in step with it, serves the operator's
// socket.
//
// One thread that never waits for the dataplane: it is asked through api::RpcLinks, and answers
// come when they come. Once a second it is asked for its instance and policy; when it is a new
// instance, or runs another policy, it gets the running one. A dataplane that is away, or stands
// still, delays nothing: changes are refused with that reason (nothing is lost that was accepted),
// reads that need it say so. Changes of the policy go one after the other.
#pragma once

#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/api/links.h"
#include "common/api/rpc.h"
#include "control/policy.h"
#include "control/rights.h"

namespace isthmus::control {

class Control {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Control>> create(const std::string& file);
    void run_once(int timeout_ms);
    /// A clean stop: the file rules at the next start.
    void stop();

private:
    /// One at a time: a change of the policy, from its first question to its last answer. It calls
    /// what it is given when it is over.
    using Job = std::function<void(std::function<void()> over)>;

    Control(const std::string& file, const config::Config& cfg, Rights rights);
    void serve_methods();
    void serve_pool();
    void ask(const std::string& method, const api::Json& params, api::Reply reply);

    void keep_in_step();
    void compare(const Expected<api::Json>& there);
    void bring_policy(const std::string& instance);
    void enqueue(Job job);
    /// `work` as a job that is over when it replies.
    void change(const api::Reply& reply, std::function<void(const api::Reply&)> work);
    void next_job();

    void commit(const config::Nat64Config& next, bool dry_run, const api::Reply& reply);
    void applied(const config::Nat64Config& next, const api::Json& answer, const api::Reply& reply);
    void reload(const api::Json& params, const api::Reply& reply);
    void status(const api::Reply& reply);
    [[nodiscard]] api::Json own_status() const;
    [[nodiscard]] api::Json dataplane_status(const Expected<api::Json>& there) const;

    std::string file_;
    config::Config cfg_;
    Rights rights_;
    RunningPolicy policy_;
    std::unique_ptr<api::RpcServer> server_;
    api::RpcLinks dataplane_;
    std::string instance_, trouble_;  // trouble_: why the dataplane is away; empty: it is there
    std::time_t away_since_ = 0, started_ = 0, next_try_ = 0;
    bool asking_ = false;  // the question of keep_in_step() is under way
    bool job_runs_ = false;
    std::deque<Job> jobs_;
};

}  // namespace isthmus::control
