// SPDX-License-Identifier: Apache-2.0
#include "control/history.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "common/log/log.h"
#include "control/files.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr std::size_t kElementsMost = 20, kValueMost = 400;

Json elements_json(const std::vector<std::string>& list) {
    Json out = Json::array();
    for (std::size_t i = 0; i < std::min(list.size(), kElementsMost); i++) out.push_back(list[i]);
    if (list.size() > kElementsMost)
        out.push_back("and " + std::to_string(list.size() - kElementsMost) + " more");
    return out;
}

Json entry_json(const History::Entry& e, const std::string& policy) {
    return {{"id", e.id},     {"unix_seconds", e.when}, {"uid", e.uid},       {"user", e.user},
            {"what", e.what}, {"changes", e.changes},   {"closes", e.closes}, {"policy", policy}};
}

/// The file's content, when it is one of ours.
Json read_entry(const std::string& path) {
    const auto text = read_file(path);
    if (!text) return {};
    Json j = api::from_text(*text);
    const bool good =
        j.is_object() && api::number_of(j, "id", 0) > 0 && !api::text_of(j, "policy").empty();
    return good ? j : Json();
}

}  // namespace

Json changes_json(const std::vector<config::Change>& changes) {
    Json out = Json::array();
    for (const config::Change& c : changes) {
        Json one{{"key", c.key}};
        if (!c.added.empty() || !c.removed.empty()) {
            one["added"] = elements_json(c.added);
            one["removed"] = elements_json(c.removed);
        }
        if (c.before.size() <= kValueMost && c.after.size() <= kValueMost) {
            one["before"] = c.before;
            one["after"] = c.after;
        }
        if (c.start_only) one["start_only"] = true;
        out.push_back(std::move(one));
    }
    return out;
}

History::History(const std::string& state_dir) : folder_(state_dir + "/history") {
    std::error_code ignored;
    for (const auto& f : std::filesystem::directory_iterator(folder_, ignored)) {
        if (f.path().extension() != ".json") continue;
        const Json j = read_entry(f.path());
        if (j.is_null()) {
            log::warn(f.path().string() + " is no entry of the history: it is left out");
            continue;
        }
        Entry e;
        e.id = static_cast<std::uint64_t>(api::number_of(j, "id", 0));
        if (f.path() != path_of(e.id)) continue;
        e.when = api::number_of(j, "unix_seconds", 0);
        e.uid = static_cast<std::uint32_t>(api::number_of(j, "uid", 0));
        e.user = api::text_of(j, "user");
        e.what = api::text_of(j, "what");
        if (const auto at = j.find("changes"); at != j.end() && at->is_array()) e.changes = *at;
        if (const auto at = j.find("closes"); at != j.end() && at->is_object()) e.closes = *at;
        entries_.push_back(std::move(e));
    }
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.id > b.id; });
    if (!entries_.empty()) last_id_ = entries_.front().id;
}

std::string History::path_of(std::uint64_t id) const {
    char name[32];
    std::snprintf(name, sizeof name, "/%08llu.json", static_cast<unsigned long long>(id));
    return folder_ + name;
}

Status History::add(Entry entry, const std::string& policy) {
    entry.id = ++last_id_;
    // Room first: with a full disk the oldest makes place for the newest.
    while (entries_.size() >= kEntriesMost) {
        remove_file(path_of(entries_.back().id));
        entries_.pop_back();
    }
    const std::string text = api::to_text(entry_json(entry, policy), 1) + "\n";
    Status written = write_file(path_of(entry.id), text);
    if (written) entries_.push_front(std::move(entry));
    return written;
}

Expected<std::string> History::policy_of(std::uint64_t id) const {
    const Json j = read_entry(path_of(id));
    if (j.is_null())
        return Error{path_of(id),
                     "is missing or damaged; choose another of isthmusctl show history"};
    return api::text_of(j, "policy");
}

}  // namespace isthmus::control
