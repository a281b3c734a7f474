// SPDX-License-Identifier: Apache-2.0
// The way out: next hop, size, link header; and the ICMP errors that we send ourselves.
//
// Everything here works on a packet whose frame stands at its IP header. A packet whose bytes lie
// in the worker's scratch (a reassembled datagram) has buffer == nullptr: it is copied into buffers
// of its own on the way out.
#pragma once

#include "common/base/units.h"
#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/fib.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

/// What the functions of the last stage share.
struct Context {
    Burst& burst;
    const Snapshot& cfg;
    WorkerState& worker;
    Now now;
    std::uint32_t fib_epoch = 0;
};

/// The way of a packet by its destination.
[[nodiscard]] Way way_to(const WorkerState& worker, Ipv4Addr dst, std::uint32_t flow_hash) noexcept;
[[nodiscard]] Way way_to(const WorkerState& worker, const Ipv6Addr& dst,
                         std::uint32_t flow_hash) noexcept;

/// Sends an IP packet that fits its link: link header and tx list, or held for its next hop.
void send_ip(Context& c, Packet& packet, const Way& way) noexcept;

/// Held packets whose next hop is known now are sent, those whose time is over dropped.
void release_pending(Context& c) noexcept;

/// Cuts a translated packet into fragments of at most `mtu` bytes each and sends them in order.
void send_fragments(Context& c, Packet& packet, const Way& way, std::uint32_t mtu) noexcept;

/// Counts the drop, remembers the packet (dropped.h) and frees the buffer. The frame stands at its
/// IP header.
void drop_packet(Context& c, Packet& packet, Drop why) noexcept;
/// As drop_packet, of a frame that stands at its link header.
void drop_frame(Context& c, Packet& packet, Drop why) noexcept;

/// As drop_packet, but the sender is told where a standard says so, policy and rate allow, and the
/// packet is one that may be answered (RFC 4443 s2.4(e), RFC 1812 s4.3.2.7). The frame holds the
/// offender as received. `mtu` is for Packet Too Big; `pointer` for Parameter Problem.
void refuse(Context& c, Packet& packet, const Work& work, Drop why, std::uint32_t mtu = 0) noexcept;

/// Whether refuse() would tell the sender, rate limits aside.
[[nodiscard]] bool is_answered(const Snapshot& cfg, const Packet& packet, const Work& work,
                               Drop why) noexcept;

/// The sender of a stored SYN whose time is over is told that the port is unreachable (RFC 6146
/// s3.5.2.2).
void answer_stored_syn(Context& c, const nat::SynStore::Entry& syn) noexcept;

}  // namespace isthmus::pipeline
