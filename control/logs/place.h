// SPDX-License-Identifier: Apache-2.0
// The logs' place on disk: which record of which dataplane was the last that all outlets have, and
// what each of them has lost and not yet said. Written on a thread of its own, for a disk may stand
// still; the newest place is the one that counts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "control/logs/queue.h"

namespace isthmus::control {

struct LogPlace {
    LogQueue::Acked acked;
    std::uint64_t unix_ns = 0;
    std::map<std::string, Losses> untold;  // by the outlet's key
    friend bool operator==(const LogPlace&, const LogPlace&) = default;
};

/// Nothing: there is none, or it cannot be read.
[[nodiscard]] std::optional<LogPlace> read_place(const std::string& path);
Status write_place(const std::string& path, const LogPlace& place);

class PlaceKeeper {
public:
    explicit PlaceKeeper(const std::string& path);
    ~PlaceKeeper();
    PlaceKeeper(const PlaceKeeper&) = delete;
    PlaceKeeper& operator=(const PlaceKeeper&) = delete;
    /// Asks for it; does not wait.
    void keep(LogPlace place);
    /// The newest that was written, or that the disk did not take.
    [[nodiscard]] LogQueue::Acked kept() const;
    void set_kept(LogQueue::Acked acked);
    /// The last one is written, or the disk stands still at that time and its thread is left
    /// behind.
    void stop_before(std::int64_t steady_ns);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace isthmus::control
