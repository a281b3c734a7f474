// SPDX-License-Identifier: Apache-2.0
// One configured log, on a thread of its own: from the queue to the sink (docs/decisions/0031).
//
// Records that the sink does not take go to the outlet's spool on disk, when it has one, and from
// there to the sink, in order. While the sink waits for its collector, what comes meanwhile goes to
// the spool too. Without a spool, or with a full one, records wait in the queue; what the queue
// gives up is said in a gap record before the next that is taken.
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "control/logs/queue.h"
#include "control/logs/spool.h"

namespace isthmus::control {

class Outlet {
public:
    struct Facts {
        std::string name, type, to, error;
        bool up = true;     // the sink takes records
        bool takes = true;  // the sink or the spool does
        std::uint64_t delivered = 0, lost = 0;
        std::uint64_t failures = 0;  // of the sink
        std::uint64_t spooled_bytes = 0;
    };

    /// `i`: which of the queue's outlets it is.
    Outlet(Facts facts, std::unique_ptr<LogSink> sink, std::shared_ptr<LogQueue> queue,
           std::size_t i, std::unique_ptr<Spool> spool = nullptr);

    /// Until the queue stops.
    void run();
    /// One round of it: at most one batch of the queue. True: it may go on at once.
    bool step(int wait_ms);
    /// Any thread.
    [[nodiscard]] Facts facts() const;

private:
    bool put(const BatchPtr& batch);
    [[nodiscard]] bool may_try() const;
    bool deliver(const BatchPtr& batch);
    bool drain();
    void tick();
    void failed(const Error& why);
    void once_more();
    void remember(const BatchPtr& batch);
    void forget_old(std::int64_t now_ns);
    Status keep(const LogBatch& batch);
    bool relieve();
    void tell_bytes();

    const std::unique_ptr<LogSink> sink_;
    const std::shared_ptr<LogQueue> queue_;
    const std::size_t i_;
    const std::unique_ptr<Spool> spool_;
    BatchPtr under_way_;     // of the queue, with the sink now, and not in the spool
    bool relieved_ = false;  // it went to the spool meanwhile: the oldest there
    std::int64_t next_try_ns_ = 0, wait_ns_ = 0, begun_ns_ = 0;  // steady clock
    std::deque<std::pair<std::int64_t, BatchPtr>> recent_;  // delivered then, and perhaps forgotten
    std::size_t n_recent_ = 0;                              // records

    mutable std::mutex mutex_;  // what follows; only this outlet's thread writes it
    Facts facts_;
};

/// An outlet's thread. One that stands still in a write is left behind: what it uses it owns.
class OutletThread {
public:
    explicit OutletThread(std::shared_ptr<Outlet> outlet);
    ~OutletThread();
    OutletThread(const OutletThread&) = delete;
    OutletThread& operator=(const OutletThread&) = delete;
    [[nodiscard]] Outlet::Facts facts() const { return outlet_->facts(); }
    /// After the queue's stop(). False: it stands still.
    bool join_before(std::int64_t steady_ns);

private:
    struct End;
    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<End> end_;
    std::thread thread_;
};

}  // namespace isthmus::control
