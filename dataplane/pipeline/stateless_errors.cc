// SPDX-License-Identifier: Apache-2.0
// ICMP errors about packets that are translated without state: both headers, the message's own and
// that of the packet it quotes, are mapped address by address (RFC 7915 s4.3, s5.3; RFC 7757 s4).
#include "common/net/headers.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/stateless.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/xlat/icmp_xlat.h"

namespace isthmus::pipeline {

namespace {

/// The IPv4 address of a router that has none: a member of the pool for it, at random so that two
/// routers of one traceroute do not look like a loop (RFC 6791 s5); without a pool that of the
/// interface which the message leaves by, or for one that turns back, of the one it came in by.
In4 source_of_unmapped(Context& c, const Packet& packet, const Work& w, const Way& way,
                       bool back) noexcept {
    const Stateless& s = c.cfg.stateless;
    if (s.n_error_sources != 0) {
        const std::uint64_t r = nat::hash2(c.worker.seed, c.worker.next_ip_id(), c.now.ns.v);
        return {Mapped::prefix, s.error_source[r % s.n_error_sources]};
    }
    const Interface* i = back ? c.cfg.interfaces.find(packet.port, w.l2.vlan)
                              : c.cfg.interfaces.find(way.adjacency.port, way.adjacency.vlan);
    for (unsigned k = 0; back && k < c.cfg.interfaces.n && (i == nullptr || !i->has_v4); k++)
        i = &c.cfg.interfaces.item[k];
    if (i == nullptr || !i->has_v4) return {};
    return {Mapped::prefix, i->source4};
}

std::uint32_t mtu_of_arrival(const Context& c, const Packet& packet, const Work& w) noexcept {
    const Interface* i = c.cfg.interfaces.find(packet.port, w.l2.vlan);
    return i == nullptr ? 1500U : i->mtu;
}

Drop why_unmapped(Mapped a, Mapped b) noexcept {
    if (a == Mapped::forbidden || b == Mapped::forbidden) return Drop::wkp_non_global;
    return a == Mapped::none || b == Mapped::none ? Drop::icmp_no_mapping : Drop::none;
}

/// RFC 7757 s4.2.2 condition set B, or a message for the pool.
bool turns_back(const Context& c, const In4& quoted_src, Ipv4Addr dst) noexcept {
    if (c.cfg.nat.slot_of(dst) >= 0) return true;
    const Stateless& s = c.cfg.stateless;
    return s.hairpin == Stateless::Hairpin::intrinsic && quoted_src.how != Mapped::eam &&
           s.eam.find(quoted_src.addr) != nullptr && has_host(c.cfg, dst);
}

/// Where a translated ICMPv4 error seems to come from (T-7915-icmp46-024 to 026). `quoted_dst`: the
/// far end of the flow, as IPv6 sees it.
In6 source_of_error(const Context& c, Ipv4Addr router, UseEam eam, const In6& quoted_dst,
                    const Way& way) noexcept {
    if (!c.cfg.errors_from_router) return quoted_dst;
    const In6 mapped = to6(c.cfg, router, eam);
    if (mapped.how != Mapped::forbidden) return mapped;
    return {Mapped::prefix, own_source(c, way, quoted_dst.addr)};
}

}  // namespace

bool quotes_stateless(const Snapshot& cfg, const Ipv6Addr& quoted_dst) noexcept {
    return cfg.stateless.on && is_mapped(to4(cfg, quoted_dst, Behind::stateless_prefixes).how);
}

void stateless_error_64(Context& c, Packet& packet, Work& w) noexcept {
    xlat::Quoted q;
    const Drop bad = xlat::parse_quoted_v6(packet.frame, w.parsed, q);
    if (bad != Drop::none) return drop_packet(c, packet, bad);
    const std::uint8_t* inner = packet.frame.data + q.at;
    const Ipv6Addr quoted_dst6 = load_ipv6(inner + ipv6_at::kDestination);
    // A router with an EAM entry, about a packet to a subscriber of the stateful NAT64.
    if (!quotes_stateless(c.cfg, quoted_dst6) &&
        c.cfg.nat.in_any_prefix(load_ipv6(inner + ipv6_at::kSource)))
        return forward_error_64(c, packet, w);
    const In4 quoted_src = to4(c.cfg, load_ipv6(inner + ipv6_at::kSource), Behind::any_prefix);
    const In4 quoted_dst = to4(c.cfg, quoted_dst6, Behind::stateless_prefixes);
    const In4 dst =
        to4(c.cfg, load_ipv6(packet.frame.data + ipv6_at::kDestination), Behind::any_prefix);
    Drop why = why_unmapped(quoted_src.how, quoted_dst.how);
    if (why == Drop::none) why = why_unmapped(dst.how, dst.how);
    if (why != Drop::none) return drop_packet(c, packet, why);
    const bool back = turns_back(c, quoted_src, dst.addr);
    const Way way = back ? Way{} : way_to(c.worker, dst.addr, 0);
    if (way.why != Drop::none) return drop_packet(c, packet, way.why);
    const Ipv6Addr router = load_ipv6(packet.frame.data + ipv6_at::kSource);
    In4 src = to4(c.cfg, router, Behind::stateless_prefixes);
    const bool stands_in = !is_mapped(src.how);
    if (stands_in) src = source_of_unmapped(c, packet, w, way, back);
    if (!is_mapped(src.how)) return drop_packet(c, packet, Drop::source_unmapped);
    const xlat::To4 outer{src.addr, dst.addr, {}, {}};
    const xlat::To4 quoted{quoted_src.addr, quoted_dst.addr, q.parsed.src_id, q.parsed.dst_id};
    xlat::Rewrite how;
    how.ip_id = c.worker.next_ip_id();
    const xlat::Links links{back ? 65535U : way.adjacency.mtu, mtu_of_arrival(c, packet, w),
                            c.cfg.xlat};
    const bool name_it = stands_in && !back && c.cfg.stateless.name_routers;
    why = xlat::translate_error_64(packet.frame, w.parsed, q,
                                   {outer, quoted, links, how, name_it ? &router : nullptr});
    if (why != Drop::none) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::icmp_errors_translated);
    c.worker.counters.add(Counter::translated_64);
    c.worker.counters.add(Counter::stateless_64);
    if (back) return hairpin_v4(c, packet);
    if (is_unlikely(packet.frame.len_bytes > way.adjacency.mtu))
        return send_fragments(c, packet, way, way.adjacency.mtu);
    send_ip(c, packet, way);
}

void stateless_error_46(Context& c, Packet& packet, Work& w) noexcept {
    xlat::Quoted q;
    const Drop bad = xlat::parse_quoted_v4(packet.frame, w.parsed, q);
    if (bad != Drop::none) return drop_packet(c, packet, bad);
    const std::uint8_t* inner = packet.frame.data + q.at;
    const Ipv4Addr quoted_src4 = load_ipv4(inner + ipv4_at::kSource);
    const Ipv4Addr quoted_dst4 = load_ipv4(inner + ipv4_at::kDestination);
    const Ipv4Addr router = load_ipv4(packet.frame.data + ipv4_at::kSource);
    // RFC 7757 s4.2.1 rules 2 and 3.
    const bool simple = packet.hairpin || c.cfg.stateless.hairpin == Stateless::Hairpin::simple;
    const UseEam for_far_end = simple ? UseEam::no : UseEam::yes;
    const In6 quoted_src = to6(c.cfg, quoted_src4, UseEam::yes);
    const In6 quoted_dst = to6(c.cfg, quoted_dst4, for_far_end);
    const In6 dst = to6(c.cfg, load_ipv4(packet.frame.data + ipv4_at::kDestination), UseEam::yes);
    Drop why = has_host(c.cfg, quoted_src4) ? why_unmapped(quoted_src.how, quoted_dst.how)
                                            : Drop::icmp_no_mapping;
    if (why == Drop::none) why = why_unmapped(dst.how, dst.how);
    if (why != Drop::none) return drop_packet(c, packet, why);
    const Way way = way_to(c.worker, dst.addr, 0);
    if (way.why != Drop::none) return drop_packet(c, packet, way.why);
    const UseEam for_router = router == quoted_dst4 ? for_far_end : UseEam::yes;
    const In6 src = is_our_own(packet) ? In6{Mapped::prefix, own_source(c, way, quoted_dst.addr)}
                                       : source_of_error(c, router, for_router, quoted_dst, way);
    if (!is_mapped(src.how)) return drop_packet(c, packet, Drop::source_unmapped);
    const xlat::To6 outer{src.addr, dst.addr, {}, {}};
    const xlat::To6 quoted{quoted_src.addr, quoted_dst.addr, q.parsed.src_id, q.parsed.dst_id};
    xlat::Rewrite how;
    how.keep_hop_limit = packet.hairpin;
    const xlat::Links links{packet.hairpin ? 65535U : mtu_of_arrival(c, packet, w),
                            way.adjacency.mtu, c.cfg.xlat};
    why = xlat::translate_error_46(packet.frame, w.parsed, q, {outer, quoted, links, how});
    if (why != Drop::none) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::icmp_errors_translated);
    c.worker.counters.add(Counter::translated_46);
    c.worker.counters.add(Counter::stateless_46);
    send_ip(c, packet, way);
}

}  // namespace isthmus::pipeline
