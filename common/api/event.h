// SPDX-License-Identifier: Apache-2.0
// A record of the NAT's logs as it travels from the dataplane to control: `events.take` answers
// with many of them in one text (kEventBytes each, integers in network byte order, base64), for a
// gateway makes more of them in a second than JSON objects can be made.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/net/addr.h"
#include "common/net/tuple.h"
#include "common/stats/event_kind.h"

namespace isthmus::api {

inline constexpr int kEventVersion = 1;
inline constexpr std::size_t kEventBytes = 64;
inline constexpr unsigned kEventsMost = 8192;  // in one answer

struct Event {
    std::uint64_t sequence = 0;  // of the worker, from 1; a missing number is a lost record
    std::uint64_t unix_ns = 0;   // UTC
    std::uint16_t worker = 0;
    EventKind kind = EventKind::binding_created;
    Proto proto = Proto::udp;
    Drop why = Drop::none;
    std::uint8_t group = 0;     // of addresses_exhausted: the pool
    std::uint8_t x_bits = 128;  // length of the prefix in x
    Ipv6Addr x;
    Ipv4Addr t, z;
    std::uint16_t x_id = 0, t_id = 0, z_id = 0;
    std::uint16_t t_last = 0;      // of a block its last port; the first is t_id
    std::uint32_t limit = 0;       // that was reached
    std::uint32_t suppressed = 0;  // events like this one that were not told before it
    friend bool operator==(const Event&, const Event&) = default;
};

void append(std::string& out, const Event& e);
/// Nothing: not kEventBytes, or values that no event has.
[[nodiscard]] std::optional<Event> read_event(std::string_view bytes);

[[nodiscard]] std::string base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace isthmus::api
