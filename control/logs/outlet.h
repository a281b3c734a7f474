// SPDX-License-Identifier: Apache-2.0
// One configured log: a sink, its place in the records that wait, and what became of them. Records
// that the sink does not take wait; those that cannot wait any longer are lost, and a gap record
// says which before the next that it takes.
#pragma once

#include <map>
#include <memory>

#include "control/logs/record.h"

namespace isthmus::control {

class Outlet {
public:
    struct Facts {
        std::string name, type, to, error;
        bool up = true;
        std::uint64_t delivered = 0, lost = 0;
        std::uint64_t failures = 0;  // of the sink
    };

    Outlet(Facts facts, std::unique_ptr<LogSink> sink)
        : facts_(std::move(facts)), sink_(std::move(sink)) {}

    /// False: it could not be delivered now.
    bool take(const LogBatch& batch);
    /// A batch that take() refused is given up.
    void lose(const LogBatch& batch);
    void tick();
    [[nodiscard]] const Facts& facts() const { return facts_; }

    std::uint64_t next = 0;  // number of the batch that it takes next

private:
    struct Lost {
        std::uint64_t first = 0, last = 0, n = 0;
    };
    bool deliver(const LogBatch& batch);
    bool deliver_gap();
    void failed(const Error& why);

    Facts facts_;
    std::unique_ptr<LogSink> sink_;
    std::uint64_t next_try_ns_ = 0, wait_ns_ = 0;
    // What was given up since the last gap record.
    std::uint64_t lost_now_ = 0, lost_from_ns_ = 0, lost_to_ns_ = 0;
    std::string lost_instance_;
    std::map<unsigned, Lost> lost_of_;  // by worker
};

}  // namespace isthmus::control
