// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/fib.h"

#include <bit>

namespace isthmus::pipeline {

namespace {

using Words = std::array<std::uint32_t, sizeof(Adjacency) / 4>;

}  // namespace

/// calloc() hands out pages of zeros that exist only once written.
Fib::Memory Fib::zeroed(std::size_t words) {
    return Memory(static_cast<std::uint32_t*>(std::calloc(words, sizeof(std::uint32_t))));
}

Fib::Fib(std::uint32_t nodes4, std::uint32_t nodes6)
    : memory4_(zeroed(Lpm::words(nodes4))),
      memory6_(zeroed(Lpm::words(nodes6))),
      v4_({memory4_.get(), Lpm::words(nodes4)}),
      v6_({memory6_.get(), Lpm::words(nodes6)}),
      cells_(std::make_unique<Cell[]>(kAdjacencies)),
      groups_(std::make_unique<Group[]>(kGroups)) {}

Adjacency Fib::read(AdjacencyId id) const noexcept {
    const Cell& c = cells_[id];
    Words copy{};
    for (;;) {
        const std::uint32_t before = c.sequence.load(std::memory_order_acquire);
        for (unsigned i = 0; i < copy.size(); i++)
            copy[i] = c.word[i].load(std::memory_order_acquire);
        if (before % 2 == 0 && c.sequence.load(std::memory_order_acquire) == before) break;
    }
    return std::bit_cast<Adjacency>(copy);
}

void Fib::write(AdjacencyId id, const Adjacency& a) noexcept {
    Cell& c = cells_[id];
    const auto words = std::bit_cast<Words>(a);
    const std::uint32_t s = c.sequence.load(std::memory_order_relaxed);
    c.sequence.store(s + 1, std::memory_order_release);
    for (unsigned i = 0; i < words.size(); i++)
        c.word[i].store(words[i], std::memory_order_release);
    c.sequence.store(s + 2, std::memory_order_release);
    epoch_.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace isthmus::pipeline
