// SPDX-License-Identifier: Apache-2.0
#include "control/dns64_link.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kReloadMs = 3000;

Json word_of(const Expected<Json>& answer, const char* good) {
    if (answer) return Json{{"state", good}};
    const bool away =
        answer.error().code == api::code::kAway || answer.error().code == api::code::kLost;
    return Json{{"state", away ? "not_running" : "failed"}, {"why", answer.error().text()}};
}

}  // namespace

void Dns64Link::reload(const std::string& socket, bool dry_run, const Told& told) {
    ask(socket, "reload", {{"dry_run", dry_run}}, dry_run ? "would_reload" : "reloaded", told);
}

void Dns64Link::follow(const std::string& socket, const std::string& policy, const Told& told) {
    ask(socket, "follow", {{"policy", policy}}, "follows", told);
}

void Dns64Link::ask(const std::string& socket, const std::string& method, const Json& params,
                    const char* good, const Told& told) {
    if (socket.empty()) return told(nullptr);
    api::RpcLinks& link = links_.try_emplace(socket, socket, "isthmus-dns64").first->second;
    link.ask(method, params, kReloadMs,
             [good, told](const Expected<Json>& answer) { told(word_of(answer, good)); });
}

void Dns64Link::wait_for(std::vector<pollfd>& fds) const {
    for (const auto& [path, link] : links_) link.wait_for(fds);
}

void Dns64Link::serve() {
    for (auto& [path, link] : links_) link.serve();
}

}  // namespace isthmus::control
