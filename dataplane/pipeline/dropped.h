// SPDX-License-Identifier: Apache-2.0
// The last dropped packets of one worker, always on: for each reason the newest kDroppedEach of
// them, with time, port and the first bytes, so that a flood of one reason never hides a rare one.
//
// One writer (the worker, only when it drops), any number of readers. A slot is guarded by its
// generation, odd while it is written; every field is a word that cannot be torn. Within one burst
// a reason fills its slots once: under a flood the cost stays at a comparison for most drops.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "common/base/shared.h"
#include "common/base/units.h"
#include "common/stats/drop.h"

namespace isthmus::pipeline {

inline constexpr unsigned kDroppedEach = 8;     // packets kept for each reason
inline constexpr unsigned kDroppedBytes = 128;  // of each packet

/// What a frame's first byte is.
enum class Starts : std::uint8_t { at_link, at_ip };

struct DroppedView {
    std::uint64_t serial = 0;  // of this reason at this worker; the first is 1
    Nanos at;
    std::uint32_t len_bytes = 0;   // of the packet
    std::uint32_t kept_bytes = 0;  // of `bytes`
    std::uint16_t port = 0;
    Starts starts = Starts::at_ip;
    std::array<std::uint8_t, kDroppedBytes> bytes{};
};

class Dropped {
public:
    struct What {
        std::span<const std::uint8_t> bytes;
        std::uint16_t port = 0;
        Starts starts = Starts::at_ip;
    };

    void note(Drop why, const What& what, Nanos now) noexcept {
        Reason& r = reason_[static_cast<std::size_t>(why)];
        Slot& slot = r.slot[r.n % kDroppedEach];
        // The slot that would be overwritten is of this very burst: eight are enough of it.
        if (slot.generation != 0 && slot.at == now.v) return;
        write(slot, what, now);
        slot.serial = ++r.n;
        slot.generation += 1;
    }

    /// Any thread: what slot `i` of a reason holds.
    [[nodiscard]] std::optional<DroppedView> read(Drop why, unsigned i) const noexcept {
        const Slot& slot = reason_[static_cast<std::size_t>(why)].slot[i % kDroppedEach];
        for (unsigned tries = 0; tries < 8; tries++) {
            const std::uint32_t before = slot.generation.read();
            if (before == 0) return std::nullopt;
            if (before % 2 != 0) continue;
            const DroppedView view = copy_of(slot);
            if (slot.generation.read() == before) return view;
        }
        return std::nullopt;
    }

private:
    static constexpr unsigned kWords = kDroppedBytes / 8;
    struct Slot {
        Shared<std::uint32_t> generation = 0;
        Shared<std::uint32_t> len_bytes = 0;
        Shared<std::uint64_t> serial = 0, at = 0;
        Shared<std::uint16_t> port = 0;
        Shared<Starts> starts = Starts::at_ip;
        std::array<Shared<std::uint64_t>, kWords> word{};
    };
    struct Reason {
        std::uint64_t n = 0;
        std::array<Slot, kDroppedEach> slot{};
    };

    static void write(Slot& slot, const What& what, Nanos now) noexcept {
        slot.generation += 1;
        slot.at = now.v;
        slot.len_bytes = static_cast<std::uint32_t>(what.bytes.size());
        slot.port = what.port;
        slot.starts = what.starts;
        const std::size_t kept = std::min<std::size_t>(what.bytes.size(), kDroppedBytes);
        for (std::size_t at = 0; at < kept; at += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, what.bytes.data() + at, std::min<std::size_t>(8, kept - at));
            slot.word[at / 8] = word;
        }
    }

    static DroppedView copy_of(const Slot& slot) noexcept {
        DroppedView v;
        v.serial = slot.serial.read();
        v.at = Nanos{slot.at.read()};
        v.len_bytes = slot.len_bytes.read();
        v.kept_bytes = std::min(v.len_bytes, kDroppedBytes);
        v.port = slot.port.read();
        v.starts = slot.starts.read();
        for (unsigned w = 0; w < kWords; w++) {
            const std::uint64_t word = slot.word[w].read();
            std::memcpy(v.bytes.data() + std::size_t{w} * 8, &word, 8);
        }
        return v;
    }

    std::array<Reason, kDropCount> reason_{};
};

}  // namespace isthmus::pipeline
