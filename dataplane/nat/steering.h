// SPDX-License-Identifier: Apache-2.0
// Which worker owns a subscriber, and at which worker the packets to a pool address arrive.
//
// Receive-side scaling (RSS) is a Toeplitz hash: for each set bit i of the input the key's bits
// i to i + 31 are XORed, and the lowest R bits of the sum choose one of 2^R entries of the device's
// table. With all key bits zero outside 63 ... 95 - R the entry depends, of IPv6 (source first), on
// source bits 32-63 only, and of IPv4 (destination second), on the destination only: not on ports,
// not on the far end, so fragments go the same way. One key serves both families.
//
// Low address bits, by which neighbours differ, reach the high bits of the entry only: so workers
// own ranges of entries, not every n-th. A device with a larger table gets the key shifted, so that
// the high bits of its entry are the same.
//
// The same sum is made here in software for every packet that asks who owns it; a device that can
// do it too only makes it true before anybody asks. The sum is linear: four tables of 256 entries.
#pragma once

#include <array>
#include <cstdint>

#include "common/net/addr.h"

namespace isthmus::nat {

/// A Toeplitz key; the longest that devices take. Bit 0 is the first one's highest.
struct RssKey {
    static constexpr unsigned kBytes = 52;
    std::array<std::uint8_t, kBytes> octet{};

    [[nodiscard]] constexpr bool bit(unsigned i) const noexcept {
        return i < 8 * kBytes && ((octet[i / 8] >> (7 - i % 8)) & 1) != 0;
    }
    constexpr void set_bit(unsigned i) noexcept {
        octet[i / 8] = static_cast<std::uint8_t>(octet[i / 8] | (0x80U >> (i % 8)));
    }
};

class Steering {
public:
    static constexpr unsigned kLeastBits = 1, kMostBits = 11;  // R: tables of 2 to 2,048 entries
    static constexpr unsigned kFirstKeyBit = 63;
    static constexpr unsigned kHostKeyBit = 127;  // the same pattern, for subscribers of /128

    Steering() = default;
    /// `pattern`: what stands in the key from kFirstKeyBit on, first bit lowest; 33 - `bits` of it
    /// count (bits: R of the smallest table of any device). `by_host`: subscribers of /128 in one
    /// /64 are spread too.
    Steering(std::uint32_t pattern, unsigned bits, unsigned n_workers, bool by_host) noexcept;

    [[nodiscard]] bool is_on() const noexcept { return n_workers_ > 1; }
    [[nodiscard]] unsigned bits() const noexcept { return bits_; }
    /// For a device whose table has 2^device_bits entries, at least 2^bits().
    [[nodiscard]] RssKey key_for(unsigned device_bits) const noexcept;
    [[nodiscard]] unsigned worker_of_device(unsigned entry, unsigned device_bits) const noexcept {
        return worker_of_entry(entry >> (device_bits - bits_));
    }
    /// The entry, of 2^bits().
    [[nodiscard]] unsigned entry_of(Ipv4Addr destination) const noexcept {
        return sum(destination.host());
    }
    [[nodiscard]] unsigned entry_of(const Ipv6Addr& source) const noexcept {
        return sum(word(source, 4)) ^ (by_host_ ? sum(word(source, 12)) : 0U);
    }
    [[nodiscard]] unsigned worker_of_entry(unsigned entry) const noexcept {
        return entry * n_workers_ >> bits_;
    }
    template <typename Addr>
    [[nodiscard]] unsigned worker_of(const Addr& a) const noexcept {
        return worker_of_entry(entry_of(a));
    }

private:
    [[nodiscard]] unsigned sum(std::uint32_t w) const noexcept {
        return table_[0][w >> 24] ^ table_[1][(w >> 16) & 255] ^ table_[2][(w >> 8) & 255] ^
               table_[3][w & 255];
    }
    static std::uint32_t word(const Ipv6Addr& a, unsigned at) noexcept {
        return std::uint32_t{a.octet[at]} << 24 | std::uint32_t{a.octet[at + 1]} << 16 |
               std::uint32_t{a.octet[at + 2]} << 8 | a.octet[at + 3];
    }

    std::uint32_t pattern_ = 0;
    unsigned bits_ = 7, n_workers_ = 1;
    bool by_host_ = false;
    std::array<std::array<std::uint16_t, 256>, 4> table_{};
};

/// How unevenly a steering lets things fall: the sum, over runs of consecutive addresses that
/// networks really have, of (most - fewest) over the mean per worker.
[[nodiscard]] double unevenness(const Steering& s, unsigned n_workers, const Ipv4Addr* pool,
                                unsigned n_pool) noexcept;

/// The most even of `tries` patterns drawn from `seed`.
struct SteeringWish {
    unsigned bits = 7, n_workers = 1;
    bool by_host = false;
    const Ipv4Addr* pool = nullptr;
    unsigned n_pool = 0;
};
[[nodiscard]] Steering choose_steering(const SteeringWish& wish, std::uint64_t seed,
                                       unsigned tries) noexcept;

}  // namespace isthmus::nat
