// SPDX-License-Identifier: Apache-2.0
// The short way of packets that are translated without state (stateless.h). As steady.h it is a
// shortcut and no second opinion: what is not plain, refused, turned back or not yet routable goes
// the long way, untouched, and what goes this way becomes what the long way would have made of it.
//
//   map     both addresses in the other family, and every check that depends on them
//   send    route, next hop, size agree: translate, and put on the transmit list
//
// The tables of mappings are read at once, not asked for ahead: they are small enough for a core's
// own caches.
#pragma once

#include "dataplane/pipeline/send.h"

namespace isthmus::pipeline {

/// Packet `i` of the burst, whose headers read_plain_6() or read_plain_4() has passed: true when it
/// goes this way. Out: mapping[i], and of steady[i] way, hash and z.
[[nodiscard]] bool map_plain_64(const Context& c, unsigned i) noexcept;
[[nodiscard]] bool map_plain_46(const Context& c, unsigned i) noexcept;
/// False, and the packet untouched: the long way after all.
[[nodiscard]] bool send_plain_64(Context& shared, unsigned i) noexcept;
[[nodiscard]] bool send_plain_46(Context& shared, unsigned i) noexcept;

}  // namespace isthmus::pipeline
