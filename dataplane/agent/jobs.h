// SPDX-License-Identifier: Apache-2.0
// Requests that take longer than an answer may: walks over large tables, orders that the workers
// carry out over many turns. One after another, in slices between the other requests, so that the
// agent goes on following the kernel and serving others.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

namespace isthmus::agent {

class Jobs {
public:
    /// One slice of at most some milliseconds; true: finished, and answered.
    using Step = std::function<bool()>;

    void add(Step step) { queue_.push_back({std::move(step), false}); }
    /// A job that has nothing to do but to see whether the workers are ready: they may need the
    /// core that it would be looked after on.
    void add_waiting(Step step) { queue_.push_back({std::move(step), true}); }
    /// How long the agent may wait for news before the next slice: at most `idle_ms`.
    [[nodiscard]] int pause_ms(int idle_ms) const {
        if (queue_.empty()) return idle_ms;
        return queue_.front().waits ? std::min(idle_ms, 1) : 0;
    }
    void run_slice() {
        if (!queue_.empty() && queue_.front().step()) queue_.pop_front();
    }

private:
    struct Job {
        Step step;
        bool waits = false;
    };
    std::deque<Job> queue_;
};

}  // namespace isthmus::agent
