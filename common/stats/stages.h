// SPDX-License-Identifier: Apache-2.0
// Where a worker's cycles go: one counter for each stage of its turn, always on.
//
// At the end of a stage the time-stamp counter is read, once for a whole burst; nothing is read
// when there was no packet. The figures measure, nothing is decided by them: the pipeline remains a
// function of bytes, tables and the time that it is given.
#pragma once

#include <x86intrin.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/shared.h"

namespace isthmus {

enum class Stage : std::uint8_t { receive, read, lookup, send, transmit, housekeeping, count_ };
inline constexpr std::size_t kStageCount = static_cast<std::size_t>(Stage::count_);

struct StageInfo {
    Stage id;
    std::string_view name, help;
};
inline constexpr auto kStages = std::to_array<StageInfo>({
    {Stage::receive, "receive", "frames from devices, from other workers and from the kernel"},
    {Stage::read, "read", "headers to keys; asks for the index"},
    {Stage::lookup, "lookup", "the candidate binding of each packet; asks for its line"},
    {Stage::send, "send", "decided, translated, link header written"},
    {Stage::transmit, "transmit", "to devices, other workers and the kernel"},
    {Stage::housekeeping, "housekeeping", "expiry, new policy, clearing, what waits"},
});
static_assert(kStages.size() == kStageCount);

/// One thread writes, any thread may read.
class StageClock {
public:
    /// From here on time belongs to the next stage.
    void start(std::uint64_t tsc) noexcept { last_ = tsc; }
    void start() noexcept { start(__rdtsc()); }
    /// The stage that was just done, for `n` packets.
    void end(Stage s, unsigned n) noexcept {
        const std::uint64_t tsc = __rdtsc();
        Cell& c = cell_[static_cast<std::size_t>(s)];
        c.cycles += tsc - last_;
        c.packets += n;
        last_ = tsc;
    }
    [[nodiscard]] std::uint64_t cycles(Stage s) const noexcept {
        return cell_[static_cast<std::size_t>(s)].cycles.read();
    }
    [[nodiscard]] std::uint64_t packets(Stage s) const noexcept {
        return cell_[static_cast<std::size_t>(s)].packets.read();
    }

private:
    struct Cell {
        Shared<std::uint64_t> cycles = 0, packets = 0;
    };
    std::array<Cell, kStageCount> cell_{};
    std::uint64_t last_ = 0;
};

}  // namespace isthmus
