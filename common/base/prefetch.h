// SPDX-License-Identifier: Apache-2.0
// Cache hints by compiler builtin, so that floors 0 to 3 need no DPDK header.
#pragma once

namespace isthmus {

inline void prefetch(const void* p) noexcept { __builtin_prefetch(p, 0, 3); }
inline void prefetch_for_write(const void* p) noexcept { __builtin_prefetch(p, 1, 3); }

[[nodiscard]] inline constexpr bool is_likely(bool b) noexcept { return __builtin_expect(b, 1); }
[[nodiscard]] inline constexpr bool is_unlikely(bool b) noexcept { return __builtin_expect(b, 0); }

}  // namespace isthmus
