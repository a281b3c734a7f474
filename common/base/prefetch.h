// SPDX-License-Identifier: Apache-2.0
// Cache hints without a DPDK header, for floors 0 to 3.
//
// Not __builtin_prefetch: g++ takes a function that only prefetches for one without effects, and
// drops its calls where it does not inline them first (12.2 at -O2: a million flows cost five times
// as much). Of a volatile asm it knows nothing.
#pragma once

namespace isthmus {

inline void prefetch(const void* p) noexcept {
    asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(p)));
}
/// The same: PREFETCHW belongs to no level of x86-64.
inline void prefetch_for_write(const void* p) noexcept { prefetch(p); }

/// `p`, in a register: the compiler forgets how it was computed, and does not compute it again for
/// each field.
template <typename T>
[[nodiscard]] inline T* settled(T* p) noexcept {
    asm("" : "+r"(p));
    return p;
}

[[nodiscard]] inline constexpr bool is_likely(bool b) noexcept { return __builtin_expect(b, 1); }
[[nodiscard]] inline constexpr bool is_unlikely(bool b) noexcept { return __builtin_expect(b, 0); }

}  // namespace isthmus
