// SPDX-License-Identifier: Apache-2.0
// What the short ways have in common: of flows under way (steady.h) and of packets that are
// translated without state (stateless_short.h). Inline: each is called from the innermost loops.
//
// A short way is for the plain packet: TCP or UDP, whole, without options or extension headers,
// with a transport checksum and a hop left, to a next hop that is known, small enough for its link.
#pragma once

#include "common/base/prefetch.h"
#include "common/net/headers.h"
#include "common/net/tuple.h"
#include "dataplane/pipeline/send.h"
#include "dataplane/xlat/rewrite.h"
#include "dataplane/xlat/steady.h"

namespace isthmus::pipeline {

/// A Context for the innermost loops. Nobody takes its address, so that its members can stay in
/// registers whatever is written to frames; what is rare is not inline and gets `shared`.
struct Inner {
    Burst& burst;
    const Snapshot& cfg;
    WorkerState& worker;
    Now now;
    std::uint32_t fib_epoch;
    Context& shared;

    explicit Inner(Context& c) noexcept
        : burst(c.burst),
          cfg(c.cfg),
          worker(c.worker),
          now(c.now),
          fib_epoch(c.fib_epoch),
          shared(c) {}
};

/// The transport header at `l4` is one of a plain packet whose payload is `bytes`. Out: s.flags.
[[nodiscard]] inline bool is_plain_l4(const std::uint8_t* l4, std::uint32_t bytes,
                                      Steady& s) noexcept {
    s.flags = TcpFlags{};
    if (s.proto == Proto::udp) {
        return bytes >= kUdpBytes && load_be16(l4 + udp_at::kLength).host() == bytes &&
               raw16(l4 + udp_at::kChecksum) != 0;
    }
    if (bytes < kTcpBytes) return false;
    s.flags = TcpFlags{l4[tcp_at::kFlags]};
    const std::uint32_t header = (l4[tcp_at::kDataOffset] >> 4) * 4U;
    return header >= kTcpBytes && header <= bytes;
}

[[nodiscard]] inline bool is_plain_proto(std::uint8_t protocol, Steady& s) noexcept {
    s.proto = protocol == ip_proto::kTcp ? Proto::tcp : Proto::udp;
    return protocol == ip_proto::kUdp || protocol == ip_proto::kTcp;
}

/// The headers at `ip`, with `room` bytes to the frame's end, kPlainBytes at least, are those of a
/// plain packet. Out: s.proto, s.payload, s.flags.
inline constexpr std::uint32_t kPlainBytes = kIpv4Bytes + kUdpBytes;

[[nodiscard]] inline bool read_plain_6(const std::uint8_t* ip, std::uint32_t room,
                                       Steady& s) noexcept {
    const std::uint32_t payload = load_be16(ip + ipv6_at::kPayloadLength).host();
    if ((ip[0] >> 4) != 6 || kIpv6Bytes + payload > room || ip[ipv6_at::kHopLimit] <= 1 ||
        !is_plain_proto(ip[ipv6_at::kNextHeader], s))
        return false;
    s.payload = static_cast<std::uint16_t>(payload);
    return is_plain_l4(ip + kIpv6Bytes, payload, s);
}

[[nodiscard]] inline bool read_plain_4(const std::uint8_t* ip, std::uint32_t room,
                                       Steady& s) noexcept {
    const std::uint32_t total = load_be16(ip + ipv4_at::kTotalLength).host();
    constexpr std::uint16_t kPiece = Be16{ipv4_at::kMf | ipv4_at::kOffsetMask}.wire();
    if (ip[0] != 0x45 || total < kIpv4Bytes || total > room || ip[ipv4_at::kTtl] <= 1 ||
        (raw16(ip + ipv4_at::kFragment) & kPiece) != 0 ||
        !is_plain_proto(ip[ipv4_at::kProtocol], s))
        return false;
    if (!xlat::is_header4_sum_right(ip)) return false;
    s.payload = static_cast<std::uint16_t>(total - kIpv4Bytes);
    return is_plain_l4(ip + kIpv4Bytes, s.payload, s);
}

/// The next hop of a packet of a flow, by the adjacency that the routes name, when it is known and
/// `bytes` fit; nullptr: not so simple.
[[nodiscard, gnu::always_inline]] inline const Hop* hop_of(const Inner& c, AdjacencyId id,
                                                           std::uint32_t bytes) noexcept {
    WorkerState& w = c.worker;
    const Hop& hop = w.hops.get(*w.fib, id, c.fib_epoch, w.seed);
    if (is_unlikely(bytes > hop.mtu)) return nullptr;
    const bool queues_up = !w.pending.empty() && w.pending.is_waited_for(hop.key);
    return is_likely(!queues_up) ? &hop : nullptr;
}

/// Whether the IPv4 packet at `ip`, `bytes` long once it is IPv6, is neither cut (RFC 7915 s4.1)
/// nor larger than the room before it.
[[nodiscard]] inline bool may_grow(const Inner& c, const Packet& p, const std::uint8_t* ip,
                                   std::uint32_t bytes, const Hop& hop) noexcept {
    const bool df = (load_be16(ip + ipv4_at::kFragment).host() & ipv4_at::kDf) != 0;
    const auto link_bytes = static_cast<std::uint32_t>(ip - p.frame.data);
    return (df || bytes <= c.cfg.xlat.lowest_ipv6_mtu) &&
           link_bytes + p.frame.headroom >= xlat::kSteadyGrows + hop.link_bytes;
}

/// The MSS option of a SYN, now that the packet is translated otherwise (RFC 7915 s1.4).
inline void clamp_syn(const Inner& c, std::uint8_t* l4, const Steady& s,
                      std::uint16_t mss) noexcept {
    if (is_likely(!s.flags.syn()) || mss == 0) return;
    if (xlat::clamp_mss(l4, s.payload, mss)) c.worker.counters.add(Counter::mss_clamped);
}

/// Puts the finished packet at `ip`, `bytes` long, on the transmit list.
[[gnu::always_inline]] inline void put_on_wire(const Inner& c, const Packet& p, const Hop& hop,
                                               std::uint8_t* ip, std::uint32_t bytes,
                                               std::uint16_t type) noexcept {
    Burst& b = c.burst;
    if (is_unlikely(b.tx.full())) b.edge.flush(b.edge.context, b);
    std::uint8_t* const l2 = hop.write_link(ip, type);
    // Field by field: what was written in pieces is best not copied as a whole.
    Packet& out = b.tx.item[b.tx.n++];
    out.frame.data = l2;
    out.frame.len_bytes = hop.link_bytes + bytes;
    out.frame.headroom = p.frame.headroom + static_cast<std::uint32_t>(l2 - p.frame.data);
    out.frame.room_bytes = p.frame.room_bytes;
    out.buffer = p.buffer;
    out.port = hop.port;
    out.vlan = 0;
}

}  // namespace isthmus::pipeline
