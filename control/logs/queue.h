// SPDX-License-Identifier: Apache-2.0
// The records that wait for the logs: one writer, the fetcher, and a reader for each outlet, each
// at its own pace on its own thread. Nobody waits for an outlet: no lock is held while one writes.
//
// A batch leaves when every outlet has taken it or has given it up. Room is counted in records;
// when it is used up the oldest batch is given up for those that have not taken it, which becomes a
// Loss that they are handed, in its place, before what follows. A batch that an outlet is at work
// on when it is given up stays with that outlet, and is lost only when the outlet fails.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "control/logs/loss.h"

namespace isthmus::control {

using BatchPtr = std::shared_ptr<const LogBatch>;

class LogQueue {
public:
    LogQueue(std::size_t n_outlets, std::uint64_t most_records)
        : most_(most_records), places_(n_outlets) {}
    LogQueue(const LogQueue&) = delete;
    LogQueue& operator=(const LogQueue&) = delete;

    // The fetcher's.
    void push(LogBatch batch);
    [[nodiscard]] bool is_full() const { return waiting() >= most_; }
    /// Gives up the oldest until there is room, as long as those who have not taken it take
    /// nothing; with `all`, whoever they are. The outlets that begin to lose.
    [[nodiscard]] std::vector<std::size_t> give_up(bool all = false);
    [[nodiscard]] std::uint64_t waiting() const;
    /// All that work are far behind: the rings may as well keep what comes.
    [[nodiscard]] bool is_outrun() const;
    struct Acked {
        std::string instance;
        std::vector<std::uint64_t> upto;  // by worker
        friend bool operator==(const Acked&, const Acked&) = default;
    };
    /// What every outlet has, or has given up.
    [[nodiscard]] Acked acked() const;
    void set_acked(Acked a);
    /// What an outlet has lost and not said; with what it would lose if it ended now.
    [[nodiscard]] Losses untold(std::size_t outlet) const;
    void set_untold(std::size_t outlet, Losses losses);
    struct State {
        bool takes = true;  // the outlet took what it was given last, and is not stuck
        bool has_waiting = false;
        std::uint64_t lost = 0;      // records
        std::uint64_t stuck_ns = 0;  // for how long it has been at one batch without a sign of life
    };
    [[nodiscard]] State state(std::size_t outlet) const;
    /// Every outlet has taken all, or takes nothing.
    [[nodiscard]] bool is_settled() const;
    /// It ends soon: whoever waits for somebody should put away what it has.
    void hurry();
    void stop();

    // An outlet's.
    struct Next {
        BatchPtr batch;  // nullptr: nothing came in that time
        bool is_gap = false;
    };
    [[nodiscard]] Next next(std::size_t outlet, int wait_ms);
    void taken(std::size_t outlet);
    void refused(std::size_t outlet);
    /// Still there, though at one batch for long.
    void alive(std::size_t outlet);
    /// More waits for the outlet than should.
    [[nodiscard]] bool is_pressed(std::size_t outlet) const;
    /// False: the end.
    bool pause(int ms);
    [[nodiscard]] bool is_stopped() const;

private:
    struct Place {
        std::uint64_t next = 0;    // number of the batch that it takes next
        std::uint64_t passed = 0;  // records before it
        BatchPtr under_way;        // given out, and neither taken nor refused
        bool orphan = false;       // the queue has given up what is under way
        bool telling = false;      // what is under way is the gap record of lost.front()
        bool refused = false;
        Losses lost;  // not said
        std::uint64_t n_lost = 0;
        std::int64_t alive_ns = 0;
    };
    [[nodiscard]] std::uint64_t behind(const Place& p) const { return pushed_ - p.passed; }
    [[nodiscard]] bool is_stuck(const Place& p) const;
    [[nodiscard]] bool is_wanted(const BatchPtr& oldest) const;
    void pass(Place& p, const LogBatch& b);
    void lose(Place& p, const LogBatch& b);
    void forget();

    const std::uint64_t most_;
    mutable std::mutex mutex_;  // all that follows
    std::condition_variable came_;
    bool hurry_ = false, stop_ = false;
    std::deque<BatchPtr> batches_;
    std::uint64_t first_ = 0;   // number of batches_.front()
    std::uint64_t pushed_ = 0;  // records, ever
    std::uint64_t waiting_ = 0;
    Acked acked_;
    std::vector<Place> places_;
};

}  // namespace isthmus::control
