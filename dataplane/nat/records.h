// SPDX-License-Identifier: Apache-2.0
// The records that tables are made of: indices, never pointers, so that the memory can be mapped by
// a successor process. One writer (the worker); readers use the read_* functions of the engine.
//
// A binding with its first session is one cache line: what a steady packet touches. Fields that
// change with traffic (last_seen, tcp) are single words: a reader sees an old value, never a torn
// one. The identity (addresses, ids) is guarded by `generation`: odd while it is being written.
#pragma once

#include <cstdint>

#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/tuple.h"
#include "dataplane/nat/tcp_state.h"

namespace isthmus::nat {

using Index = std::uint32_t;
inline constexpr Index kNone = 0xffffffff;

/// (X',x) <-> (T,t) and the first session, to (Z,z).
struct alignas(kCacheLine) Binding {
    Ipv6Addr x_addr;
    Ipv4Addr t_addr;
    Ipv4Addr z_addr;
    Be16 x_id, t_id, z_id;
    std::uint16_t slot = 0;
    Proto proto = Proto::udp;
    TcpState tcp = TcpState::closed;
    std::uint8_t prefix = 0;       // of the first session
    std::uint8_t has_session = 0;  // the first session exists
    std::uint32_t n_more = 0;      // further sessions
    std::uint32_t last_seen = 0;   // Tick, of the first session
    Index subscriber = kNone;
    Index next = kNone;            // free list
    std::uint32_t generation = 0;  // even: stable; 0: never used
    std::uint32_t live = 0;
};
static_assert(sizeof(Binding) == 64);

/// A further session of a binding.
struct Session {
    Index binding = kNone;
    Ipv4Addr z_addr;
    Be16 z_id;
    TcpState tcp = TcpState::closed;
    std::uint8_t prefix = 0;
    std::uint32_t last_seen = 0;           // Tick
    Index next = kNone;                    // in its hash chain, or free list
    std::uint32_t binding_generation = 0;  // of the binding it belongs to: else an orphan
    std::uint32_t generation = 0;
    std::uint32_t live = 0;
};
static_assert(sizeof(Session) == 32);

/// A subscriber: what limits are counted against, and the paired address.
struct Subscriber {
    Ipv6Addr prefix;
    std::uint32_t n_ports[kProtos] = {};
    std::uint32_t n_sessions = 0;
    std::uint32_t n_bindings = 0;
    std::uint16_t slot = 0xffff;  // paired
    std::uint16_t spare = 0;
    Index next = kNone;
    std::uint32_t rate_second = 0;  // the second that rate_count belongs to
    std::uint32_t rate_count = 0;
    std::uint32_t live = 0;
};

}  // namespace isthmus::nat
