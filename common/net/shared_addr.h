// SPDX-License-Identifier: Apache-2.0
// An IPv6 address that one thread writes and others read: two words, each whole. A reader gets a
// torn pair unless a generation guards it (common/base/shared.h).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/base/shared.h"
#include "common/net/addr.h"

namespace isthmus {

class SharedIpv6Addr {
public:
    SharedIpv6Addr() = default;
    SharedIpv6Addr& operator=(const Ipv6Addr& a) noexcept {
        const auto w = a.words();
        word_[0] = w[0];
        word_[1] = w[1];
        return *this;
    }
    operator Ipv6Addr() const noexcept {  // NOLINT(google-explicit-constructor): is an address
        return from({word_[0].get(), word_[1].get()});
    }
    [[nodiscard]] Ipv6Addr read() const noexcept {
        return from({word_[0].read(), word_[1].read()});
    }
    /// Writer's thread: as words, and as octets where they lie.
    [[nodiscard]] std::array<std::uint64_t, 2> words() const noexcept {
        return {word_[0].get(), word_[1].get()};
    }
    [[nodiscard]] const std::uint8_t* octets() const noexcept {
        return reinterpret_cast<const std::uint8_t*>(this);
    }
    /// 0: the same. Writer's thread.
    [[nodiscard]] std::uint64_t differs(const std::array<std::uint64_t, 2>& w) const noexcept {
        return (word_[0].get() ^ w[0]) | (word_[1].get() ^ w[1]);
    }
    friend bool operator==(const SharedIpv6Addr& a, const Ipv6Addr& b) noexcept {
        const auto w = b.words();
        return a.word_[0].get() == w[0] && a.word_[1].get() == w[1];
    }

private:
    static Ipv6Addr from(std::array<std::uint64_t, 2> w) noexcept {
        return Ipv6Addr{std::bit_cast<std::array<std::uint8_t, 16>>(w)};
    }
    std::array<Shared<std::uint64_t>, 2> word_;
};

}  // namespace isthmus
