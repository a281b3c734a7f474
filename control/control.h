// SPDX-License-Identifier: Apache-2.0
// isthmus-control: owns the policy, keeps the dataplane in step with it, serves the operator's
// socket.
//
// The dataplane is asked for its instance and policy once a second; when it is a new instance, or
// runs another policy, it gets the running one. A dataplane that is away delays nothing: changes
// are refused with that reason (nothing is lost that was accepted), reads that need it say so.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "common/api/rpc.h"
#include "control/policy.h"

namespace isthmus::control {

class Control {
public:
    [[nodiscard]] static Expected<std::unique_ptr<Control>> create(const std::string& file);
    void run_once(int timeout_ms);
    /// A clean stop: the file rules at the next start.
    void stop();

private:
    Control(std::string file, config::Config cfg);
    void serve_methods();
    void keep_in_step();
    bool connect();
    Expected<api::Json> ask(const std::string& method, const api::Json& params);
    Expected<api::Json> commit(const config::Nat64Config& next, bool dry_run);
    Expected<api::Json> reload(const api::Json& params);
    Expected<api::Json> status();
    [[nodiscard]] bool may(const api::Peer& peer, api::Right right) const;

    std::string file_;
    config::Config cfg_;
    RunningPolicy policy_;
    std::unique_ptr<api::RpcServer> server_;
    std::optional<api::RpcClient> dataplane_;
    std::string instance_, last_error_;
    std::time_t away_since_ = 0, started_ = 0, next_try_ = 0;
};

}  // namespace isthmus::control
