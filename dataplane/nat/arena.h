// SPDX-License-Identifier: Apache-2.0
// Carves typed arrays out of one span of zeroed memory, cache-line aligned; with a null span it
// only counts, so that sizes and layout come from the same lines of code.
#pragma once

#include <cstddef>
#include <new>
#include <span>

#include "common/base/units.h"

namespace isthmus::nat {

class Arena {
public:
    explicit Arena(std::span<std::byte> memory) : memory_(memory) {}

    template <typename T>
    std::span<T> take(std::size_t n) noexcept {
        at_ = (at_ + kCacheLine - 1) / kCacheLine * kCacheLine;
        const std::size_t start = at_;
        at_ += n * sizeof(T);
        if (memory_.data() == nullptr || at_ > memory_.size()) return {};
        T* first = reinterpret_cast<T*>(memory_.data() + start);
        for (std::size_t i = 0; i < n; i++) new (first + i) T{};
        return {first, n};
    }
    /// As take(), for plain integers whose zero is right: the memory is not touched, so that pages
    /// nobody uses cost nothing.
    template <typename T>
    std::span<T> take_zeroed(std::size_t n) noexcept {
        at_ = (at_ + kCacheLine - 1) / kCacheLine * kCacheLine;
        const std::size_t start = at_;
        at_ += n * sizeof(T);
        if (memory_.data() == nullptr || at_ > memory_.size()) return {};
        return {reinterpret_cast<T*>(memory_.data() + start), n};
    }
    [[nodiscard]] std::size_t used() const noexcept { return at_; }
    [[nodiscard]] bool fits() const noexcept {
        return memory_.data() != nullptr && at_ <= memory_.size();
    }

private:
    std::span<std::byte> memory_;
    std::size_t at_ = 0;
};

}  // namespace isthmus::nat
