// SPDX-License-Identifier: Apache-2.0
// What a worker does when a turn brought nothing. On real links it polls on; on virtual devices it
// sleeps in growing naps, so that a laboratory machine stays usable. The first packet ends it.
#pragma once

#include <cstdint>

namespace isthmus::dpdk {

class Idle {
public:
    constexpr Idle() = default;
    explicit constexpr Idle(bool may_sleep) : may_sleep_(may_sleep) {}

    [[nodiscard]] constexpr bool may_sleep() const noexcept { return may_sleep_; }

    /// After a turn that moved `n` packets: nanoseconds to sleep, or 0.
    [[nodiscard]] constexpr std::uint32_t after(unsigned n) noexcept {
        if (n != 0) {
            empty_turns_ = 0;
            nap_ns_ = 0;
            return 0;
        }
        if (!may_sleep_ || ++empty_turns_ < kPatience) return 0;
        empty_turns_ = kPatience;
        nap_ns_ = nap_ns_ == 0 ? kNapFirst : nap_ns_ * 2;
        if (nap_ns_ > kNapMax) nap_ns_ = kNapMax;
        return nap_ns_;
    }

    /// Empty turns before the first nap: a burst is rarely alone.
    static constexpr unsigned kPatience = 64;
    static constexpr std::uint32_t kNapFirst = 5'000, kNapMax = 100'000;

private:
    bool may_sleep_ = false;
    unsigned empty_turns_ = 0;
    std::uint32_t nap_ns_ = 0;
};

}  // namespace isthmus::dpdk
