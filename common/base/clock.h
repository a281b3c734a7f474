// SPDX-License-Identifier: Apache-2.0
// TSC cycles to the engines' time. One origin for all workers, so that entries which travel between
// them keep their age. Multiply and shift: no division, no system call.
#pragma once

#include <cstdint>

#include "common/base/units.h"

namespace isthmus {

class Clock {
public:
    constexpr Clock() = default;
    constexpr Clock(std::uint64_t origin_cycles, std::uint64_t cycles_per_second)
        : origin_(origin_cycles),
          nanos_per_cycle_q32_(
              static_cast<std::uint64_t>((Wide{kNanosPerSecond} << 32) / cycles_per_second)) {}

    [[nodiscard]] constexpr Now at(std::uint64_t cycles) const noexcept {
        // Another CPU's counter may be a few cycles behind the origin.
        const std::uint64_t since = cycles > origin_ ? cycles - origin_ : 0;
        return Now::at(
            Nanos{static_cast<std::uint64_t>((Wide{since} * nanos_per_cycle_q32_) >> 32)});
    }

private:
    __extension__ using Wide = unsigned __int128;
    std::uint64_t origin_ = 0;
    std::uint64_t nanos_per_cycle_q32_ = 1ULL << 32;
};

}  // namespace isthmus
