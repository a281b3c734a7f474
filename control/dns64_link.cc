// SPDX-License-Identifier: Apache-2.0
#include "control/dns64_link.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kReloadMs = 3000;

Json word_of(const Expected<Json>& answer, bool dry_run) {
    if (answer) return Json{{"state", dry_run ? "would_reload" : "reloaded"}};
    const bool away =
        answer.error().code == api::code::kAway || answer.error().code == api::code::kLost;
    return Json{{"state", away ? "not_running" : "failed"}, {"why", answer.error().text()}};
}

}  // namespace

void Dns64Link::reload(const std::string& socket, bool dry_run, const Told& told) {
    if (socket.empty()) return told(nullptr);
    api::RpcLinks& link = links_.try_emplace(socket, socket, "isthmus-dns64").first->second;
    link.ask("reload", Json{{"dry_run", dry_run}}, kReloadMs,
             [dry_run, told](const Expected<Json>& answer) { told(word_of(answer, dry_run)); });
}

void Dns64Link::wait_for(std::vector<pollfd>& fds) const {
    for (const auto& [path, link] : links_) link.wait_for(fds);
}

void Dns64Link::serve() {
    for (auto& [path, link] : links_) link.serve();
}

}  // namespace isthmus::control
