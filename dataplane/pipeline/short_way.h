// SPDX-License-Identifier: Apache-2.0
// What the short ways have in common: of flows under way (steady.h) and of packets that are
// translated without state (stateless_short.h). Inline: each is called from the innermost loops.
//
// A short way is for the plain packet: TCP or UDP, whole, without options or extension headers,
// with a transport checksum and a hop left, to a next hop that is known, small enough for its link.
#pragma once

#include <span>

#include "common/base/prefetch.h"
#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "common/net/tuple.h"
#include "dataplane/pipeline/send.h"
#include "dataplane/xlat/rewrite.h"
#include "dataplane/xlat/steady.h"

namespace isthmus::pipeline {

/// The transport header at `l4` is one of a plain packet whose payload is `bytes`.
[[nodiscard]] inline bool is_plain_l4(const std::uint8_t* l4, std::uint32_t bytes,
                                      std::uint8_t protocol) noexcept {
    if (protocol == ip_proto::kUdp) {
        return bytes >= kUdpBytes && load_be16(l4 + udp_at::kLength).host() == bytes &&
               raw16(l4 + udp_at::kChecksum) != 0;
    }
    if (protocol != ip_proto::kTcp || bytes < kTcpBytes) return false;
    const std::uint32_t header = (l4[tcp_at::kDataOffset] >> 4) * 4U;
    return header >= kTcpBytes && header <= bytes;
}

/// The headers at `ip`, with `room` bytes to the frame's end, are those of a plain packet. Out:
/// s.proto, s.payload.
[[nodiscard]] inline bool read_plain_6(const std::uint8_t* ip, std::uint32_t room,
                                       Steady& s) noexcept {
    if (room < kIpv6Bytes + kUdpBytes) return false;
    const std::uint32_t payload = load_be16(ip + ipv6_at::kPayloadLength).host();
    const std::uint8_t protocol = ip[ipv6_at::kNextHeader];
    if ((ip[0] >> 4) != 6 || kIpv6Bytes + payload > room || ip[ipv6_at::kHopLimit] <= 1)
        return false;
    s.proto = protocol == ip_proto::kTcp ? Proto::tcp : Proto::udp;
    s.payload = static_cast<std::uint16_t>(payload);
    return is_plain_l4(ip + kIpv6Bytes, payload, protocol);
}

[[nodiscard]] inline bool read_plain_4(const std::uint8_t* ip, std::uint32_t room,
                                       Steady& s) noexcept {
    if (room < kIpv4Bytes + kUdpBytes) return false;
    const std::uint32_t total = load_be16(ip + ipv4_at::kTotalLength).host();
    const std::uint16_t fragment = load_be16(ip + ipv4_at::kFragment).host();
    const std::uint8_t protocol = ip[ipv4_at::kProtocol];
    if (ip[0] != 0x45 || total < kIpv4Bytes || total > room || ip[ipv4_at::kTtl] <= 1 ||
        (fragment & (ipv4_at::kMf | ipv4_at::kOffsetMask)) != 0)
        return false;
    if (Sum{}.add(std::span<const std::uint8_t, kIpv4Bytes>(ip, kIpv4Bytes)).fold() != 0xffff)
        return false;
    s.proto = protocol == ip_proto::kTcp ? Proto::tcp : Proto::udp;
    s.payload = static_cast<std::uint16_t>(total - kIpv4Bytes);
    return is_plain_l4(ip + kIpv4Bytes, s.payload, protocol);
}

[[nodiscard]] inline TcpFlags flags_of(const std::uint8_t* l4, Proto proto) noexcept {
    return TcpFlags{proto == Proto::tcp ? l4[tcp_at::kFlags] : std::uint8_t{0}};
}

/// Where a packet of a flow goes, when that is known and `bytes` fit; nullptr: not so simple.
template <typename Addr>
[[nodiscard]] const Hop* hop_for(Context& c, const Addr& dst, std::uint32_t flow_hash,
                                 std::uint32_t bytes) noexcept {
    const AdjacencyId id = c.worker.fib->lookup(dst, flow_hash);
    const WorkerState& w = c.worker;
    const Hop& hop = c.worker.hops.get(*w.fib, id, c.fib_epoch, w.seed);
    if (is_unlikely(!hop.is_ready || bytes > hop.mtu)) return nullptr;
    const bool queues_up = !w.pending.empty() && w.pending.is_waited_for(hop.key);
    return is_likely(!queues_up) ? &hop : nullptr;
}

/// Whether the IPv4 packet at `ip`, `bytes` long once it is IPv6, is neither cut (RFC 7915 s4.1)
/// nor larger than the room before it.
[[nodiscard]] inline bool may_grow(const Context& c, const Packet& p, const std::uint8_t* ip,
                                   std::uint32_t bytes, const Hop& hop) noexcept {
    const bool df = (load_be16(ip + ipv4_at::kFragment).host() & ipv4_at::kDf) != 0;
    const auto link_bytes = static_cast<std::uint32_t>(ip - p.frame.data);
    return (df || bytes <= c.cfg.xlat.lowest_ipv6_mtu) &&
           link_bytes + p.frame.headroom >= xlat::kSteadyGrows + hop.link_bytes();
}

/// The MSS option of a SYN, now that the packet is translated otherwise (RFC 7915 s1.4).
inline void clamp_syn(Context& c, std::uint8_t* l4, std::uint32_t bytes, TcpFlags flags,
                      std::uint16_t mss) noexcept {
    if (is_likely(mss == 0) || !flags.syn()) return;
    if (xlat::clamp_mss(l4, bytes, mss)) c.worker.counters.add(Counter::mss_clamped);
}

/// Puts the finished packet at `ip`, `bytes` long, on the transmit list.
inline void put_on_wire(Context& c, const Packet& p, const Hop& hop, std::uint8_t* ip,
                        std::uint32_t bytes, std::uint16_t type) noexcept {
    if (is_unlikely(c.burst.tx.full())) c.burst.edge.flush(c.burst.edge.context, c.burst);
    std::uint8_t* const l2 = hop.write_link(ip, type);
    const auto moved = static_cast<std::int32_t>(l2 - p.frame.data);
    const std::uint32_t length = hop.link_bytes() + bytes;
    // Field by field: what was written in pieces is best not copied as a whole.
    Packet& out = c.burst.tx.item[c.burst.tx.n++];
    const std::uint32_t end = p.frame.headroom + p.frame.len_bytes + p.frame.tailroom;
    out.frame.data = l2;
    out.frame.len_bytes = length;
    out.frame.headroom = p.frame.headroom + static_cast<std::uint32_t>(moved);
    out.frame.tailroom = end - out.frame.headroom - length;
    out.buffer = p.buffer;
    out.port = hop.port;
    out.vlan = 0;
}

}  // namespace isthmus::pipeline
