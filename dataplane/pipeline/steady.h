// SPDX-License-Identifier: Apache-2.0
// The short way of the steady packet: TCP or UDP of a flow that is under way, whole, without
// options or extension headers, to a next hop that is known, small enough for its link. Nearly
// every packet is one.
//
// It is a shortcut, never a second opinion: what it does not recognise from the first byte to the
// last goes the long way (classify.h, forward.h), untouched, and what it does is what the long way
// would have done, byte for byte and counter for counter (tested so). Checks of addresses and
// policy are not repeated here: the flow's mark says that they were passed (nat::Engine,
// mark_steady).
//
// Packets that are translated without state have a short way of their own (stateless_short.h),
// which begins and ends with these functions: a burst holds both.
//
//   read       headers are what they should be; the key's hash; asks for the bucket, or the cell
//   lookup     the candidate binding, or none; asks for its line
//   send       binding, route, next hop, size agree: translate, and put on the transmit list
#pragma once

#include "dataplane/pipeline/short_way.h"

namespace isthmus::pipeline {

/// Stage 1 of packet `i` of the burst. False, and the packet untouched: take the long way.
[[nodiscard]] bool read_steady(const Inner& c, unsigned i) noexcept;
/// Stage 2. True: a flow that needs a binding; it is the burst's newcomer `nth`.
[[nodiscard]] bool lookup_steady(const Inner& c, unsigned i, std::uint16_t nth) noexcept;
/// What became of a packet in stage 3: sent, without a decision or after one; or untouched, and on
/// the long way, to be decided there (`not_yet`) or because the engine refused it for its `why`.
enum class Sent : std::uint8_t { steady, decided, not_yet, refused };
[[nodiscard]] Sent send_steady(const Inner& c, unsigned i) noexcept;

}  // namespace isthmus::pipeline
