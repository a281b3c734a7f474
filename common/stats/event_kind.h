// SPDX-License-Identifier: Apache-2.0
// What the NAT's logs tell of: one row for each kind of event. The names are those of JSON and
// syslog records; `nat_event` is the value of IPFIX element 230 (RFC 8158 s4.3); 0: it has
// none.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/stats/drop.h"

namespace isthmus {

enum class EventKind : std::uint8_t {
    binding_created,
    binding_removed,
    session_created,
    session_removed,
    block_created,
    block_removed,
    address_bound,
    address_freed,
    addresses_exhausted,
    ports_exhausted,
    quota_exceeded,
    threshold_reached,
    packet_refused,
    count_
};

struct EventInfo {
    EventKind id;
    std::string_view name, help;
    std::uint8_t nat_event;
};

inline constexpr auto kEvents = std::to_array<EventInfo>({
    {EventKind::binding_created, "binding_created", "X',x has T,t from now on", 10},
    {EventKind::binding_removed, "binding_removed", "X',x has T,t no more; its sessions end too",
     11},
    {EventKind::session_created, "session_created", "a session with Z,z", 6},
    {EventKind::session_removed, "session_removed", "the end of a session with Z,z", 7},
    {EventKind::block_created, "block_created", "a subscriber has a block of ports from now on",
     16},
    {EventKind::block_removed, "block_removed", "a subscriber has the block no more", 17},
    {EventKind::address_bound, "address_bound", "a subscriber is paired with T", 14},
    {EventKind::address_freed, "address_freed", "a subscriber is paired with T no more", 15},
    {EventKind::addresses_exhausted, "addresses_exhausted",
     "no address of the pool has a free port for a subscriber without one", 3},
    {EventKind::ports_exhausted, "ports_exhausted", "T has no free port of the protocol", 12},
    {EventKind::quota_exceeded, "quota_exceeded", "a limit refused a packet; limit tells which",
     13},
    {EventKind::threshold_reached, "threshold_reached", "a configured threshold was crossed", 18},
    {EventKind::packet_refused, "packet_refused",
     "a packet from Z,z to T,t, that is X',x, cannot be translated; why tells", 0},
});
inline constexpr std::size_t kEventCount = static_cast<std::size_t>(EventKind::count_);
static_assert(table_is_complete(kEvents, kEventCount));

[[nodiscard]] constexpr const EventInfo& info_of(EventKind k) {
    return kEvents[static_cast<std::size_t>(k)];
}

}  // namespace isthmus
