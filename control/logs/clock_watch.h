// SPDX-License-Identifier: Apache-2.0
// Notices when the wall clock is set: times in the log jump then, and one that is set back shows
// some times twice. The note says from when to when.
#pragma once

#include <optional>

#include "control/logs/record.h"

namespace isthmus::control {

class ClockWatch {
public:
    /// Both clocks, read at once, again and again; a note when the first one made a step.
    [[nodiscard]] std::optional<Note> look(std::uint64_t unix_ns, std::int64_t steady_ns) {
        const std::int64_t offset = static_cast<std::int64_t>(unix_ns) - steady_ns;
        const std::int64_t step = begun_ ? offset - offset_ : 0;
        begun_ = true;
        offset_ = offset;
        if (step < kStep && step > -kStep) return std::nullopt;
        const auto before = static_cast<std::uint64_t>(static_cast<std::int64_t>(unix_ns) - step);
        return Note{unix_ns,
                    "clock_set",
                    {{"from", utc_text(before)},
                     {"to", utc_text(unix_ns)},
                     {"by_milliseconds", step / 1'000'000}}};
    }

private:
    static constexpr std::int64_t kStep = static_cast<std::int64_t>(kNanosPerSecond);
    bool begun_ = false;
    std::int64_t offset_ = 0;
};

}  // namespace isthmus::control
