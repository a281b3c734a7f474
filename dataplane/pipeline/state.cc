// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/state.h"

#include <new>

namespace isthmus::pipeline {

namespace {

constexpr std::size_t rounded(std::size_t n) {
    return (n + kCacheLine - 1) / kCacheLine * kCacheLine;
}

}  // namespace

std::size_t WorkerState::bytes_needed(const WorkerSizes& sizes) noexcept {
    return rounded(sizeof(WorkerState)) + rounded(nat::Engine::bytes_needed(sizes.tables)) +
           rounded(nat::FragmentStore::bytes_needed(sizes.fragment_entries, sizes.fragment_cells));
}

WorkerState* WorkerState::create(std::span<std::byte> memory, const WorkerSizes& sizes,
                                 const Identity& who, const Fib& fib) noexcept {
    const std::size_t own = rounded(sizeof(WorkerState));
    const std::size_t tables = rounded(nat::Engine::bytes_needed(sizes.tables));
    auto* state = new (memory.data())
        WorkerState(memory.subspan(own, tables), memory.subspan(own + tables), sizes, who);
    state->fib = &fib;
    return state;
}

}  // namespace isthmus::pipeline
