// SPDX-License-Identifier: Apache-2.0
// Integers in network byte order. Byte order lives in the type, never in a name.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

namespace isthmus {

/// Unsigned integer in network byte order. No implicit conversion, no arithmetic, no ordering:
/// call host() first, so that every byte swap in the program can be found by name.
template <std::unsigned_integral T>
class Be {
public:
    constexpr Be() = default;
    explicit constexpr Be(T host) : raw_(swap(host)) {}
    [[nodiscard]] static constexpr Be from_wire(T raw) { return std::bit_cast<Be>(raw); }
    [[nodiscard]] constexpr T host() const { return swap(raw_); }
    /// The value as it lies in memory: for checksums and hashes, which do not care about order.
    [[nodiscard]] constexpr T wire() const { return raw_; }
    friend constexpr bool operator==(Be, Be) = default;

private:
    static constexpr T swap(T v) {
        static_assert(std::endian::native == std::endian::little);
        if constexpr (sizeof(T) == 2) {
            return __builtin_bswap16(v);
        } else if constexpr (sizeof(T) == 4) {
            return __builtin_bswap32(v);
        } else {
            static_assert(sizeof(T) == 8);
            return __builtin_bswap64(v);
        }
    }
    T raw_{};
};

using Be16 = Be<std::uint16_t>;
using Be32 = Be<std::uint32_t>;
static_assert(sizeof(Be16) == 2 && sizeof(Be32) == 4);

}  // namespace isthmus
