// SPDX-License-Identifier: Apache-2.0
// Where a worker's cycles go: one counter for each stage of its turn, always on.
//
// At the end of a stage the time-stamp counter is read: once in a turn, or, of the stages that a
// burst goes through slice by slice, once for each slice. So of turns with packets one in eight is
// measured and counts for eight. The figures measure, nothing is decided by them: the pipeline
// remains a function of bytes, tables and the time that it is given.
//
// The counter is read by the compiler's builtin: <x86intrin.h>, which names it, takes the compiler
// a third of a second in each of the hundred files that see this one.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "common/base/prefetch.h"
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
    /// A turn begins: from `tsc` on time belongs to its first stage.
    void start(std::uint64_t tsc) noexcept {
        // Steps of the golden ratio: evenly spread, and in step with no pattern of traffic.
        turn_ += 0x9e3779b9;
        measured_ = turn_ < (std::uint64_t{1} << 32) / kEvery;
        last_ = tsc;
    }
    /// Of a stage, or a slice of it, that was just done.
    void end(Stage s) noexcept {
        if (is_likely(!measured_)) return;
        const std::uint64_t tsc = __builtin_ia32_rdtsc();
        cell(s).cycles += (tsc - last_) * kEvery;
        last_ = tsc;
    }
    /// These stages have now been done for `n` packets.
    void count(std::initializer_list<Stage> of, unsigned n) noexcept {
        if (is_likely(!measured_)) return;
        for (const Stage s : of) cell(s).packets += std::uint64_t{n} * kEvery;
    }
    /// A whole stage of `n` packets was just done.
    void end(Stage s, unsigned n) noexcept {
        end(s);
        count({s}, n);
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
    Cell& cell(Stage s) noexcept { return cell_[static_cast<std::size_t>(s)]; }
    static constexpr unsigned kEvery = 8;
    std::array<Cell, kStageCount> cell_{};
    std::uint64_t last_ = 0;
    std::uint32_t turn_ = 0;
    bool measured_ = false;  // this turn
};

}  // namespace isthmus
