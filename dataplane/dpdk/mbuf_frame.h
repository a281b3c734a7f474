// SPDX-License-Identifier: Apache-2.0
// mbuf <-> Packet, and the buffers themselves.
//
// What a driver hands over is not trusted: the far side of a memif or virtio device writes lengths
// and chains itself, and the sanitizers do not see inside mbufs. A buffer that is whole (one
// segment, ours alone, lengths inside it, headroom enough) becomes a Packet as it is. One that is
// not is copied into a fresh buffer, or refused when it contradicts itself.
//
// Room: kHeadroom bytes before a frame that we made, at least kHeadroomMin before one received; the
// translation to IPv6 needs 20 for the header, 8 for a Fragment Header and 4 for a tag.
//
// What a frame must take along to another thread (Packet's facts) lies in the mbuf's private area.
#pragma once

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <array>
#include <cstdint>
#include <vector>

#include "common/base/expected.h"
#include "common/base/prefetch.h"
#include "dataplane/pipeline/burst.h"

namespace isthmus::dpdk {

inline constexpr std::uint16_t kHeadroom = RTE_PKTMBUF_HEADROOM;
inline constexpr std::uint16_t kHeadroomMin = 96;
static_assert(kHeadroom >= 128, "pipeline::Edge::alloc promises 128 bytes");

/// Link header and two tags, beside the IP packet.
inline constexpr std::uint32_t kLinkBytes = 14 + 8;

/// The mbuf's private area: what a frame takes along to another thread.
struct BufferFacts {
    std::uint16_t port = 0;  // ours, not DPDK's: index in the configuration
    std::uint16_t vlan = 0;
    Be16 src_id, dst_id;
    bool l3_checksum_bad = false, hairpin = false, ids_known = false, collect = false;
    std::array<std::uint8_t, 4> unused{};
};
static_assert(sizeof(BufferFacts) == 16 && sizeof(BufferFacts) % RTE_MBUF_PRIV_ALIGN == 0);

struct BufferPlan {
    std::uint32_t count = 0;       // of each node
    std::uint16_t room_bytes = 0;  // headroom included
    std::vector<int> nodes;        // NUMA nodes; one entry SOCKET_ID_ANY when nodes do not matter
};

/// Room for a frame of `mtu`, rounded up to what drivers split buffers by.
[[nodiscard]] std::uint16_t room_bytes_for(std::uint32_t frame_bytes);

/// The pools: one for each NUMA node, and one of few buffers for datagrams up to 64 KB. Frames may
/// be freed by any thread; a thread that is suspended inside the pool holds up no other (RTS
/// rings).
class Buffers {
public:
    Buffers() = default;
    ~Buffers();
    Buffers(Buffers&& other) noexcept;
    Buffers& operator=(Buffers&& other) noexcept;
    Buffers(const Buffers&) = delete;
    Buffers& operator=(const Buffers&) = delete;

    [[nodiscard]] static Expected<Buffers> create(const BufferPlan& plan);
    /// Memory that `plan` takes, for sizing what EAL is given.
    [[nodiscard]] static std::uint64_t bytes_needed(const BufferPlan& plan);

    [[nodiscard]] rte_mempool* of_node(int node) const noexcept;
    [[nodiscard]] rte_mempool* large() const noexcept { return large_; }
    [[nodiscard]] std::uint32_t room() const noexcept { return room_bytes_; }

private:
    std::vector<std::pair<int, rte_mempool*>> pools_;
    rte_mempool* large_ = nullptr;
    std::uint32_t room_bytes_ = 0;
};

/// Where a thread takes its buffers from.
struct BufferSource {
    rte_mempool* usual = nullptr;
    rte_mempool* large = nullptr;
};

/// A fresh buffer for a frame of `bytes`, or nullptr.
[[nodiscard]] rte_mbuf* take_buffer(const BufferSource& from, std::uint32_t bytes) noexcept;

/// Copies what is not whole into a fresh buffer and frees it; nullptr (and freed) when it
/// contradicts itself or no buffer is left.
[[nodiscard]] rte_mbuf* make_whole(rte_mbuf* m, const BufferSource& from) noexcept;

[[nodiscard]] inline bool is_whole(const rte_mbuf* m) noexcept {
    constexpr std::uint64_t kNotOurs = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
    return m->nb_segs == 1 && m->next == nullptr && m->data_len == m->pkt_len &&
           rte_mbuf_refcnt_read(m) == 1 && (m->ol_flags & kNotOurs) == 0 &&
           m->priv_size == sizeof(BufferFacts) && m->data_off >= kHeadroomMin &&
           std::uint32_t{m->data_off} + m->data_len <= m->buf_len;
}

/// The room around a frame that lies whole in `m`.
inline void show_frame(rte_mbuf* m, Frame& frame) noexcept {
    frame.data = rte_pktmbuf_mtod(m, std::uint8_t*);
    frame.len_bytes = m->data_len;
    frame.headroom = m->data_off;
    frame.room_bytes = m->buf_len;
}

/// A received buffer as a Packet of `port`; false: refused, and freed.
[[nodiscard]] inline bool packet_of(rte_mbuf* m, const BufferSource& from, std::uint16_t port,
                                    pipeline::Packet& out) noexcept {
    if (unlikely(!is_whole(m))) {
        m = make_whole(m, from);
        if (m == nullptr) return false;
    }
    out = pipeline::Packet{};
    show_frame(m, out.frame);
    out.buffer = m;
    out.port = port;
    const std::uint64_t flags = m->ol_flags;
    // The driver may have put the tag back and left RX_VLAN set: only STRIPPED says that it is out.
    if ((flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) {
        out.vlan = static_cast<std::uint16_t>(m->vlan_tci & 0x0fff);
    }
    out.l3_checksum_bad = (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD;
    return true;
}

/// Writes the Packet's frame back to its buffer; false when the frame does not lie in it.
[[nodiscard]] inline bool mbuf_of(const pipeline::Packet& p, rte_mbuf*& out) noexcept {
    auto* m = static_cast<rte_mbuf*>(p.buffer);
    out = m;
    const auto* start = static_cast<const std::uint8_t*>(m->buf_addr);
    if (p.frame.data < start || p.frame.len_bytes > m->buf_len) return false;
    const auto offset = static_cast<std::size_t>(p.frame.data - start);
    if (offset + p.frame.len_bytes > m->buf_len) return false;
    m->data_off = static_cast<std::uint16_t>(offset);
    m->data_len = static_cast<std::uint16_t>(p.frame.len_bytes);
    m->pkt_len = p.frame.len_bytes;
    m->ol_flags = 0;
    m->tx_offload = 0;
    return true;
}

/// Puts `p.vlan` into the frame as a tag, with the priority bits that it came with. Call after
/// mbuf_of(); false: no headroom, or no Ethernet header.
[[nodiscard]] bool restore_tag(const pipeline::Packet& p, rte_mbuf* m) noexcept;

/// The VLAN id in the frame's own tag (IEEE 802.1Q); 0: untagged, or a priority tag.
[[nodiscard]] std::uint16_t tag_of(const rte_mbuf* m) noexcept;
/// The frame has a tag.
void take_tag_out(rte_mbuf* m) noexcept;
/// False: no headroom, or no Ethernet header.
[[nodiscard]] bool put_tag(rte_mbuf* m, std::uint16_t tci) noexcept;

[[nodiscard]] inline BufferFacts& facts_of(rte_mbuf* m) noexcept {
    return *static_cast<BufferFacts*>(rte_mbuf_to_priv(m));
}

/// For another worker: the frame and what is known of it; false as mbuf_of().
[[nodiscard]] bool pack_for_worker(const pipeline::Packet& p, rte_mbuf*& out) noexcept;
void unpack_from_worker(rte_mbuf* m, pipeline::Packet& out) noexcept;

}  // namespace isthmus::dpdk
