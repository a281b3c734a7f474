// SPDX-License-Identifier: Apache-2.0
// Fragments on their way through the last stage: which are held, which go on, and datagrams that
// must be put together first (RFC 6146 s3.4; conformance rows of section 3.2).
//
// IPv6 fragments belong to the subscriber's worker as all its packets do. Of IPv4 only the first
// carries ports, so the address's home worker keeps the store, and hands what it resolved to the
// owner with the ids that it found (Packet::ids_known). A datagram that had to be put together to
// know its owner goes there in pieces again, for no buffer holds it (Packet::collect).
#include <algorithm>
#include <cstring>

#include "common/net/headers.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/xlat/fragment.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

namespace {

using nat::FragmentStore;

/// A datagram whose transport checksum covers what changes and needs all of it.
bool must_be_whole(const Work& w, bool v6) noexcept {
    if (w.parsed.protocol == (v6 ? ip_proto::kIcmp6 : ip_proto::kIcmp)) return true;
    return !v6 && w.parsed.kind == xlat::Kind::udp && w.parsed.first() && w.parsed.udp_no_checksum;
}

/// A link header in front of the packet, for the way to another worker; never sent.
L2 null_link(Frame& frame, std::uint16_t type) noexcept {
    frame.push_front(kEthernetBytes);
    std::memset(frame.data, 0, kEthernetBytes);
    pipeline::store_be16(frame.data + 12, type);
    frame.pull_front(kEthernetBytes);
    return L2{kEthernetBytes, type, 0};
}

/// Makes the assembled packet at `data` say that it is whole.
bool mark_whole(std::uint8_t* data, std::uint32_t header, std::uint32_t payload, bool v6) noexcept {
    if (v6) {
        if (header - kIpv6Bytes + payload > 65535) return false;
        store(data + ipv6_at::kPayloadLength,
              Be16{static_cast<std::uint16_t>(header - kIpv6Bytes + payload)});
        store(data + header - kFragmentBytes + 2,
              Be16{0});  // an atomic fragment: keeps its identification
        return true;
    }
    if (header + payload > 65535) return false;
    store(data + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(header + payload)});
    store(data + ipv4_at::kFragment, Be16{0});
    xlat::write_ipv4_checksum(data);
    return true;
}

void forward_whole(Context& c, const FragmentStore::Key& key, const Work& w, bool v6,
                   const Packet& last) noexcept {
    std::uint8_t* const data = c.worker.scratch.data() + kScratchHead;
    const std::uint32_t payload = c.worker.fragments.complete(key);
    const std::uint32_t header =
        c.worker.fragments.assemble(key, {data, kScratchBytes - kScratchHead});
    if (header == 0 || !mark_whole(data, header, payload, v6))
        return c.worker.counters.drop(Drop::fragment_bad_length);
    Packet whole;
    whole.frame = Frame::between(kScratchHead, data, header + payload, 0);
    whole.port = last.port;
    whole.hairpin = last.hairpin;
    whole.handed_over = last.handed_over;
    Work next = w;
    next.hint = nat::kNone;
    next.resolved_here = !last.collect;
    const Drop why =
        v6 ? xlat::parse_v6(whole.frame, next.parsed) : xlat::parse_v4(whole.frame, next.parsed);
    if (why != Drop::none) return c.worker.counters.drop(why);
    c.worker.counters.add(Counter::datagrams_reassembled);
    if (v6) return forward_64(c, whole, next);
    forward_46(c, whole, next);
}

void hold(Context& c, Packet& packet, Work& w, const FragmentStore::Key& key, bool v6) noexcept {
    FragmentStore::Piece piece;
    piece.packet = packet.frame.bytes();
    piece.payload_at = w.parsed.l4_at;
    piece.offset = w.parsed.frag_offset;
    piece.bytes = w.parsed.l4_bytes();
    piece.more = w.parsed.more;
    piece.port = packet.port;
    const Drop why = c.worker.fragments.hold(key, piece, c.now);
    if (why != Drop::none) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::fragments_held);
    const Packet last = packet;
    drop_packet(c, packet, Drop::none);
    if (c.worker.fragments.complete(key) != 0) forward_whole(c, key, w, v6, last);
}

}  // namespace

FragmentStore::Key fragment_key(const Frame& frame, const xlat::Parsed& p, bool v6) noexcept {
    FragmentStore::Key key;
    key.family = v6 ? 6 : 4;
    key.id = p.frag_id;
    if (v6) {
        key.src = load_ipv6(frame.data + ipv6_at::kSource);
        key.dst = load_ipv6(frame.data + ipv6_at::kDestination);
        return key;
    }
    store(key.src.octet.data(), load_ipv4(frame.data + ipv4_at::kSource));
    store(key.dst.octet.data(), load_ipv4(frame.data + ipv4_at::kDestination));
    key.protocol = p.protocol;
    return key;
}

bool take_fragment(Context& c, Packet& packet, Work& w, bool v6) noexcept {
    if (packet.collect) {
        hold(c, packet, w, fragment_key(packet.frame, w.parsed, v6), v6);
        return true;
    }
    if (packet.ids_known) {
        w.parsed.src_id = packet.src_id;
        w.parsed.dst_id = packet.dst_id;
        return false;
    }
    if (!v6) {
        const unsigned home = c.cfg.nat.home_of(w.slot);
        if (home != c.worker.id) {
            if (packet.handed_over) {
                drop_packet(c, packet, Drop::no_binding);
            } else {
                give_to(c, packet, w, home);
            }
            return true;
        }
    }
    const FragmentStore::Key key = fragment_key(packet.frame, w.parsed, v6);
    if (must_be_whole(w, v6)) {
        hold(c, packet, w, key, v6);
        return true;
    }
    w.resolved_here = true;
    FragmentStore::Ids ids = c.worker.fragments.ids_of(key, c.now);
    if (!ids.known && !w.parsed.first()) {
        hold(c, packet, w, key, v6);
        return true;
    }
    if (w.parsed.first()) {
        ids = {true, w.parsed.src_id, w.parsed.dst_id, c.worker.next_ip_id()};
        ids = c.worker.fragments.note_first(key, ids, c.now);
    }
    const std::uint32_t first = w.parsed.frag_offset;
    const Drop why =
        c.worker.fragments.note_passing(key, {first, first + w.parsed.l4_bytes(), !w.parsed.more});
    if (why != Drop::none) {
        drop_packet(c, packet, why);
        return true;
    }
    w.parsed.src_id = packet.src_id = ids.src;
    w.parsed.dst_id = packet.dst_id = ids.dst;
    w.ip_id = ids.ip_id;
    packet.ids_known = true;
    return false;
}

void give_in_pieces(Context& c, const Packet& whole, unsigned owner) noexcept {
    constexpr std::uint32_t kPiece = FragmentStore::kCellBytes - 128;
    // Options would have to be copied; translation forgets them anyway (RFC 7915 s4.1).
    Frame frame = whole.frame;
    const std::uint32_t header = (frame.data[ipv4_at::kVersionIhl] & 0x0fU) * 4U;
    if (header > kIpv4Bytes) {
        std::memmove(frame.data + header - kIpv4Bytes, frame.data, kIpv4Bytes);
        frame.pull_front(header - kIpv4Bytes);
        frame.data[ipv4_at::kVersionIhl] = 0x45;
        store(frame.data + ipv4_at::kTotalLength,
              Be16{static_cast<std::uint16_t>(frame.len_bytes)});
    }
    xlat::Cutter cutter(frame, kPiece);
    while (!cutter.done()) {
        Packet piece;
        if (!c.burst.edge.alloc(c.burst.edge.context, cutter.next_bytes(), piece))
            return c.worker.counters.drop(Drop::no_buffer);
        if (!cutter.next(piece.frame)) return drop_packet(c, piece, Drop::no_buffer);
        piece.port = whole.port;
        piece.hairpin = whole.hairpin;
        piece.collect = true;
        Work w;
        w.l2 = null_link(piece.frame, kTypeIpv4);
        give_to(c, piece, w, owner);
    }
}

void release_held(Context& c, const FragmentStore::Key& key, const Work& work, bool v6) noexcept {
    for (;;) {
        Packet packet;
        if (!c.burst.edge.alloc(c.burst.edge.context, FragmentStore::kCellBytes, packet)) {
            return c.worker.counters.drop(Drop::no_buffer);
        }
        packet.frame.set_length(FragmentStore::kCellBytes);
        std::uint16_t port = 0;
        const std::uint32_t bytes = c.worker.fragments.pull(key, packet.frame.bytes(), port);
        if (bytes == 0) return drop_packet(c, packet, Drop::none);
        packet.frame.set_length(bytes);
        packet.port = port;
        Work next = work;
        next.hint = nat::kNone;
        next.l2 = null_link(packet.frame, v6 ? kTypeIpv6 : kTypeIpv4);
        const Drop why = v6 ? xlat::parse_v6(packet.frame, next.parsed)
                            : xlat::parse_v4(packet.frame, next.parsed);
        if (why != Drop::none) {
            drop_packet(c, packet, why);
            continue;
        }
        packet.ids_known = true;
        packet.src_id = work.parsed.src_id;
        packet.dst_id = work.parsed.dst_id;
        next.resolved_here = true;
        if (v6) {
            forward_64(c, packet, next);
        } else {
            forward_46(c, packet, next);
        }
    }
}

}  // namespace isthmus::pipeline
