// SPDX-License-Identifier: Apache-2.0
// Requests that take longer than an answer may: walks over large tables, orders that the workers
// carry out over many turns. One after another, in slices between the other requests, so that the
// agent goes on following the kernel and serving others.
#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace isthmus::agent {

class Jobs {
public:
    /// One slice of at most some milliseconds; true: finished, and answered.
    using Step = std::function<bool()>;

    void add(Step step) { queue_.push_back(std::move(step)); }
    [[nodiscard]] bool busy() const { return !queue_.empty(); }
    void run_slice() {
        if (!queue_.empty() && queue_.front()()) queue_.pop_front();
    }

private:
    std::deque<Step> queue_;
};

}  // namespace isthmus::agent
