// SPDX-License-Identifier: Apache-2.0
// A burst: what one receive call gave, and what became of it.
//
// The edge (dataplane/dpdk, or a test) fills in[], calls run_pipeline() (pipeline.h), and then acts
// on the four output lists: transmit, hand to the kernel, hand to another worker, free. Every
// buffer that goes in comes out in exactly one list, or stays with the pipeline (a packet waiting
// for its next hop; it comes out in a later burst). Buffers that the pipeline asked for (fragments,
// probes) come out likewise. The order of tx[] is the order of transmission: one flow's packets
// never pass each other.
//
// Nothing here owns memory; a `buffer` is opaque (an rte_mbuf at the edge, an array index in
// tests).
#pragma once

#include <array>
#include <cstdint>

#include "common/net/be.h"
#include "common/net/frame.h"

namespace isthmus::pipeline {

inline constexpr unsigned kBurstMax = 256;
/// More outputs than inputs: fragments, ICMP errors, released packets. When a list runs full the
/// pipeline calls Edge::flush and goes on.
inline constexpr unsigned kOutMax = 2 * kBurstMax;

struct Packet {
    Frame frame;             // first octet of the Ethernet header
    void* buffer = nullptr;  // the edge's handle
    std::uint16_t port = 0;  // in: received on; tx, punt: to be sent or shown on
    std::uint16_t vlan =
        0;  // VLAN id when the device stripped the tag (in) or shall add it (never: 0)
    // From here on: facts that the hardware or another worker found out.
    bool l3_checksum_bad = false;  // the device verified the IPv4 header checksum and it is wrong
    bool hairpin = false;      // an IPv4 packet from one of our own workers, hop limit already paid
    bool handed_over = false;  // came from another worker: never handed over again
    bool ids_known = false;    // a fragment whose ids the home worker found:
    Be16 src_id, dst_id;       // the datagram's ids, when ids_known
    bool collect = false;      // a piece of a datagram that is to be put together here, once more
    std::uint16_t to_worker = 0;  // handover[] only
};

/// What the pipeline asks of the edge while it runs; rare (never for a packet of the common case).
struct Edge {
    void* context = nullptr;
    /// A fresh buffer with at least 128 bytes of headroom and room for `bytes`; false: none left.
    bool (*alloc)(void* context, std::uint32_t bytes, Packet& out) = nullptr;
    /// Acts on the output lists of `burst` and empties them.
    void (*flush)(void* context, struct Burst& burst) = nullptr;
};

template <unsigned N>
struct PacketList {
    unsigned n = 0;
    std::array<Packet, N> item;

    [[nodiscard]] bool full() const { return n == N; }
    void push(const Packet& p) { item[n++] = p; }
    void clear() { n = 0; }
};

struct Burst {
    unsigned n = 0;
    std::array<Packet, kBurstMax> in;
    PacketList<kOutMax> tx;        // send on Packet::port, as it is
    PacketList<kOutMax> punt;      // show to the kernel on the punt interface of Packet::port
    PacketList<kOutMax> handover;  // give to Packet::to_worker
    PacketList<kOutMax> done;      // free the buffer
    Edge edge;
};

}  // namespace isthmus::pipeline
