// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/forward.h"

#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/newcomers.h"
#include "dataplane/pipeline/stateless.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

namespace {

using xlat::Fit;
using xlat::Kind;

Drop why_not(const Fit& fit) noexcept {
    return fit.what == Fit::Do::refuse ? Drop::too_big
           : fit.what == Fit::Do::drop ? Drop::fragment_too_big
                                       : Drop::none;
}

/// Translates and sends what has been decided; the frame is an IPv6 packet that fits.
void emit_64(Context& c, Packet& packet, Work& w, const xlat::To4& to, const Plan& plan) noexcept {
    xlat::Rewrite how;
    if (!w.parsed.fragment) how.ip_id = c.worker.next_ip_id();
    if (is_unlikely(w.parsed.fragment && c.cfg.xlat.remap_frag_id)) {
        how.replace_frag_id = true;
        how.ip_id = w.parsed.is_piece() ? w.ip_id : c.worker.next_ip_id();
    }
    how.may_fragment = packet.buffer == nullptr;
    const Drop why = xlat::rewrite_64(packet.frame, w.parsed, to, c.cfg.xlat, how);
    if (is_unlikely(why != Drop::none)) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::translated_64);
    if (is_unlikely(how.mss_clamped)) c.worker.counters.add(Counter::mss_clamped);
    if (is_unlikely(plan.hairpin)) return hairpin_v4(c, packet);
    if (is_unlikely(plan.fit.what == Fit::Do::cut))
        return send_fragments(c, packet, plan.way, plan.fit.mtu);
    send_ip(c, packet, plan.way);
}

/// State for a 6->4 packet: the mapping, made when it is missing; only looked at for later
/// fragments.
nat::Outbound map_64(Context& c, const Work& w, const Tuple6& tuple, const Endpoint4& z) noexcept {
    if (!w.parsed.first())
        return c.worker.engine.peek_outbound(c.cfg.nat, tuple.src, z, tuple.proto, c.now);
    const nat::From6 packet{tuple.src, z, tuple.proto, static_cast<std::uint8_t>(w.prefix),
                            w.parsed.flags};
    return c.worker.engine.outbound(c.cfg.nat, hint_of(c, w.hint, w.newcomer), packet, c.now);
}

nat::Inbound map_46(Context& c, const Work& w, const Tuple4& tuple) noexcept {
    const nat::From4 packet{w.slot, tuple.src, tuple.dst, tuple.proto, w.parsed.flags};
    if (!w.parsed.first()) return c.worker.engine.peek_inbound(c.cfg.nat, packet, c.now);
    const int prefix = default_prefix(c.cfg, tuple.src.addr);
    if (prefix < 0) return {Drop::wkp_non_global, {}, {}, 0};
    return c.worker.engine.inbound(c.cfg.nat, packet, static_cast<std::uint8_t>(prefix), c.now);
}

/// A SYN that nobody expects yet: its sender hears nothing for six seconds (RFC 5382 REQ-4).
void store_syn(Context& c, Packet& packet, const Work& w, const Tuple4& tuple) noexcept {
    const nat::SynStore::Syn syn{w.slot,    packet.port, packet.hairpin,
                                 tuple.dst, tuple.src,   packet.frame.bytes()};
    drop_packet(c, packet, c.worker.engine.store_syn(c.cfg.nat, syn, c.now));
}

/// The port is another worker's. A first fragment whose ids were found here takes those along that
/// waited for it.
void give_to_owner(Context& c, Packet& packet, const Work& w, unsigned owner) noexcept {
    if (packet.handed_over && !w.resolved_here) return drop_packet(c, packet, Drop::no_binding);
    const bool releases = w.resolved_here && w.parsed.is_piece() && w.parsed.first();
    const auto key =
        releases ? fragment_key(packet.frame, w.parsed, false) : nat::FragmentStore::Key{};
    give_to(c, packet, w, owner);
    if (releases) release_held(c, key, w, false);
}

}  // namespace

bool illegal_source(const Ipv6Addr& a) noexcept {
    if (a.octet[0] == 0xff || (a.octet[0] == 0xfe && (a.octet[1] & 0xc0) == 0x80)) return true;
    const auto w = a.words();
    if (w[0] != 0) return false;
    constexpr Ipv6Addr kLoopback = Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1});
    return a == Ipv6Addr{} || a == kLoopback ||
           masked(a, 96) == Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0xffff, 0, 0});
}

bool illegal_host(Ipv4Addr a) noexcept {
    const std::uint32_t top = a.host() >> 24;
    return top == 0 || top == 127 || top >= 224 || (a.host() >> 16) == 0xa9fe;
}

Drop check_flow_64(const Snapshot& cfg, const nat::SteadyKey& flow) noexcept {
    if (is_unlikely(illegal_source(flow.x))) return Drop::source_illegal;
    if (is_unlikely(cfg.nat.in_any_prefix(flow.x))) return Drop::source_in_pref64;
    if (is_unlikely(forbidden_under(cfg, flow.prefix, flow.z))) return Drop::wkp_non_global;
    if (is_unlikely(illegal_host(flow.z))) return Drop::destination_illegal;
    if (is_unlikely(cfg.nat.n_excluded != 0) &&
        cfg.nat.is_excluded({flow.z, flow.z_id}, flow.proto))
        return Drop::excluded;
    return Drop::none;
}

Drop check_64(const Snapshot& cfg, const Packet& packet, const Work& w) noexcept {
    if (is_unlikely(w.parsed.ragged)) return Drop::fragment_bad_length;
    const nat::SteadyKey flow{load_ipv6(packet.frame.data + ipv6_at::kSource),
                              w.z,
                              w.parsed.src_id,
                              w.parsed.dst_id,
                              proto_of(w.parsed.kind),
                              static_cast<std::uint8_t>(w.prefix)};
    const Drop why = check_flow_64(cfg, flow);
    if (is_unlikely(why != Drop::none) &&
        (why != Drop::excluded || w.parsed.kind != Kind::icmp_error))
        return why;
    if (w.parsed.kind == Kind::other_protocol) return Drop::protocol_unsupported;
    if (w.parsed.kind == Kind::icmp_other) return Drop::icmp_unsupported;
    if (w.parsed.hop_limit <= 1) return Drop::hop_limit;
    if (w.parsed.kind == Kind::echo && cfg.drop_icmpv6_info) return Drop::icmp_info_refused;
    if (is_unlikely(w.parsed.udp_no_checksum && w.parsed.kind == Kind::udp) &&
        !cfg.xlat.ipv6_zero_checksum)
        return Drop::udp_zero_checksum;
    return Drop::none;
}

Drop check_46(const Snapshot& cfg, const Packet& packet, const Work& w) noexcept {
    if (is_unlikely(w.parsed.ragged)) return Drop::fragment_bad_length;
    const Ipv4Addr src = load_ipv4(packet.frame.data + ipv4_at::kSource);
    const bool error = w.parsed.kind == Kind::icmp_error;
    if (is_unlikely(illegal_host(src)) && !error) return Drop::source_illegal;
    if (is_unlikely(!packet.hairpin && cfg.nat.slot_of(src) >= 0)) return Drop::source_in_pool4;
    if (w.parsed.kind == Kind::other_protocol) {
        return w.parsed.protocol == ip_proto::kIgmp ? Drop::icmp_unsupported
                                                    : Drop::protocol_unsupported;
    }
    if (w.parsed.kind == Kind::icmp_other) return Drop::icmp_unsupported;
    if (!packet.hairpin && w.parsed.hop_limit <= 1) return Drop::hop_limit;
    return Drop::none;
}

Plan plan_64(const Snapshot& cfg, const WorkerState& worker, const Packet& packet,
             const Work& w) noexcept {
    Plan plan;
    plan.hairpin = leads_back(cfg, w.z);
    if (!plan.hairpin) plan.way = way_to(worker, w.z, static_cast<std::uint32_t>(w.hash >> 16));
    plan.why = plan.way.why;
    if (is_unlikely(plan.why != Drop::none)) return plan;
    const std::uint32_t mtu = plan.hairpin ? 65535 : plan.way.adjacency.mtu;
    plan.fit = xlat::fit_64(w.parsed, mtu, packet.buffer == nullptr);
    plan.why = why_not(plan.fit);
    return plan;
}

Plan plan_46(const Snapshot& cfg, const WorkerState& worker, const Packet& packet, const Work& w,
             nat::Index binding) noexcept {
    Plan plan;
    plan.way = way_to(worker, worker.engine.binding(binding).x_addr, flow_hash_46(binding));
    plan.why = plan.way.why;
    if (is_unlikely(plan.why != Drop::none)) return plan;
    plan.fit = xlat::fit_46(w.parsed, plan.way.adjacency.mtu, cfg.xlat, packet.buffer == nullptr);
    plan.why = why_not(plan.fit);
    return plan;
}

std::uint16_t mark_64(Context& c, nat::Index binding, const nat::SteadyKey& flow) noexcept {
    const std::uint16_t sum = c.worker.engine.sum_64(c.cfg.nat, binding, flow.prefix, flow.z);
    c.worker.engine.mark_steady(binding, {flow.z, flow.z_id}, sum);
    return sum;
}

std::uint16_t mark_46(Context& c, nat::Index binding, const nat::SteadyKey& flow) noexcept {
    const std::uint16_t sum = c.worker.engine.sum_64(c.cfg.nat, binding, flow.prefix, flow.z);
    if (check_flow_64(c.cfg, flow) == Drop::none)
        c.worker.engine.mark_steady(binding, {flow.z, flow.z_id}, sum);
    return sum;
}

bool forbidden_under(const Snapshot& cfg, unsigned prefix, Ipv4Addr z) noexcept {
    return cfg.nat.prefix[prefix].well_known && !cfg.wkp_allow_non_global &&
           cfg.non_global.contains(z);
}

int default_prefix(const Snapshot& cfg, Ipv4Addr z) noexcept {
    for (unsigned i = 0; i < cfg.nat.n_prefixes; i++) {
        const unsigned id = cfg.nat.prefix_by_rank[i];
        if (!forbidden_under(cfg, id, z)) return static_cast<int>(id);
    }
    return -1;
}

void forward_64(Context& c, Packet& packet, Work& w) noexcept {
    Drop why = check_64(c.cfg, packet, w);
    if (is_unlikely(why != Drop::none)) return refuse(c, packet, w, why);
    if (is_unlikely(w.parsed.kind == Kind::icmp_error)) return forward_error_64(c, packet, w);
    if (is_unlikely(w.parsed.is_piece()) && take_fragment(c, packet, w, true)) return;
    const Plan plan = plan_64(c.cfg, c.worker, packet, w);
    if (is_unlikely(plan.why != Drop::none)) return refuse(c, packet, w, plan.why, plan.fit.mtu);
    const std::uint8_t* h = packet.frame.data;
    Tuple6 tuple{{load_ipv6(h + ipv6_at::kSource), w.parsed.src_id},
                 {load_ipv6(h + ipv6_at::kDestination), w.parsed.dst_id},
                 proto_of(w.parsed.kind)};
    // Of an echo reply too the identifier is the IPv6 host's.
    const Endpoint4 z{w.z, w.parsed.dst_id};
    const nat::Outbound mapped =
        map_64(c, w, tuple, tuple.proto == Proto::icmp ? Endpoint4{w.z, Be16{}} : z);
    if (is_unlikely(mapped.why != Drop::none)) return refuse(c, packet, w, mapped.why);
    if (!plan.hairpin && mapped.binding != nat::kNone) {
        (void)mark_64(c, mapped.binding,
                      {tuple.src.addr, z.addr, tuple.src.id, z.id, tuple.proto,
                       static_cast<std::uint8_t>(w.prefix)});
    }
    if (is_unlikely(tuple.dst.addr.octet[8] != 0) &&
        c.cfg.nat.prefix[w.prefix].pref.len_bits < 96) {
        c.worker.counters.add(Counter::u_octet_nonzero);
    }
    const bool piece = w.parsed.is_piece();
    const nat::FragmentStore::Key key =
        piece ? fragment_key(packet.frame, w.parsed, true) : nat::FragmentStore::Key{};
    const bool first = piece && w.parsed.first();
    const xlat::To4 to{mapped.t_addr, w.z, mapped.t_id,
                       tuple.proto == Proto::icmp ? mapped.t_id : w.parsed.dst_id};
    emit_64(c, packet, w, to, plan);
    if (is_unlikely(first)) release_held(c, key, w, true);
}

void forward_46(Context& c, Packet& packet, Work& w) noexcept {
    Drop why = check_46(c.cfg, packet, w);
    if (is_unlikely(why != Drop::none)) return refuse(c, packet, w, why);
    if (is_unlikely(w.parsed.kind == Kind::icmp_error)) return forward_error_46(c, packet, w);
    if (is_unlikely(w.parsed.is_piece()) && take_fragment(c, packet, w, false)) return;
    const std::uint16_t t_id = w.parsed.dst_id.host();
    const unsigned owner = c.cfg.nat.owner_of(w.slot, t_id, proto_of(w.parsed.kind));
    if (is_unlikely(owner != c.worker.id)) return give_to_owner(c, packet, w, owner);
    const std::uint8_t* h = packet.frame.data;
    const Proto proto = proto_of(w.parsed.kind);
    const Tuple4 tuple{
        {load_ipv4(h + ipv4_at::kSource), proto == Proto::icmp ? Be16{} : w.parsed.src_id},
        {load_ipv4(h + ipv4_at::kDestination), w.parsed.dst_id},
        proto};
    // The binding tells the way before any state is touched, so that a packet too big leaves no
    // trace.
    const nat::Index known =
        c.worker.engine.find_alive(c.cfg.nat, w.slot, tuple.dst.id, proto, c.now);
    const Plan plan =
        is_likely(known != nat::kNone) ? plan_46(c.cfg, c.worker, packet, w, known) : Plan{};
    if (is_unlikely(plan.why != Drop::none)) return refuse(c, packet, w, plan.why, plan.fit.mtu);
    const nat::Inbound mapped = map_46(c, w, tuple);
    if (is_unlikely(mapped.why == Drop::tcp_syn_stored)) return store_syn(c, packet, w, tuple);
    if (is_unlikely(mapped.why != Drop::none)) return refuse(c, packet, w, mapped.why);
    if (!packet.hairpin && mapped.binding != nat::kNone) {
        (void)mark_46(
            c, mapped.binding,
            {mapped.x_addr, tuple.src.addr, mapped.x_id, tuple.src.id, tuple.proto, mapped.prefix});
    }
    const Ipv6Addr y = embed(c.cfg.nat.prefix[mapped.prefix].pref, tuple.src.addr);
    const xlat::To6 to{y, mapped.x_addr, proto == Proto::icmp ? mapped.x_id : w.parsed.src_id,
                       mapped.x_id};
    xlat::Rewrite how;
    how.keep_hop_limit = packet.hairpin;
    how.fragment_header = plan.fit.what == Fit::Do::cut;
    how.frag_id = w.parsed.frag_id;
    const bool first = w.parsed.is_piece() && w.parsed.first();
    const nat::FragmentStore::Key key =
        first ? fragment_key(packet.frame, w.parsed, false) : nat::FragmentStore::Key{};
    const bool computes =
        w.parsed.kind == Kind::udp && w.parsed.udp_no_checksum && w.parsed.first();
    why = xlat::rewrite_46(packet.frame, w.parsed, to, c.cfg.xlat, how);
    if (is_unlikely(why != Drop::none)) return drop_packet(c, packet, why);
    if (is_unlikely(computes)) c.worker.counters.add(Counter::udp_checksums_computed);
    c.worker.counters.add(Counter::translated_46);
    if (is_unlikely(how.mss_clamped)) c.worker.counters.add(Counter::mss_clamped);
    if (is_unlikely(plan.fit.what == Fit::Do::cut)) {
        send_fragments(c, packet, plan.way, plan.fit.mtu);
    } else {
        send_ip(c, packet, plan.way);
    }
    if (is_unlikely(first)) release_held(c, key, w, false);
}

void give_to(Context& c, Packet& packet, const Work& w, unsigned owner) noexcept {
    if (packet.buffer == nullptr) return give_in_pieces(c, packet, owner);
    if (packet.frame.headroom < w.l2.bytes) return drop_packet(c, packet, Drop::handover_full);
    packet.frame.push_front(w.l2.bytes);
    packet.to_worker = static_cast<std::uint16_t>(owner);
    if (c.burst.handover.full()) c.burst.edge.flush(c.burst.edge.context, c.burst);
    c.worker.counters.add(w.parsed.fragment ? Counter::handed_over_fragment
                                            : Counter::handed_over_port);
    c.burst.handover.push(packet);
}

void hairpin_v4(Context& c, Packet& packet) noexcept {
    if (packet.hairpin) return drop_packet(c, packet, Drop::hairpin_loop);
    packet.hairpin = true;
    packet.handed_over = false;
    packet.ids_known = false;
    packet.collect = false;
    c.worker.counters.add(Counter::hairpinned);
    Work w;
    const Ipv4Addr dst = load_ipv4(packet.frame.data + ipv4_at::kDestination);
    const int slot = c.cfg.nat.slot_of(dst);
    w.path = slot >= 0 ? Path::d46 : Path::s46;
    if (slot < 0 && !has_host(c.cfg, dst)) return drop_packet(c, packet, Drop::not_translated);
    w.slot = static_cast<std::uint16_t>(slot);
    // A link header for the way to another worker; never sent.
    if (packet.frame.headroom < kEthernetBytes) return drop_packet(c, packet, Drop::no_buffer);
    packet.frame.push_front(kEthernetBytes);
    for (unsigned i = 0; i < 12; i++) packet.frame.data[i] = 0;
    store_be16(packet.frame.data + 12, kTypeIpv4);
    packet.vlan = 0;
    w.l2 = L2{kEthernetBytes, kTypeIpv4, 0};
    packet.frame.pull_front(kEthernetBytes);
    const Drop why = xlat::parse_v4(packet.frame, w.parsed);
    if (why != Drop::none) return drop_packet(c, packet, why);
    if (w.path == Path::s46) return stateless_46(c, packet, w);
    forward_46(c, packet, w);
}

}  // namespace isthmus::pipeline
