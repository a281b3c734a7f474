// SPDX-License-Identifier: Apache-2.0
// The last stage for packets that are translated without state (RFC 7915): nothing is looked up but
// addresses (stateless_map.h), nothing is held, any worker does it. Fragments go one by one.
//
// Order of the checks as in forward.h: source, protocol, hop limit, route and size.
#pragma once

#include "dataplane/pipeline/send.h"

namespace isthmus::pipeline {

/// An IPv6 packet, parsed; the frame stands at its IP header.
void stateless_64(Context& c, Packet& packet, Work& work) noexcept;
/// An IPv4 packet, parsed; also the second half of a hairpin (RFC 7757 s4.2.2).
void stateless_46(Context& c, Packet& packet, Work& work) noexcept;

/// ICMP errors of others (stateless_errors.cc), also those about packets without state that came by
/// the stateful path, and the other way round: the quoted packet decides.
void stateless_error_64(Context& c, Packet& packet, Work& work) noexcept;
void stateless_error_46(Context& c, Packet& packet, Work& work) noexcept;
/// True when the packet that a stateful ICMPv6 error quotes went to a host without state.
[[nodiscard]] bool quotes_stateless(const Snapshot& cfg, const Ipv6Addr& quoted_dst) noexcept;

}  // namespace isthmus::pipeline
