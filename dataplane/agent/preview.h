// SPDX-License-Identifier: Apache-2.0
// What a new snapshot or a clearing would close, found by a reader's walk over the workers' tables:
// nothing is stopped, so flows that come and go during the walk may be counted or not.
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

class Closing {
public:
    /// `now` runs, and outlives this.
    Closing(const Workers& workers, const pipeline::Snapshot& now) : workers_(workers), now_(now) {}
    virtual ~Closing() = default;
    Closing(const Closing&) = delete;
    Closing& operator=(const Closing&) = delete;

    /// Looks at some more records; true when all have been seen.
    bool step();

    std::uint64_t bindings = 0, sessions = 0;
    [[nodiscard]] std::size_t subscribers() const { return subscribers_.size(); }

protected:
    /// A binding that goes with all its sessions.
    [[nodiscard]] virtual bool closes(const nat::BindingView& b) = 0;
    /// A session of one that does not.
    [[nodiscard]] virtual bool closes(const nat::SessionView& s) = 0;
    [[nodiscard]] bool lives(const nat::SessionView& s, const nat::Policy& policy) const;
    [[nodiscard]] const pipeline::Snapshot& now() const { return now_; }

private:
    void look_at_binding(const nat::Engine& e, nat::Index i);
    void look_at_more(const nat::Engine& e, nat::Index i);
    void count(const nat::BindingView& b, std::uint64_t n_sessions);

    const Workers& workers_;
    const pipeline::Snapshot& now_;
    unsigned worker_ = 0, table_ = 0;
    nat::Index index_ = 0;
    std::unordered_set<std::string> subscribers_;
    /// Bindings with several sessions, of which so many close.
    std::map<std::tuple<Proto, std::uint16_t, std::uint16_t>, std::uint32_t> partly_;
};

/// What `next` would close. It outlives the preview.
class Preview final : public Closing {
public:
    Preview(const Workers& workers, const pipeline::Snapshot& now, const pipeline::Snapshot& next)
        : Closing(workers, now), next_(next) {}

    /// True when `next` can close nothing at all: no walk is needed.
    [[nodiscard]] static bool harmless(const pipeline::Snapshot& now,
                                       const pipeline::Snapshot& next);
    /// Dynamic bindings in the way of new static ones, a few of them, as sentences.
    std::vector<std::string> holders;

private:
    [[nodiscard]] bool closes(const nat::BindingView& b) override;
    [[nodiscard]] bool closes(const nat::SessionView& s) override;
    [[nodiscard]] const nat::StaticEntry* in_the_way_of(const nat::BindingView& b) const;

    const pipeline::Snapshot& next_;
};

/// What an order to clear would close (nat::Engine::post_clear).
class ClearPreview final : public Closing {
public:
    ClearPreview(const Workers& workers, const pipeline::Snapshot& now,
                 const nat::ClearOrder& order)
        : Closing(workers, now), order_(order) {}

private:
    [[nodiscard]] bool closes(const nat::BindingView& b) override;
    [[nodiscard]] bool closes(const nat::SessionView& s) override;
    [[nodiscard]] bool names(const nat::BindingView& b) const;

    nat::ClearOrder order_;
};

}  // namespace isthmus::agent
