// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reader over a span of bytes in network byte order: the one way to parse input
// whose shape a stranger chose. A read past the end sets failed() and gives zero; check once, at
// the end of a group of reads, before using any of the values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace isthmus {

class ByteCursor {
public:
    explicit constexpr ByteCursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    [[nodiscard]] constexpr bool failed() const { return failed_; }
    [[nodiscard]] constexpr std::size_t at() const { return at_; }
    [[nodiscard]] constexpr std::size_t left() const { return bytes_.size() - at_; }

    constexpr std::uint8_t u8() {
        const auto b = take(1);
        return b.empty() ? std::uint8_t{0} : b[0];
    }
    constexpr std::uint16_t u16() {
        const auto b = take(2);
        return b.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>((b[0] << 8) | b[1]);
    }
    constexpr std::uint32_t u32() {
        const auto b = take(4);
        if (b.empty()) return 0;
        return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) |
               (std::uint32_t{b[2]} << 8) | b[3];
    }
    /// The next `n` bytes, or an empty span (and failed()) when fewer are left.
    constexpr std::span<const std::uint8_t> take(std::size_t n) {
        if (failed_ || n > left()) {
            failed_ = true;
            return {};
        }
        const auto out = bytes_.subspan(at_, n);
        at_ += n;
        return out;
    }
    constexpr void skip(std::size_t n) { (void)take(n); }

private:
    std::span<const std::uint8_t> bytes_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

}  // namespace isthmus
