// SPDX-License-Identifier: Apache-2.0
// Which ports are free, in memory that outlives the process: the one after this one reads it, and
// lets the others rest before it gives them to anybody (RFC 6888 REQ-8, docs/decisions/0025).
//
// The bits of these maps are those that Ports works with: to be remembered costs a packet nothing,
// and a process that is killed between two instructions has said all it knew. What is not free is
// in use, rests, is another worker's or outside the pool's range; so a port is free when one of the
// workers says so.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/tuple.h"

namespace isthmus::nat {

inline constexpr unsigned kPorts = 65536;
inline constexpr unsigned kWords = kPorts / 64;

/// Of one address, as one worker knows it.
struct alignas(kCacheLine) FreePorts {
    Ipv4Addr addr{};  // 0.0.0.0: of none
    std::array<std::array<std::uint64_t, kWords>, kProtos> word{};

    [[nodiscard]] bool is_used() const noexcept { return addr.host() != 0; }
};

struct PortRecord {
    std::span<FreePorts> own;           // by pool slot, zeroed; empty: kept with the other tables
    std::span<const FreePorts> before;  // of the process before this one, all its workers together
    bool unknown = false;  // there is no `before`, and what it held shall rest all the same
    Tick age{};            // of `before` when this process's clock began
};

}  // namespace isthmus::nat
