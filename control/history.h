// SPDX-License-Identifier: Apache-2.0
// Who changed the policy, when, how, and what it cost; with the policy itself, to go back to. One
// file for each change in state_dir/history, the newest kEntriesMost of them. A file that cannot be
// read is left out and said; one that cannot be written costs the change nothing but its entry.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "common/api/rpc.h"
#include "common/config/diff.h"

namespace isthmus::control {

/// A change as JSON: key, before, after; of a list what came and what went, at most 20 of each.
[[nodiscard]] api::Json changes_json(const std::vector<config::Change>& changes);

class History {
public:
    static constexpr std::size_t kEntriesMost = 50;

    struct Entry {
        std::uint64_t id = 0;
        std::int64_t when = 0;  // Unix seconds
        std::uint32_t uid = 0;
        std::string user, what;  // what: "reload", "pool.add 203.0.113.64"
        api::Json changes = api::Json::array();
        api::Json closes = api::Json::object();  // as the dataplane counted
    };

    /// Reads what is there.
    explicit History(const std::string& state_dir);
    /// `policy`: what runs from now on. The id is given here.
    Status add(Entry entry, const std::string& policy);
    [[nodiscard]] const std::deque<Entry>& newest_first() const { return entries_; }
    /// The policy of an entry; an error when the file has gone or is damaged.
    [[nodiscard]] Expected<std::string> policy_of(std::uint64_t id) const;

private:
    [[nodiscard]] std::string path_of(std::uint64_t id) const;
    std::string folder_;
    std::deque<Entry> entries_;
    std::uint64_t last_id_ = 0;
};

}  // namespace isthmus::control
