// SPDX-License-Identifier: Apache-2.0
// One configured log: a sink, its place in the records that wait, and what became of them.
//
// Records that the sink does not take go to the outlet's spool on disk, when it has one, and from
// there to the sink, in order. Those that have no room there wait; those that cannot wait any
// longer are lost, and a gap record says which before the next that is taken.
#pragma once

#include <map>
#include <memory>

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

    Outlet(Facts facts, std::unique_ptr<LogSink> sink, std::unique_ptr<Spool> spool = nullptr)
        : facts_(std::move(facts)), sink_(std::move(sink)), spool_(std::move(spool)) {}

    /// False: neither the sink nor the spool takes it now.
    bool take(const LogBatch& batch);
    /// A batch that take() refused is given up.
    void lose(const LogBatch& batch);
    /// Now and then: what the spool has goes on.
    void tick();
    [[nodiscard]] const Facts& facts() const { return facts_; }

    std::uint64_t next = 0;  // number of the batch that it takes next

private:
    struct Lost {
        std::uint64_t first = 0, last = 0, n = 0;
    };
    bool put(const LogBatch& batch);
    bool put_gap();
    [[nodiscard]] bool may_try() const;
    bool deliver(const LogBatch& batch);
    void drain();
    void failed(const Error& why);
    void remember(const LogBatch& batch);

    Facts facts_;
    std::unique_ptr<LogSink> sink_;
    std::unique_ptr<Spool> spool_;
    std::uint64_t next_try_ns_ = 0, wait_ns_ = 0;
    std::deque<std::pair<std::uint64_t, LogBatch>>
        recent_;                // delivered then, and perhaps forgotten
    std::size_t n_recent_ = 0;  // records
    // What was given up since the last gap record.
    std::uint64_t lost_now_ = 0, lost_from_ns_ = 0, lost_to_ns_ = 0;
    std::string lost_instance_;
    std::map<unsigned, Lost> lost_of_;  // by worker
};

}  // namespace isthmus::control
