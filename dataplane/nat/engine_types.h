// SPDX-License-Identifier: Apache-2.0
// What the engine is asked and what it answers.
#pragma once

#include <cstdint>

#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "common/net/tuple.h"
#include "common/stats/drop.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

/// What `clear` closes: the bindings that match every field that is given, or, when a remote is,
/// only their sessions with it. Static bindings lose their sessions and stay.
struct ClearOrder {
    Prefix6 subscriber;  // length 0: any
    int slot = -1;
    int proto = -1;
    int x_id = -1, t_id = -1;
    bool has_remote = false;
    Ipv4Addr z_addr;
    int z_id = -1;
};
struct ClearResult {
    std::uint64_t bindings = 0, sessions = 0;
};

struct Outbound {
    Drop why = Drop::none;
    Ipv4Addr t_addr;
    Be16 t_id;
    Index binding = kNone;  // outbound() only
};

struct Inbound {
    Drop why = Drop::none;
    Ipv6Addr x_addr;
    Be16 x_id;
    std::uint8_t prefix = 0;  // of the session: Y' = Pref64::Z
    Index binding = kNone;    // inbound() only
};

/// What a packet from IPv6 says of its flow.
struct SteadyKey {
    Ipv6Addr x;
    Ipv4Addr z;
    Be16 x_id, z_id;
    Proto proto = Proto::udp;
    std::uint8_t prefix = 0;
};

/// The same, ready for comparing.
struct SteadyWords {
    std::array<std::uint64_t, 2> x;
    std::uint64_t flow;  // flow_word()
    SteadyStamp kind;    // steady_kind()
    [[nodiscard]] static constexpr SteadyWords of(const SteadyKey& k) noexcept {
        const std::uint32_t ids = std::uint32_t{k.z_id.wire()} << 16 | k.x_id.wire();
        return {k.x.words(), flow_word(k.z, ids), steady_kind(k.proto, k.prefix)};
    }
};

/// A probe that an idle TCP client shall get (RFC 6146 s3.5.2.2): from Y',y to X',x.
struct Probe {
    Endpoint6 x;
    Endpoint4 z;
    std::uint8_t prefix = 0;
};

/// What a reader sees of a binding or of one session of it.
struct BindingView {
    Endpoint6 x;
    Endpoint4 t;
    Proto proto = Proto::udp;
    bool fixed = false;
    std::uint16_t slot = 0;
    std::uint32_t n_sessions = 0;
};
struct SessionView {
    BindingView binding;
    Endpoint4 z;
    TcpState tcp = TcpState::closed;
    std::uint8_t prefix = 0;
    Tick last_seen;
};

/// A subscriber, and a block of his.
struct SubscriberView {
    Ipv6Addr prefix;
    std::uint16_t slot = 0xffff;  // of his paired address
    std::uint32_t n_ports[kProtos] = {};
    std::uint32_t n_sessions = 0, n_bindings = 0, n_blocks = 0;
};
struct BlockView {
    Ipv6Addr subscriber;
    std::uint32_t n_bindings = 0;
};

}  // namespace isthmus::nat
