// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/send.h"

#include <cstring>

#include "common/net/headers.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/xlat/fragment.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

namespace {

Way way_of(const WorkerState& worker, AdjacencyId id, const Ipv6Addr& dst,
           std::uint32_t flow_hash) noexcept {
    Way way;
    way.id = id;
    way.flow_hash = flow_hash;
    way.adjacency = worker.fib->read(id);
    switch (way.adjacency.state) {
        case Adjacency::State::resolved:
        case Adjacency::State::unresolved:
            break;
        case Adjacency::State::glean:
            way.adjacency.next_hop = dst;
            break;
        default:
            way.why = Drop::no_route;
            break;
    }
    return way;
}

/// Copies a packet that lies in the scratch into a buffer of its own.
bool own_buffer(Context& c, Packet& packet) noexcept {
    if (packet.buffer != nullptr) return true;
    Packet fresh;
    if (!c.burst.edge.alloc(c.burst.edge.context, packet.frame.len_bytes, fresh)) return false;
    fresh.frame.set_length(packet.frame.len_bytes);
    std::memcpy(fresh.frame.data, packet.frame.data, packet.frame.len_bytes);
    packet.frame = fresh.frame;
    packet.buffer = fresh.buffer;
    return true;
}

void room_in(Context& c, PacketList<kOutMax>& list) noexcept {
    if (list.full()) c.burst.edge.flush(c.burst.edge.context, c.burst);
}

void note_drop(Context& c, const Packet& packet, Drop why, Starts starts) noexcept {
    c.worker.counters.drop(why);
    c.worker.dropped.note(why, {packet.frame.bytes(), packet.port, starts}, c.now.ns);
}

void give_back(Context& c, const Packet& packet) noexcept {
    if (packet.buffer == nullptr) return;
    room_in(c, c.burst.done);
    c.burst.done.push(packet);
}

void put_on_wire(Context& c, Packet& packet, const Adjacency& a) noexcept {
    write_l2(packet.frame, a.dst, a.src, a.vlan);
    packet.port = a.port;
    packet.vlan = 0;
    room_in(c, c.burst.tx);
    c.burst.tx.push(packet);
}

void hold_for_neighbour(Context& c, Packet& packet, const Way& way) noexcept {
    const Adjacency& a = way.adjacency;
    const Pending::Waiting waiting{packet,
                                   {a.port, a.vlan, a.family, a.next_hop},
                                   hop_key(c.worker.seed, a),
                                   way.flow_hash,
                                   c.now.tick};
    Packet victim;
    c.worker.counters.add(Counter::neighbour_held);
    if (!c.worker.pending.hold(waiting, c.worker.resolve, victim))
        drop_packet(c, victim, Drop::neighbour_queue_full);
}

/// Its link address is not known, or others wait for it that came before.
bool must_wait(const Context& c, const Adjacency& a) noexcept {
    const Pending& p = c.worker.pending;
    return a.state != Adjacency::State::resolved ||
           (!p.empty() && p.is_waited_for(hop_key(c.worker.seed, a)));
}

std::uint64_t hash_of_source(const WorkerState& w, const Frame& f, bool v6) noexcept {
    if (!v6) return nat::hash2(w.seed, load_ipv4(f.data + ipv4_at::kSource).host(), 1);
    return nat::hash_addr(w.seed, masked(load_ipv6(f.data + ipv6_at::kSource), 64), 2);
}

bool errors_allowed(Context& c, const Frame& offender, bool v6) noexcept {
    const ErrorPolicy& p = v6 ? c.cfg.to_ipv6 : c.cfg.to_ipv4;
    if (p.mode == ErrorPolicy::Mode::off) return false;
    if (p.mode == ErrorPolicy::Mode::send) return true;
    xlat::ErrorLimiter& limiter = v6 ? c.worker.errors_to_6 : c.worker.errors_to_4;
    if (limiter.allow({p.rate, p.burst, p.rate_per_source, p.burst_per_source},
                      hash_of_source(c.worker, offender, v6), c.now.ns))
        return true;
    c.worker.counters.add(Counter::icmp_errors_limited);
    return false;
}

void send_error_v6(Context& c, Packet& packet, xlat::IcmpKind kind, xlat::ErrorRest rest) noexcept {
    const Ipv6Addr to = load_ipv6(packet.frame.data + ipv6_at::kSource);
    const Way way = way_to(c.worker, to, 0);
    if (way.why != Drop::none) return drop_packet(c, packet, Drop::none);
    const Interface* i = c.cfg.interfaces.find(way.adjacency.port, way.adjacency.vlan);
    if (i == nullptr || !i->has_v6) return drop_packet(c, packet, Drop::none);
    if (!xlat::build_error_v6(packet.frame, kind, rest, i->source6))
        return drop_packet(c, packet, Drop::none);
    c.worker.counters.add(Counter::icmp6_errors_sent);
    send_ip(c, packet, way);
}

/// Makes an error about a hairpinned packet ready for its way back through us: it quotes the packet
/// as its sender sent it, hop limit included, and as much of it as an IPv6 error may.
void quote_as_sent(const Packet& packet, xlat::ErrorRest& rest) noexcept {
    packet.frame.data[ipv4_at::kTtl]++;
    xlat::write_ipv4_checksum(packet.frame.data);
    rest.most = xlat::kMostIcmp6;
}

void send_error_v4(Context& c, Packet& packet, xlat::IcmpKind kind, xlat::ErrorRest rest) noexcept {
    const Ipv4Addr to = load_ipv4(packet.frame.data + ipv4_at::kSource);
    const bool back = c.cfg.nat.slot_of(to) >= 0 || (packet.hairpin && leads_back(c.cfg, to));
    const Way way = way_to(c.worker, to, 0);
    Ipv4Addr source;
    if (back) {
        source = kOurselves;
        if (packet.hairpin) quote_as_sent(packet, rest);
    } else {
        if (way.why != Drop::none) return drop_packet(c, packet, Drop::none);
        const Interface* i = c.cfg.interfaces.find(way.adjacency.port, way.adjacency.vlan);
        if (i == nullptr || !i->has_v4) return drop_packet(c, packet, Drop::none);
        source = i->source4;
    }
    if (!xlat::build_error_v4(packet.frame, kind, rest, source))
        return drop_packet(c, packet, Drop::none);
    c.worker.counters.add(Counter::icmp4_errors_sent);
    if (back) {
        packet.hairpin = false;  // the error makes the way back, once: it is never answered itself
        return hairpin_v4(c, packet);
    }
    send_ip(c, packet, way);
}

}  // namespace

Way way_to(const WorkerState& worker, Ipv4Addr dst, std::uint32_t flow_hash) noexcept {
    Ipv6Addr as6;
    store(as6.octet.data(), dst);
    return way_of(worker, worker.fib->lookup(dst, flow_hash), as6, flow_hash);
}

Way way_to(const WorkerState& worker, const Ipv6Addr& dst, std::uint32_t flow_hash) noexcept {
    return way_of(worker, worker.fib->lookup(dst, flow_hash), dst, flow_hash);
}

void send_ip(Context& c, Packet& packet, const Way& way) noexcept {
    if (is_unlikely(!own_buffer(c, packet))) return drop_packet(c, packet, Drop::no_buffer);
    if (is_unlikely(packet.frame.headroom < kEthernetBytes + kVlanBytes))
        return drop_packet(c, packet, Drop::no_buffer);
    if (is_unlikely(must_wait(c, way.adjacency))) return hold_for_neighbour(c, packet, way);
    put_on_wire(c, packet, way.adjacency);
}

void release_pending(Context& c) noexcept {
    const std::uint32_t epoch = c.worker.fib->epoch();
    if (!c.worker.pending.is_due(epoch, c.now.tick)) return;
    c.worker.pending.release(epoch, [&](Pending::Waiting& w) {
        const std::uint8_t* h = w.packet.frame.data;
        const bool v6 = (h[0] >> 4) == 6;
        const Way way = v6 ? way_to(c.worker, load_ipv6(h + ipv6_at::kDestination), w.flow_hash)
                           : way_to(c.worker, load_ipv4(h + ipv4_at::kDestination), w.flow_hash);
        if (way.why == Drop::none && way.adjacency.state == Adjacency::State::resolved) {
            put_on_wire(c, w.packet, way.adjacency);
            return true;
        }
        if (way.why == Drop::none && !Pending::is_over(w, c.now.tick)) return false;
        drop_packet(c, w.packet, Drop::no_neighbour);
        return true;
    });
}

void send_fragments(Context& c, Packet& packet, const Way& way, std::uint32_t mtu) noexcept {
    xlat::Cutter cutter(packet.frame, mtu);
    while (!cutter.done()) {
        Packet piece;
        if (!c.burst.edge.alloc(c.burst.edge.context, cutter.next_bytes(), piece)) {
            return drop_packet(c, packet, Drop::no_buffer);
        }
        piece.port = packet.port;
        if (!cutter.next(piece.frame)) {
            drop_packet(c, piece, Drop::none);
            return drop_packet(c, packet, Drop::no_buffer);
        }
        c.worker.counters.add(Counter::fragments_made);
        send_ip(c, piece, way);
    }
    drop_packet(c, packet, Drop::none);
}

void drop_packet(Context& c, Packet& packet, Drop why) noexcept {
    if (why != Drop::none) note_drop(c, packet, why, Starts::at_ip);
    give_back(c, packet);
}

void drop_frame(Context& c, Packet& packet, Drop why) noexcept {
    if (why != Drop::none) note_drop(c, packet, why, Starts::at_link);
    give_back(c, packet);
}

namespace {

/// Nobody sends from a NAT64 prefix or a pool address but forgers and loops: no error goes there.
bool forged_source(const Snapshot& cfg, const Packet& packet, bool v6) noexcept {
    const std::uint8_t* h = packet.frame.data;
    if (v6) return cfg.nat.in_any_prefix(load_ipv6(h + ipv6_at::kSource));
    return !packet.hairpin && cfg.nat.slot_of(load_ipv4(h + ipv4_at::kSource)) >= 0;
}

bool is_v6(const Frame& f) noexcept { return f.len_bytes > 0 && (f.data[0] >> 4) == 6; }

}  // namespace

bool is_answered(const Snapshot& cfg, const Packet& packet, const Work& work, Drop why) noexcept {
    const bool v6 = is_v6(packet.frame);
    const bool asked = why != Drop::no_binding || work.parsed.protocol != ip_proto::kIcmp ||
                       work.parsed.icmp_type == 8;
    // Of a datagram in pieces one answer is enough, but for hops: there each piece counts for
    // itself.
    const bool once = work.parsed.first() || why == Drop::hop_limit;
    return asked && once && xlat::error_for(why, v6).has_value() &&
           (v6 ? cfg.to_ipv6 : cfg.to_ipv4).mode != ErrorPolicy::Mode::off &&
           xlat::may_answer(packet.frame, work.parsed, v6, work.link_multicast) &&
           !forged_source(cfg, packet, v6);
}

void refuse(Context& c, Packet& packet, const Work& work, Drop why, std::uint32_t mtu) noexcept {
    const Frame& f = packet.frame;
    const bool v6 = is_v6(f);
    const auto kind = xlat::error_for(why, v6);
    if (!kind || !is_answered(c.cfg, packet, work, why) || !errors_allowed(c, f, v6))
        return drop_packet(c, packet, why);
    note_drop(c, packet, why, Starts::at_ip);
    const xlat::ErrorRest rest{mtu, work.parsed.pointer,
                               v6 ? std::uint16_t{0} : c.worker.next_ip_id()};
    if (v6) return send_error_v6(c, packet, *kind, rest);
    send_error_v4(c, packet, *kind, rest);
}

void answer_stored_syn(Context& c, const nat::SynStore::Entry& syn) noexcept {
    Packet packet;
    if (!c.burst.edge.alloc(c.burst.edge.context, syn.bytes, packet))
        return c.worker.counters.drop(Drop::no_buffer);
    packet.frame.set_length(syn.bytes);
    std::memcpy(packet.frame.data, syn.packet.data(), syn.bytes);
    packet.port = syn.port;
    packet.hairpin = syn.hairpin != 0;
    xlat::Parsed parsed;
    Frame look = packet.frame;  // it may be cut short: read as a quoted packet is
    const bool good = xlat::parse_v4(look, parsed, xlat::Where::quoted) == Drop::none &&
                      xlat::may_answer(packet.frame, parsed, false, false) &&
                      errors_allowed(c, packet.frame, false);
    if (!good) return drop_packet(c, packet, Drop::none);
    send_error_v4(c, packet, {3, 3}, {0, 0, c.worker.next_ip_id()});
}

}  // namespace isthmus::pipeline
