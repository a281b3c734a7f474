// SPDX-License-Identifier: Apache-2.0
// Longest prefix match over addresses of any length: a multibit trie, first stride 16 bits, then 8.
//
// One writer, any number of readers at any time. The memory is handed in and never grows; entries
// are 32-bit words that readers load whole (acquire) and the writer stores whole (release), so a
// reader sees the table before or after each single change, and never anything else. Routes are
// pushed down to the leaves: a lookup is one load per stride, and a change touches the entries that
// it covers. A node whose entries have all become the same goes out of the trie, but a reader may
// still be inside: it is used again only when the writer, who knows when all readers have passed,
// gives it back.
//
// entry: 0 empty | child: bit 31 and node number | leaf: bits 22-30 prefix length + 1, bits 0-21
// value
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace isthmus {

class Lpm {
public:
    static constexpr std::uint32_t kValueMost = (1U << 22) - 1;
    static constexpr std::uint32_t kRootEntries = 65536;
    static constexpr std::uint32_t kNodeEntries = 256;

    /// Words of memory for a trie with `nodes` nodes below the root.
    [[nodiscard]] static constexpr std::size_t words(std::uint32_t nodes) {
        return kRootEntries + std::size_t{nodes} * kNodeEntries;
    }
    /// `memory`: zeroed, of words(n).
    explicit Lpm(std::span<std::uint32_t> memory) noexcept : words_(memory) {}

    /// The value of the longest prefix of `key` (at least 4 bytes), or 0.
    [[nodiscard]] std::uint32_t find(const std::uint8_t* key) const noexcept {
        std::uint32_t e = load((std::uint32_t{key[0]} << 8) | key[1]);
        for (unsigned at = 2; (e & kChild) != 0; at++) e = load(node_at(e) + key[at]);
        return e & kValueMost;
    }

    /// Nodes that a change has taken out of the trie, by number.
    static constexpr unsigned kDepthMost = 14;  // below the root: (128 - 16) / 8
    struct Retired {
        unsigned n = 0;
        std::array<std::uint32_t, kDepthMost> node{};
    };

    /// Sets the value (not 0) of a prefix; replaces the one it had. False: no node left, nothing
    /// changed.
    bool insert(const std::uint8_t* key, unsigned len_bits, std::uint32_t value) noexcept;
    /// Takes a prefix out; what it covered falls to `cover` (value and length of the next shorter
    /// prefix; value 0: none).
    Retired remove(const std::uint8_t* key, unsigned len_bits, std::uint32_t cover,
                   unsigned cover_len) noexcept;
    /// No reader is inside a retired node any more: it may be used again.
    void give_back(std::uint32_t node) noexcept;

    /// Nodes in the trie, and retired ones that were not given back.
    [[nodiscard]] std::uint32_t nodes_used() const noexcept { return n_nodes_ - n_free_; }

private:
    static constexpr std::uint32_t kChild = 1U << 31;
    static constexpr std::uint32_t node_at(std::uint32_t e) {
        return kRootEntries + (e & ~kChild) * kNodeEntries;
    }
    static constexpr std::uint32_t leaf(unsigned len, std::uint32_t value) {
        return value == 0 ? 0 : ((len + 1) << 22) | value;
    }
    static constexpr unsigned len_of(std::uint32_t e) { return (e >> 22) - 1; }

    [[nodiscard]] std::uint32_t load(std::uint32_t i) const noexcept {
        return std::atomic_ref(words_[i]).load(std::memory_order_acquire);
    }
    void store(std::uint32_t i, std::uint32_t v) noexcept {
        std::atomic_ref(words_[i]).store(v, std::memory_order_release);
    }
    [[nodiscard]] bool has_room(const std::uint8_t* key, unsigned len_bits) const noexcept;
    void grow(std::uint32_t at) noexcept;
    [[nodiscard]] bool is_uniform(std::uint32_t child) const noexcept;
    template <typename Fn>
    void each_leaf(std::uint32_t at, Fn&& fn) noexcept {
        const std::uint32_t e = load(at);
        if ((e & kChild) == 0) return fn(at, e);
        for (unsigned i = 0; i < kNodeEntries; i++) each_leaf(node_at(e) + i, fn);
    }
    template <typename Fn>
    void each_covered(const std::uint8_t* key, unsigned len_bits, bool may_grow, Fn&& fn) noexcept;

    std::span<std::uint32_t> words_;
    std::uint32_t n_nodes_ = 0;                  // ever made
    std::uint32_t n_free_ = 0, first_free_ = 0;  // chained by their first entries
};

}  // namespace isthmus
