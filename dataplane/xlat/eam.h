// SPDX-License-Identifier: Apache-2.0
// Explicit address mappings (RFC 7757 s3): an IPv4 prefix stands for an IPv6 one, the bits behind
// the prefixes are copied. On each side the longest prefix decides.
//
// The prefixes of a family are flattened to ranges that do not overlap, in one sorted array, and
// what lies between the first and the last address to 4,096 equal cells, each of which knows its
// ranges: a lookup is a binary search among them. Where entries lie evenly those are one or two;
// where they do not, a lookup is at worst as long as one in the whole array, whatever the addresses
// of packets. Built by the agent, read by workers.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>

#include "common/base/limits.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"

namespace isthmus::xlat {

/// Legal when 128 - ipv6.len_bits >= 32 - ipv4.len_bits (RFC 7757 s3.2).
struct Eam {
    Prefix4 ipv4;
    Prefix6 ipv6;
};

/// The suffix of `a` behind the IPv6 prefix, zeros behind that (RFC 7757 s3.3.1).
[[nodiscard]] Ipv6Addr map_to6(const Eam& e, Ipv4Addr a) noexcept;
/// The suffix of `a` behind the IPv4 prefix, cut to 32 bits (RFC 7757 s3.3.2).
[[nodiscard]] Ipv4Addr map_to4(const Eam& e, const Ipv6Addr& a) noexcept;

/// An IPv6 address as a number.
struct Wide {
    std::uint64_t high = 0, low = 0;
    friend constexpr auto operator<=>(const Wide&, const Wide&) = default;
};

/// From `first` on, up to the next range: an entry, or none.
template <typename Key>
struct EamRange {
    Key first{};
    std::uint16_t entry = 0;  // index + 1; 0: none
};

/// Where in the array of ranges a lookup begins.
struct EamCells {
    static constexpr unsigned kBits = 12, kCells = 1U << kBits;
    unsigned shift = 0;  // of an address's distance from the first one: its cell
    std::array<std::uint16_t, kCells + 1> first{};  // range in which the cell begins
};

class EamTable {
public:
    static constexpr unsigned kMost = limits::kEamEntries;

    /// False: full, or not legal.
    bool add(const Eam& e) noexcept;
    /// Makes the ranges; call after the last add().
    void finish() noexcept;

    [[nodiscard]] unsigned size() const noexcept { return n_; }
    [[nodiscard]] const Eam& operator[](unsigned i) const noexcept { return entry_[i]; }

    /// The entry with the longest prefix of the address, or nullptr.
    [[nodiscard]] const Eam* find(Ipv4Addr a) const noexcept;
    [[nodiscard]] const Eam* find(const Ipv6Addr& a) const noexcept;

    [[nodiscard]] std::optional<Ipv6Addr> to6(Ipv4Addr a) const noexcept {
        const Eam* e = find(a);
        return e == nullptr ? std::nullopt : std::optional(map_to6(*e, a));
    }
    [[nodiscard]] std::optional<Ipv4Addr> to4(const Ipv6Addr& a) const noexcept {
        const Eam* e = find(a);
        return e == nullptr ? std::nullopt : std::optional(map_to4(*e, a));
    }

private:
    // A prefix makes two ranges at most: its own, and what goes on behind it.
    static constexpr unsigned kRanges = 2 * kMost + 1;
    unsigned n_ = 0, n4_ = 0, n6_ = 0;
    // Where the first entry begins and the last one ends: most addresses of the far end are
    // outside.
    std::uint32_t low4_ = 1, high4_ = 0;
    Wide low6_{0, 1}, high6_{0, 0};
    std::array<Eam, kMost> entry_{};
    std::array<EamRange<std::uint32_t>, kRanges> range4_{};
    std::array<EamRange<Wide>, kRanges> range6_{};
    EamCells cells4_, cells6_;
};

}  // namespace isthmus::xlat
