// SPDX-License-Identifier: Apache-2.0
#include "common/net/lpm.h"

namespace isthmus {

bool Lpm::grow(std::uint32_t at) noexcept {
    if (kRootEntries + std::size_t{n_nodes_ + 1} * kNodeEntries > words_.size()) return false;
    const std::uint32_t e = load(at);
    const std::uint32_t child = kChild | n_nodes_++;
    for (unsigned i = 0; i < kNodeEntries; i++) store(node_at(child) + i, e);
    store(at, child);
    return true;
}

template <typename Fn>
bool Lpm::each_covered(const std::uint8_t* key, unsigned len_bits, bool may_grow,
                       Fn&& fn) noexcept {
    std::uint32_t base = 0;
    unsigned bits_done = 0, stride = 16;
    std::uint32_t slot = (std::uint32_t{key[0]} << 8) | key[1];
    while (len_bits > bits_done + stride) {
        const std::uint32_t at = base + slot;
        if ((load(at) & kChild) == 0 && (!may_grow || !grow(at))) return false;
        base = node_at(load(at));
        bits_done += stride;
        stride = 8;
        slot = key[bits_done / 8];
    }
    const std::uint32_t n = 1U << (bits_done + stride - len_bits);
    slot &= ~(n - 1);
    for (std::uint32_t i = 0; i < n; i++) each_leaf(base + slot + i, fn);
    return true;
}

bool Lpm::insert(const std::uint8_t* key, unsigned len_bits, std::uint32_t value) noexcept {
    const std::uint32_t word = leaf(len_bits, value);
    return each_covered(key, len_bits, true, [&](std::uint32_t at, std::uint32_t e) {
        if (e == 0 || len_of(e) <= len_bits) store(at, word);
    });
}

void Lpm::remove(const std::uint8_t* key, unsigned len_bits, std::uint32_t cover,
                 unsigned cover_len) noexcept {
    const std::uint32_t word = leaf(cover_len, cover);
    each_covered(key, len_bits, false, [&](std::uint32_t at, std::uint32_t e) {
        if (e != 0 && len_of(e) == len_bits) store(at, word);
    });
}

}  // namespace isthmus
