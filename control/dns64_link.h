// SPDX-License-Identifier: Apache-2.0
// isthmus-dns64 reads the same file as control: one reload changes both. It is asked on
// dns64.socket, and never waited for.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/api/links.h"

namespace isthmus::control {

class Dns64Link {
public:
    /// For the operator: {"state": "reloaded"}; {"state", "why"} of "not_running" and "failed";
    /// null when there is nobody to ask.
    using Told = std::function<void(const api::Json& word)>;
    /// `socket`: empty: there is nobody. A dry run asks whether it would take the file
    /// ("would_reload").
    void reload(const std::string& socket, bool dry_run, const Told& told);
    /// Gives it the policy that the gateway has, in place of section nat64 of the file; told as by
    /// reload(), {"state": "follows"}.
    void follow(const std::string& socket, const std::string& policy, const Told& told);

    void wait_for(std::vector<pollfd>& fds) const;
    void serve();

private:
    /// `good`: the state that a result means.
    void ask(const std::string& socket, const std::string& method, const api::Json& params,
             const char* good, const Told& told);

    /// By path: the socket's path may change with the file, while an answer is under way.
    std::map<std::string, api::RpcLinks> links_;
};

}  // namespace isthmus::control
