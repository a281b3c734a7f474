// SPDX-License-Identifier: Apache-2.0
// Ports that rest between two users, in the order in which they were given back: all of one queue
// rest equally long, also when that length changes. A ring of fixed size.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/nat/arena.h"

namespace isthmus::nat {

class RestQueue {
public:
    struct Port {
        std::uint32_t since = 0;  // Tick
        std::uint16_t slot = 0, port = 0;
        std::uint8_t proto = 0;
    };
    RestQueue(Arena& arena, std::uint32_t most) noexcept : ring_(arena.take<Port>(most)) {}

    [[nodiscard]] std::uint32_t size() const noexcept { return n_; }
    [[nodiscard]] std::uint32_t room() const noexcept {
        return static_cast<std::uint32_t>(ring_.size());
    }
    [[nodiscard]] const Port& oldest() const noexcept { return ring_[first_]; }
    /// The n-th oldest.
    [[nodiscard]] const Port& operator[](std::uint32_t n) const noexcept {
        return ring_[(first_ + n) % ring_.size()];
    }
    void push(const Port& p) noexcept { ring_[(first_ + n_++) % ring_.size()] = p; }
    /// The oldest goes.
    Port pop() noexcept {
        const Port p = ring_[first_];
        first_ = static_cast<std::uint32_t>((first_ + 1) % ring_.size());
        n_--;
        return p;
    }

private:
    std::span<Port> ring_;
    std::uint32_t first_ = 0, n_ = 0;
};

}  // namespace isthmus::nat
