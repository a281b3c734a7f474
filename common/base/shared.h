// SPDX-License-Identifier: Apache-2.0
// A field of a record that one thread writes and others read meanwhile.
//
// The writer uses it as if it were a plain T: its own loads are relaxed, its stores are releases,
// which on x86 are the plain instructions. Readers call read(), an acquire. Under a generation
// number (a sequence lock without fences) that order suffices: a reader that saw a store of the
// next writing also sees that the generation has moved.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace isthmus {

template <typename T>
class Shared {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);

public:
    constexpr Shared() = default;
    constexpr Shared(T v) noexcept : v_(v) {}  // NOLINT(google-explicit-constructor): is a T
    Shared(const Shared& o) noexcept : v_(o.get()) {}
    // A copy of itself is itself.
    Shared& operator=(const Shared& o) noexcept {  // NOLINT(cert-oop54-cpp)
        return *this = o.get();
    }
    ~Shared() = default;
    Shared& operator=(T v) noexcept {
        std::atomic_ref(v_).store(v, std::memory_order_release);
        return *this;
    }
    /// Writer's thread.
    operator T() const noexcept { return get(); }  // NOLINT(google-explicit-constructor): is a T
    [[nodiscard]] T get() const noexcept {
        return std::atomic_ref(const_cast<T&>(v_)).load(std::memory_order_relaxed);
    }
    /// Any thread.
    [[nodiscard]] T read() const noexcept {
        return std::atomic_ref(const_cast<T&>(v_)).load(std::memory_order_acquire);
    }
    Shared& operator+=(T n) noexcept { return *this = static_cast<T>(get() + n); }
    Shared& operator-=(T n) noexcept { return *this = static_cast<T>(get() - n); }

private:
    T v_{};
};

}  // namespace isthmus
