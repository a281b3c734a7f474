// SPDX-License-Identifier: Apache-2.0
// The last stage for packets that are translated without state (RFC 7915): nothing is looked up but
// addresses (stateless_map.h), nothing is held, any worker does it. Fragments go one by one.
//
// Order of the checks as in forward.h: source, protocol, hop limit, route and size.
#pragma once

#include "dataplane/pipeline/send.h"
#include "dataplane/pipeline/stateless_map.h"

namespace isthmus::pipeline {

/// Both addresses of a packet, in its new family.
struct Pair4 {
    In4 src, dst;
};
struct Pair6 {
    In6 src, dst;
};
[[nodiscard]] Pair4 pair4_of(const Snapshot& cfg, const Ipv6Addr& src,
                             const Ipv6Addr& dst) noexcept;
/// `hairpin`: it came from one of our own hosts.
[[nodiscard]] Pair6 pair6_of(const Snapshot& cfg, Ipv4Addr src, Ipv4Addr dst,
                             bool hairpin) noexcept;
/// What may be said against the addresses of the packet at `ip`. `error`: an ICMP error may come
/// from any router on the way (RFC 6791).
[[nodiscard]] Drop check_addresses_64(const std::uint8_t* ip, const Pair4& to, bool error) noexcept;
[[nodiscard]] Drop check_addresses_46(const Snapshot& cfg, const std::uint8_t* ip, const Pair6& to,
                                      bool hairpin, bool error) noexcept;
/// RFC 7757 s4.2.2 condition set A, or the pool: the packet is ours again as soon as it is IPv4.
[[nodiscard]] bool turns_back(const Snapshot& cfg, const In4& dst) noexcept;
/// All packets of a flow, and all fragments of a datagram, take one way (ECMP). `a`: the source
/// 6->4, the destination 4->6.
[[nodiscard]] std::uint32_t flow_hash_without_state(const WorkerState& worker, const Ipv6Addr& a,
                                                    Ipv4Addr b) noexcept;

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
