// SPDX-License-Identifier: Apache-2.0
// Random numbers that a stranger cannot guess (query IDs, source ports, 0x20 case, cookie secrets):
// the kernel's generator, fetched 4 KiB at a time. One for each thread.
#pragma once

#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace isthmus::dns64 {

class Random {
public:
    [[nodiscard]] std::uint16_t u16() { return take<std::uint16_t>(); }
    [[nodiscard]] std::uint32_t u32() { return take<std::uint32_t>(); }
    [[nodiscard]] std::uint64_t u64() { return take<std::uint64_t>(); }
    /// Below `n`, n > 0. The bias of at most n / 2^32 does not help anybody who guesses.
    [[nodiscard]] std::uint32_t below(std::uint32_t n) {
        return static_cast<std::uint32_t>((std::uint64_t{u32()} * n) >> 32);
    }

private:
    template <typename T>
    T take() {
        if (at_ + sizeof(T) > pool_.size()) fill();
        T out;
        std::memcpy(&out, pool_.data() + at_, sizeof out);
        std::memset(pool_.data() + at_, 0, sizeof out);  // what was given out is not kept
        at_ += sizeof out;
        return out;
    }
    void fill() {
        std::size_t have = 0;
        while (have < pool_.size()) {
            const ssize_t n = ::getrandom(pool_.data() + have, pool_.size() - have, 0);
            if (n > 0) have += static_cast<std::size_t>(n);
        }
        at_ = 0;
    }
    std::array<std::uint8_t, 4096> pool_{};
    std::size_t at_ = sizeof pool_;
};

}  // namespace isthmus::dns64
