// SPDX-License-Identifier: Apache-2.0
#include "common/net/lpm.h"

namespace isthmus {

namespace {

/// Strides of a key: the first one is of 16 bits, the others of 8.
constexpr unsigned kFirstBits = 16, kNextBits = 8;

std::uint32_t root_slot(const std::uint8_t* key) { return (std::uint32_t{key[0]} << 8) | key[1]; }

}  // namespace

/// Whether the nodes that a prefix needs are there, so that an insertion is whole or not begun.
bool Lpm::has_room(const std::uint8_t* key, unsigned len_bits) const noexcept {
    const std::size_t made_most = (words_.size() - kRootEntries) / kNodeEntries;
    const std::size_t have = made_most - n_nodes_ + n_free_;
    unsigned bits_done = 0, stride = kFirstBits;
    std::uint32_t at = root_slot(key);
    while (len_bits > bits_done + stride && (load(at) & kChild) != 0) {
        bits_done += stride;
        stride = kNextBits;
        at = node_at(load(at)) + key[bits_done / 8];
    }
    const unsigned reach = bits_done + stride;
    return len_bits <= reach || (len_bits - reach + kNextBits - 1) / kNextBits <= have;
}

/// Makes the leaf at `at` a node of 256 such leaves; has_room() was asked before.
void Lpm::grow(std::uint32_t at) noexcept {
    std::uint32_t node = n_nodes_;
    if (n_free_ != 0) {
        node = first_free_;
        first_free_ = load(node_at(node));
        n_free_--;
    } else {
        n_nodes_++;
    }
    const std::uint32_t e = load(at);
    const std::uint32_t child = kChild | node;
    for (unsigned i = 0; i < kNodeEntries; i++) store(node_at(child) + i, e);
    store(at, child);
}

void Lpm::give_back(std::uint32_t node) noexcept {
    store(node_at(node), first_free_);
    first_free_ = node;
    n_free_++;
}

bool Lpm::is_uniform(std::uint32_t child) const noexcept {
    const std::uint32_t first = load(node_at(child));
    if ((first & kChild) != 0) return false;
    for (unsigned i = 1; i < kNodeEntries; i++) {
        if (load(node_at(child) + i) != first) return false;
    }
    return true;
}

template <typename Fn>
void Lpm::each_covered(const std::uint8_t* key, unsigned len_bits, bool may_grow,
                       Fn&& fn) noexcept {
    std::uint32_t base = 0;
    unsigned bits_done = 0, stride = kFirstBits;
    std::uint32_t slot = root_slot(key);
    while (len_bits > bits_done + stride) {
        const std::uint32_t at = base + slot;
        if ((load(at) & kChild) == 0) {
            if (!may_grow) return;
            grow(at);
        }
        base = node_at(load(at));
        bits_done += stride;
        stride = kNextBits;
        slot = key[bits_done / 8];
    }
    const std::uint32_t n = 1U << (bits_done + stride - len_bits);
    slot &= ~(n - 1);
    for (std::uint32_t i = 0; i < n; i++) each_leaf(base + slot + i, fn);
}

bool Lpm::insert(const std::uint8_t* key, unsigned len_bits, std::uint32_t value) noexcept {
    if (!has_room(key, len_bits)) return false;
    const std::uint32_t word = leaf(len_bits, value);
    each_covered(key, len_bits, true, [&](std::uint32_t at, std::uint32_t e) {
        if (e == 0 || len_of(e) <= len_bits) store(at, word);
    });
    return true;
}

Lpm::Retired Lpm::remove(const std::uint8_t* key, unsigned len_bits, std::uint32_t cover,
                         unsigned cover_len) noexcept {
    const std::uint32_t word = leaf(cover_len, cover);
    each_covered(key, len_bits, false, [&](std::uint32_t at, std::uint32_t e) {
        if (e != 0 && len_of(e) == len_bits) store(at, word);
    });
    // The nodes on the way to the prefix, the deepest last.
    std::array<std::uint32_t, kDepthMost> entry{};
    unsigned depth = 0, bits_done = 0, stride = kFirstBits;
    std::uint32_t at = root_slot(key);
    while (len_bits > bits_done + stride && (load(at) & kChild) != 0) {
        entry[depth++] = at;
        bits_done += stride;
        stride = kNextBits;
        at = node_at(load(at)) + key[bits_done / 8];
    }
    Retired out;
    while (depth-- > 0) {
        const std::uint32_t child = load(entry[depth]);
        if (!is_uniform(child)) break;
        store(entry[depth], load(node_at(child)));
        out.node[out.n++] = child & ~kChild;
    }
    return out;
}

}  // namespace isthmus
