// SPDX-License-Identifier: Apache-2.0
// Domain names as they lie on the wire, uncompressed: length octet, label, ..., zero octet.
//
// A label may hold any octets (RFC 2181 s11). Letters compare without case and keep the case they
// came in (RFC 4343). Length octets are at most 63 and so never taken for letters ('A' is 65): the
// whole of a name can be folded octet by octet without looking at its structure.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace isthmus::dns64 {

inline constexpr unsigned kNameMost = 255;  // octets, RFC 1035 s2.3.4
inline constexpr unsigned kLabelMost = 63;

/// An uncompressed, well-formed name; at least the one octet of the root.
using NameView = std::span<const std::uint8_t>;

[[nodiscard]] constexpr std::uint8_t folded(std::uint8_t c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20) : c;
}

/// Same name, letters without case.
[[nodiscard]] bool same_name(NameView a, NameView b) noexcept;

/// True when `name` is `zone` or lies below it.
[[nodiscard]] bool at_or_below(NameView name, NameView zone) noexcept;

/// Letters to lower case; `out` is at least as long.
void fold_into(NameView name, std::span<std::uint8_t> out) noexcept;

/// Labels without the root's.
[[nodiscard]] unsigned label_count(NameView name) noexcept;

/// `name` without its first `n` labels.
[[nodiscard]] NameView without_labels(NameView name, unsigned n) noexcept;

/// The first label's octets; empty for the root.
[[nodiscard]] inline NameView first_label(NameView name) noexcept {
    return name.subspan(1, name[0]);
}

/// Equal for names that differ in case only. Seeded: who chooses names must not choose buckets.
[[nodiscard]] std::uint64_t name_hash(NameView name, std::uint64_t seed) noexcept;

/// Text as in zone files: "www.example.com.", unusual octets as \DDD. The root is ".".
[[nodiscard]] std::string name_text(NameView name);

/// A name of its own, 256 octets.
class Name {
public:
    Name() = default;
    explicit Name(NameView from) noexcept : len_(static_cast<std::uint8_t>(from.size())) {
        std::memcpy(octets_.data(), from.data(), from.size());
    }
    /// From text, with or without the last dot; \DDD and \X escapes.
    [[nodiscard]] static std::optional<Name> parse(std::string_view text) noexcept;

    [[nodiscard]] NameView view() const noexcept { return {octets_.data(), len_}; }
    operator NameView() const noexcept { return view(); }  // implicit: a Name is one
    [[nodiscard]] bool is_root() const noexcept { return len_ == 1; }
    /// Puts a label behind those there are (before the root). False: no room, nothing changed.
    bool append_label(NameView label) noexcept;
    /// Puts `tail` in place of the root. False: longer than 255 octets, nothing changed.
    bool append(NameView tail) noexcept;
    /// Letters to lower case.
    void fold() noexcept;
    friend bool operator==(const Name& a, const Name& b) noexcept {
        return same_name(a.view(), b.view());
    }

private:
    std::uint8_t len_ = 1;
    std::array<std::uint8_t, kNameMost> octets_{};
};

}  // namespace isthmus::dns64
