// SPDX-License-Identifier: Apache-2.0
// What the engine would do with a packet, for `explain`: the answer and the facts behind it.
#pragma once

#include "common/stats/drop.h"
#include "dataplane/nat/engine_types.h"

namespace isthmus::nat {

struct Forecast {
    /// Where the port of a new binding would come from.
    enum class From : std::uint8_t { none, pool, own_range, own_block, new_block };

    Drop why = Drop::none;
    bool has_binding = false;  // there is one; else, when nothing refuses, it would be made
    bool has_session = false;
    bool makes_session = false;
    bool is_fixed = false;  // the binding is a static one
    Endpoint6 x;
    Endpoint4 t;                      // its id is zero when a free port would be chosen
    int slot = -1;                    // of T
    std::uint8_t group = 0;           // the subscriber's pool
    std::uint8_t prefix = 0;          // of the session
    TcpState tcp = TcpState::closed;  // of the session
    Tick last_seen;                   // of the session
    std::uint32_t n_sessions = 0;     // of the binding
    bool knows_subscriber = false;
    SubscriberView subscriber;
    std::uint32_t rate_left = 0;  // new sessions that he may open in this second
    From from = From::none;
    PortRange range;               // own_range, own_block
    std::uint32_t ports_free = 0;  // of this protocol where it would come from
};

}  // namespace isthmus::nat
