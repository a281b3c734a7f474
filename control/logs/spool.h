// SPDX-License-Identifier: Apache-2.0
// Records on disk that wait for a collector that is away: segments of text in a directory of their
// own, oldest first, with a limit in bytes. A later control finds what an earlier one left; a
// segment of which some was sent before a crash is sent again whole. Once a second what was written
// is forced to the disk.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/logs/record.h"

namespace isthmus::control {

class Spool {
public:
    /// Looks at what is there.
    Spool(std::string dir, std::uint64_t most_bytes);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    [[nodiscard]] bool empty() const { return segments_.empty() && batches_.empty(); }
    [[nodiscard]] std::uint64_t bytes() const;
    /// An error: full, or the disk takes nothing; then nothing of it is kept.
    Status append(const LogBatch& batch);
    /// Before all that is there.
    Status put_first(std::span<const std::shared_ptr<const LogBatch>> batches);
    /// The oldest; nullptr: none (any more: what cannot be read is left out, and said).
    [[nodiscard]] std::shared_ptr<const LogBatch> front();
    void pop();
    void tick();

private:
    static constexpr std::uint64_t kMiddle = std::uint64_t{1} << 32;
    struct Segment {
        std::uint64_t id = 0, bytes = 0;
    };
    [[nodiscard]] std::string path(std::uint64_t id) const;
    void close();
    void load_oldest();
    void drop_loaded();

    std::string dir_;
    std::uint64_t most_bytes_;
    std::deque<Segment> segments_;  // on disk and not loaded, oldest first
    Segment loaded_;                // the one that batches_ are from; id 0: none
    std::deque<std::shared_ptr<const LogBatch>> batches_;
    std::vector<std::uint64_t> before_;  // segments that were put before it when it was loaded
    std::uint64_t first_id_ = kMiddle, next_id_ = kMiddle;
    int fd_ = -1;  // of the newest segment, while it is written
    bool unsynced_ = false;
    std::int64_t synced_ns_ = 0;
};

/// A batch as lines of text, and back.
[[nodiscard]] std::string spool_text(const LogBatch& batch);
[[nodiscard]] std::deque<LogBatch> spool_batches(const std::string& text, bool& whole);

}  // namespace isthmus::control
