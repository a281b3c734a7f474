// SPDX-License-Identifier: Apache-2.0
// What a new snapshot would close, found by a reader's walk over the workers' tables: nothing is
// stopped, so flows that come and go during the walk may be counted or not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "dataplane/agent/workers.h"
#include "dataplane/nat/engine.h"
#include "dataplane/pipeline/snapshot.h"

namespace isthmus::agent {

class Preview {
public:
    /// `now` runs, `next` would. Both outlive the preview.
    Preview(const Workers& workers, const pipeline::Snapshot& now, const pipeline::Snapshot& next)
        : workers_(workers), now_(now), next_(next) {}

    /// True when `next` can close nothing at all: no walk is needed.
    [[nodiscard]] static bool harmless(const pipeline::Snapshot& now,
                                       const pipeline::Snapshot& next);

    /// Looks at some more records; true when all have been seen.
    bool step();

    std::uint64_t bindings = 0, sessions = 0;
    [[nodiscard]] std::size_t subscribers() const { return subscribers_.size(); }
    /// Dynamic bindings in the way of new static ones, a few of them, as sentences.
    std::vector<std::string> holders;

private:
    void look_at_binding(const nat::Engine& e, nat::Index i);
    void look_at_more(const nat::Engine& e, nat::Index i);
    [[nodiscard]] bool closes(const nat::BindingView& b) const;
    [[nodiscard]] bool closes(const nat::SessionView& s) const;
    [[nodiscard]] const nat::StaticEntry* in_the_way_of(const nat::BindingView& b) const;
    void count(const nat::BindingView& b, std::uint64_t n_sessions);

    const Workers& workers_;
    const pipeline::Snapshot& now_;
    const pipeline::Snapshot& next_;
    unsigned worker_ = 0, table_ = 0;
    nat::Index index_ = 0;
    std::unordered_set<std::string> subscribers_;
    /// Bindings with several sessions, of which so many close.
    std::map<std::tuple<Proto, std::uint16_t, std::uint16_t>, std::uint32_t> partly_;
};

}  // namespace isthmus::agent
