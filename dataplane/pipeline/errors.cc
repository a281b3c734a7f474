// SPDX-License-Identifier: Apache-2.0
// ICMP errors of others: translated when the packet that they quote belongs to a live session. They
// never create, refresh or change state (RFC 6146 s3.5; RFC 5508 REQ-3 to 6).
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/stateless.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/xlat/icmp_xlat.h"

namespace isthmus::pipeline {

namespace {

using xlat::Kind;

bool fit_for_state(const xlat::Parsed& quoted) noexcept {
    const bool known =
        quoted.kind == Kind::tcp || quoted.kind == Kind::udp || quoted.kind == Kind::echo;
    return known && quoted.first();
}

std::uint32_t mtu_of_arrival(const Context& c, const Packet& packet, const Work& w) noexcept {
    const Interface* i = c.cfg.interfaces.find(packet.port, w.l2.vlan);
    return i == nullptr ? 1500U : i->mtu;
}

/// Hands an error to the worker of the quoted session; true when it went. Only once (ids_known
/// marks it).
bool went_to_owner(Context& c, Packet& packet, const Work& w, unsigned owner) noexcept {
    if (owner == c.worker.id) return false;
    if (packet.ids_known) {
        drop_packet(c, packet, Drop::icmp_no_mapping);
        return true;
    }
    packet.ids_known = true;
    give_to(c, packet, w, owner);
    return true;
}

/// Where a translated ICMPv4 error seems to come from (T-7915-icmp46-024 to 026).
Ipv6Addr source_of_error_46(const Context& c, Ipv4Addr router, unsigned prefix, const Ipv6Addr& y,
                            const Way& way) noexcept {
    if (!c.cfg.errors_from_router) return y;
    if (!forbidden_under(c.cfg, prefix, router))
        return embed(c.cfg.nat.prefix[prefix].pref, router);
    return own_source(c, way, y);
}

}  // namespace

Ipv6Addr own_source(const Context& c, const Way& way, const Ipv6Addr& none) noexcept {
    const Interface* i = c.cfg.interfaces.find(way.adjacency.port, way.adjacency.vlan);
    return i != nullptr && i->has_v6 ? i->source6 : none;
}

void forward_error_64(Context& c, Packet& packet, Work& w) noexcept {
    if (w.parsed.is_piece()) return drop_packet(c, packet, Drop::fragment_icmp);
    xlat::Quoted q;
    const Drop bad = xlat::parse_quoted_v6(packet.frame, w.parsed, q);
    if (bad != Drop::none) return drop_packet(c, packet, bad);
    const std::uint8_t* inner = packet.frame.data + q.at;
    if (is_unlikely(quotes_stateless(c.cfg, load_ipv6(inner + ipv6_at::kDestination))))
        return stateless_error_64(c, packet, w);
    if (!fit_for_state(q.parsed)) return drop_packet(c, packet, Drop::icmp_inner_malformed);
    const Ipv6Addr y = load_ipv6(inner + ipv6_at::kSource);
    const Endpoint6 x{load_ipv6(inner + ipv6_at::kDestination), q.parsed.dst_id};
    const int prefix = c.cfg.nat.match_prefix(y);
    if (prefix < 0) return drop_packet(c, packet, Drop::icmp_no_mapping);
    if (went_to_owner(c, packet, w, nat::owner_of_subscriber(c.cfg.nat, x.addr))) return;
    const Ipv4Addr z = extract(y, c.cfg.nat.prefix[static_cast<unsigned>(prefix)].pref.len_bits);
    const Proto proto = proto_of(q.parsed.kind);
    const Endpoint4 remote{z, proto == Proto::icmp ? Be16{} : q.parsed.src_id};
    const nat::Outbound mapped = c.worker.engine.peek_outbound(c.cfg.nat, x, remote, proto, c.now);
    if (mapped.why != Drop::none) return drop_packet(c, packet, mapped.why);
    const bool hairpin = leads_back(c.cfg, z);
    const Way way = hairpin ? Way{} : way_to(c.worker, z, 0);
    if (way.why != Drop::none) return drop_packet(c, packet, way.why);
    const Be16 z_id = proto == Proto::icmp ? mapped.t_id : q.parsed.src_id;
    const xlat::To4 outer{mapped.t_addr, z, {}, {}};
    const xlat::To4 quoted{z, mapped.t_addr, z_id, mapped.t_id};
    xlat::Rewrite how;
    how.ip_id = c.worker.next_ip_id();
    const xlat::Links links{hairpin ? 65535U : way.adjacency.mtu, mtu_of_arrival(c, packet, w),
                            c.cfg.xlat};
    const Drop why =
        xlat::translate_error_64(packet.frame, w.parsed, q, {outer, quoted, links, how});
    if (why != Drop::none) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::icmp_errors_translated);
    c.worker.counters.add(Counter::translated_64);
    if (hairpin) return hairpin_v4(c, packet);
    if (is_unlikely(packet.frame.len_bytes > way.adjacency.mtu))
        return send_fragments(c, packet, way, way.adjacency.mtu);
    send_ip(c, packet, way);
}

void forward_error_46(Context& c, Packet& packet, Work& w) noexcept {
    if (w.parsed.is_piece()) return drop_packet(c, packet, Drop::fragment_icmp);
    xlat::Quoted q;
    const Drop bad = xlat::parse_quoted_v4(packet.frame, w.parsed, q);
    if (bad != Drop::none) return drop_packet(c, packet, bad);
    if (!fit_for_state(q.parsed)) return drop_packet(c, packet, Drop::icmp_inner_malformed);
    const std::uint8_t* inner = packet.frame.data + q.at;
    const int slot = c.cfg.nat.slot_of(load_ipv4(inner + ipv4_at::kSource));
    if (slot < 0) return drop_packet(c, packet, Drop::icmp_no_mapping);
    const Proto proto = proto_of(q.parsed.kind);
    const Be16 t_id = q.parsed.src_id;
    const unsigned owner = c.cfg.nat.owner_of(static_cast<unsigned>(slot), t_id.host(), proto);
    if (went_to_owner(c, packet, w, owner)) return;
    const Endpoint4 z{load_ipv4(inner + ipv4_at::kDestination),
                      proto == Proto::icmp ? Be16{} : q.parsed.dst_id};
    const nat::From4 flow{static_cast<std::uint16_t>(slot), z, {{}, t_id}, proto, {}};
    const nat::Inbound mapped = c.worker.engine.peek_inbound(c.cfg.nat, flow, c.now);
    if (mapped.why != Drop::none) return drop_packet(c, packet, mapped.why);
    const Way way = way_to(c.worker, mapped.x_addr, 0);
    if (way.why != Drop::none) return drop_packet(c, packet, way.why);
    const Ipv6Addr y = embed(c.cfg.nat.prefix[mapped.prefix].pref, z.addr);
    const Ipv4Addr router = load_ipv4(packet.frame.data + ipv4_at::kSource);
    const Ipv6Addr source = is_our_own(packet)
                                ? own_source(c, way, y)
                                : source_of_error_46(c, router, mapped.prefix, y, way);
    const xlat::To6 outer{source, mapped.x_addr, {}, {}};
    const Be16 z_id = proto == Proto::icmp ? mapped.x_id : q.parsed.dst_id;
    const xlat::To6 quoted{mapped.x_addr, y, mapped.x_id, z_id};
    xlat::Rewrite how;
    how.keep_hop_limit = packet.hairpin;
    const xlat::Links links{packet.hairpin ? 65535U : mtu_of_arrival(c, packet, w),
                            way.adjacency.mtu, c.cfg.xlat};
    const Drop why =
        xlat::translate_error_46(packet.frame, w.parsed, q, {outer, quoted, links, how});
    if (why != Drop::none) return drop_packet(c, packet, why);
    c.worker.counters.add(Counter::icmp_errors_translated);
    c.worker.counters.add(Counter::translated_46);
    send_ip(c, packet, way);
}

}  // namespace isthmus::pipeline
