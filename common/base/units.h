// SPDX-License-Identifier: Apache-2.0
// Time and sizes as types. The engines never read a clock: they are handed a Now, read once a
// burst.
//
// Two resolutions, from one monotonic origin (start of the process, or of the table's memory when
// it outlives a process): nanoseconds for rates, and a Tick of 100 ms for lifetimes, because a tick
// fits in 32 bits for 13 years and sits in every binding.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace isthmus {

struct Nanos {
    std::uint64_t v = 0;
    friend constexpr auto operator<=>(Nanos, Nanos) = default;
};

inline constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;
inline constexpr std::uint64_t kNanosPerTick = 100'000'000;
inline constexpr std::uint32_t kTicksPerSecond = 10;

/// A point in time, or a length of it, in units of 100 ms since the origin.
struct Tick {
    std::uint32_t v = 0;
    friend constexpr auto operator<=>(Tick, Tick) = default;
    friend constexpr Tick operator+(Tick a, Tick b) { return Tick{a.v + b.v}; }
};

[[nodiscard]] constexpr Tick ticks_of_seconds(std::uint32_t seconds) {
    return Tick{seconds * kTicksPerSecond};
}

/// One reading of the clock, shared by a whole burst.
struct Now {
    Nanos ns;
    Tick tick;

    [[nodiscard]] static constexpr Now at(Nanos ns) {
        return Now{ns, Tick{static_cast<std::uint32_t>(ns.v / kNanosPerTick)}};
    }
    [[nodiscard]] static constexpr Now at_seconds(std::uint64_t s) {
        return at(Nanos{s * kNanosPerSecond});
    }
};

inline constexpr std::size_t kCacheLine = 64;

}  // namespace isthmus
