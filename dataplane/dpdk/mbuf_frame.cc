// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/mbuf_frame.h"

#include <rte_errno.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace isthmus::dpdk {
namespace {

/// Of the lcore's own cache in front of a pool; a multiple of the burst.
constexpr unsigned kCacheBuffers = 256;
constexpr std::uint32_t kLargeCount = 127;
constexpr std::uint16_t kLargeRoom = 65528;
/// More segments than any honest device makes of 64 KB.
constexpr unsigned kSegmentsMax = 64;

std::uint64_t pool_bytes(std::uint64_t count, std::uint64_t room) {
    // Object header and trailer, mbuf, private area, room; and the pool's own ring of pointers.
    return count * (room + sizeof(rte_mbuf) + sizeof(BufferFacts) + 128 + 16);
}

/// Length of a chain in which every segment lies in its buffer, or 0.
std::uint32_t chain_bytes(const rte_mbuf* m) {
    std::uint32_t sum = 0;
    unsigned n = 0;
    for (const rte_mbuf* s = m; s != nullptr; s = s->next) {
        if (++n > kSegmentsMax || std::uint32_t{s->data_off} + s->data_len > s->buf_len) return 0;
        sum += s->data_len;
    }
    return sum == m->pkt_len && n == m->nb_segs ? sum : 0;
}

}  // namespace

std::uint16_t room_bytes_for(std::uint32_t frame_bytes) {
    // Several NICs cut receive buffers in units of 1 KiB.
    const std::uint32_t room = std::max(2048U, (frame_bytes + 1023) / 1024 * 1024) + kHeadroom;
    return static_cast<std::uint16_t>(std::min(room, std::uint32_t{kLargeRoom}));
}

std::uint64_t Buffers::bytes_needed(const BufferPlan& plan) {
    return plan.nodes.size() * pool_bytes(plan.count, plan.room_bytes) +
           pool_bytes(kLargeCount, kLargeRoom);
}

Expected<Buffers> Buffers::create(const BufferPlan& plan) {
    Buffers out;
    out.room_bytes_ = plan.room_bytes;
    for (const int node : plan.nodes) {
        const std::string name = "buffers_" + std::to_string(node);
        rte_mempool* pool = rte_pktmbuf_pool_create_by_ops(name.c_str(), plan.count, kCacheBuffers,
                                                           sizeof(BufferFacts), plan.room_bytes,
                                                           node, "ring_mt_rts");
        if (pool == nullptr) {
            return Error{"buffers", std::to_string(plan.count) + " buffers of " +
                                        std::to_string(plan.room_bytes) +
                                        " bytes do not fit: " + rte_strerror(rte_errno) +
                                        "; raise dataplane.memory_mib or lower dataplane.buffers"};
        }
        out.pools_.emplace_back(node, pool);
    }
    out.large_ =
        rte_pktmbuf_pool_create_by_ops("buffers_large", kLargeCount, 0, sizeof(BufferFacts),
                                       kLargeRoom, plan.nodes.front(), "ring_mt_rts");
    if (out.large_ == nullptr) {
        return Error{"buffers", std::string("no memory for large buffers: ") +
                                    rte_strerror(rte_errno) + "; raise dataplane.memory_mib"};
    }
    return out;
}

Buffers::~Buffers() {
    for (const auto& [node, pool] : pools_) rte_mempool_free(pool);
    rte_mempool_free(large_);
}

Buffers::Buffers(Buffers&& other) noexcept { *this = std::move(other); }

Buffers& Buffers::operator=(Buffers&& other) noexcept {
    std::swap(pools_, other.pools_);
    std::swap(large_, other.large_);
    std::swap(room_bytes_, other.room_bytes_);
    return *this;
}

rte_mempool* Buffers::of_node(int node) const noexcept {
    for (const auto& [n, pool] : pools_) {
        if (n == node) return pool;
    }
    return pools_.empty() ? nullptr : pools_.front().second;
}

rte_mbuf* take_buffer(const BufferSource& from, std::uint32_t bytes) noexcept {
    rte_mbuf* m = nullptr;
    if (bytes + kHeadroom <= rte_pktmbuf_data_room_size(from.usual)) {
        m = rte_pktmbuf_alloc(from.usual);
    } else if (bytes + kHeadroom <= kLargeRoom) {
        m = rte_pktmbuf_alloc(from.large);
    }
    return m;
}

rte_mbuf* make_whole(rte_mbuf* m, const BufferSource& from) noexcept {
    const std::uint32_t bytes = chain_bytes(m);
    rte_mbuf* fresh = bytes == 0 ? nullptr : take_buffer(from, bytes);
    if (fresh != nullptr) {
        auto* to = rte_pktmbuf_mtod(fresh, std::uint8_t*);
        for (const rte_mbuf* s = m; s != nullptr; s = s->next) {
            std::memcpy(to, rte_pktmbuf_mtod(s, const std::uint8_t*), s->data_len);
            to += s->data_len;
        }
        fresh->data_len = static_cast<std::uint16_t>(bytes);
        fresh->pkt_len = bytes;
        fresh->vlan_tci = m->vlan_tci;
        fresh->ol_flags = m->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED |
                                         RTE_MBUF_F_RX_IP_CKSUM_MASK);
    }
    rte_pktmbuf_free(m);
    return fresh;
}

namespace {

constexpr std::uint16_t kMacs = 12, kTag = 4;

}  // namespace

bool put_tag(rte_mbuf* m, std::uint16_t tci) noexcept {
    if (m->data_len < kMacs + 2 || m->data_off < kTag) return false;
    auto* old = rte_pktmbuf_mtod(m, std::uint8_t*);
    std::uint8_t* start = old - kTag;
    std::memmove(start, old, kMacs);
    start[12] = 0x81;
    start[13] = 0x00;
    start[14] = static_cast<std::uint8_t>(tci >> 8);
    start[15] = static_cast<std::uint8_t>(tci & 0xff);
    m->data_off = static_cast<std::uint16_t>(m->data_off - kTag);
    m->data_len = static_cast<std::uint16_t>(m->data_len + kTag);
    m->pkt_len += kTag;
    return true;
}

bool restore_tag(const pipeline::Packet& p, rte_mbuf* m) noexcept {
    if (p.vlan == 0) return true;
    return put_tag(m, (m->vlan_tci & 0x0fff) == p.vlan ? m->vlan_tci : p.vlan);
}

std::uint16_t tag_of(const rte_mbuf* m) noexcept {
    const auto* f = rte_pktmbuf_mtod(m, const std::uint8_t*);
    if (m->data_len < kMacs + kTag + 2 || f[12] != 0x81 || f[13] != 0x00) return 0;
    return static_cast<std::uint16_t>((f[14] << 8 | f[15]) & 0x0fff);
}

void take_tag_out(rte_mbuf* m) noexcept {
    auto* start = rte_pktmbuf_mtod(m, std::uint8_t*);
    std::memmove(start + kTag, start, kMacs);
    m->data_off = static_cast<std::uint16_t>(m->data_off + kTag);
    m->data_len = static_cast<std::uint16_t>(m->data_len - kTag);
    m->pkt_len -= kTag;
}

bool pack_for_worker(const pipeline::Packet& p, rte_mbuf*& out) noexcept {
    if (!mbuf_of(p, out)) return false;
    BufferFacts& f = facts_of(out);
    f.port = p.port;
    f.vlan = p.vlan;
    f.src_id = p.src_id;
    f.dst_id = p.dst_id;
    f.l3_checksum_bad = p.l3_checksum_bad;
    f.hairpin = p.hairpin;
    f.ids_known = p.ids_known;
    f.collect = p.collect;
    return true;
}

void unpack_from_worker(rte_mbuf* m, pipeline::Packet& out) noexcept {
    const BufferFacts& f = facts_of(m);
    out = pipeline::Packet{};
    show_frame(m, out.frame);
    out.buffer = m;
    out.port = f.port;
    out.vlan = f.vlan;
    out.l3_checksum_bad = f.l3_checksum_bad;
    out.hairpin = f.hairpin;
    out.handed_over = true;
    out.ids_known = f.ids_known;
    out.collect = f.collect;
    out.src_id = f.src_id;
    out.dst_id = f.dst_id;
}

}  // namespace isthmus::dpdk
