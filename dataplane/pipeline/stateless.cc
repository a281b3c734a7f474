// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/stateless.h"

#include "common/net/headers.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

namespace {

using xlat::Fit;
using xlat::Kind;

/// Its checksum covers the whole message, and nobody reassembles here (RFC 7915 s1.2).
bool is_piece_of_icmp(const xlat::Parsed& p, std::uint8_t icmp) noexcept {
    return p.is_piece() && p.protocol == icmp;
}

/// Why both of a packet's addresses cannot be mapped, or none. A host behind the well-known prefix
/// would have no address that anybody could give it (RFC 6052 s3.3): one end has one of its own.
Drop why_unmapped(Mapped src, Mapped dst) noexcept {
    if (src == Mapped::forbidden || dst == Mapped::forbidden) return Drop::wkp_non_global;
    if (dst == Mapped::none) return Drop::not_translated;
    const bool both_well_known = src == Mapped::well_known && dst == Mapped::well_known;
    return src == Mapped::none || both_well_known ? Drop::source_unmapped : Drop::none;
}

Drop check_64(const Context& c, const Packet& packet, const Work& w, const Pair4& to) noexcept {
    const xlat::Parsed& p = w.parsed;
    const bool error = p.kind == Kind::icmp_error;
    const Drop why = check_addresses_64(packet.frame.data, to, error);
    if (why != Drop::none) return why;
    if (c.cfg.nat.n_excluded != 0 && !error &&
        c.cfg.nat.is_excluded({to.dst.addr, p.dst_id}, proto_of(p.kind)))
        return Drop::excluded;
    if (is_piece_of_icmp(p, ip_proto::kIcmp6)) return Drop::fragment_icmp;
    if (p.kind == Kind::icmp_other) return Drop::icmp_unsupported;
    if (p.hop_limit <= 1) return Drop::hop_limit;
    if (p.kind == Kind::udp && p.udp_no_checksum && !c.cfg.xlat.ipv6_zero_checksum)
        return Drop::udp_zero_checksum;
    return Drop::none;
}

/// UDP whose checksum nobody wrote and nobody can, or shall, compute (RFC 7915 s4.5).
bool lacks_checksum(const Context& c, const xlat::Parsed& p) noexcept {
    return p.kind == Kind::udp && p.udp_no_checksum && p.first() &&
           (p.is_piece() || c.cfg.stateless.drop_zero_checksum);
}

Drop check_46(const Context& c, const Packet& packet, const Work& w, const Pair6& to) noexcept {
    const xlat::Parsed& p = w.parsed;
    const bool error = p.kind == Kind::icmp_error;
    const Drop why = check_addresses_46(c.cfg, packet.frame.data, to, packet.hairpin, error);
    if (why != Drop::none) return why;
    if (p.protocol == ip_proto::kIgmp || p.kind == Kind::icmp_other) return Drop::icmp_unsupported;
    if (is_piece_of_icmp(p, ip_proto::kIcmp)) return Drop::fragment_icmp;
    if (!packet.hairpin && p.hop_limit <= 1) return Drop::hop_limit;
    return lacks_checksum(c, p) ? Drop::udp_zero_checksum : Drop::none;
}

/// Refuses, or drops, what does not fit; true when it went that way.
bool is_refused(Context& c, Packet& packet, const Work& w, const Fit& fit) noexcept {
    if (is_unlikely(fit.what == Fit::Do::refuse)) {
        refuse(c, packet, w, Drop::too_big, fit.mtu);
        return true;
    }
    if (is_unlikely(fit.what == Fit::Do::drop)) {
        drop_packet(c, packet, Drop::fragment_too_big);
        return true;
    }
    return false;
}

/// RFC 7915 s4.5: what was refused for want of a checksum is told, with addresses and ports.
void tell_refused(Context& c, const Packet& packet, const Work& w, const Pair6& to) noexcept {
    const std::uint8_t* h = packet.frame.data;
    c.worker.engine.tell_packet_refused(Drop::udp_zero_checksum, to.dst.addr,
                                        {{load_ipv4(h + ipv4_at::kSource), w.parsed.src_id},
                                         {load_ipv4(h + ipv4_at::kDestination), w.parsed.dst_id},
                                         Proto::udp},
                                        c.now);
}

}  // namespace

Pair4 pair4_of(const Snapshot& cfg, const Ipv6Addr& src, const Ipv6Addr& dst) noexcept {
    return {to4(cfg, src, Behind::stateless_prefixes), to4(cfg, dst, Behind::any_prefix)};
}

Pair6 pair6_of(const Snapshot& cfg, Ipv4Addr src, Ipv4Addr dst, bool hairpin) noexcept {
    // RFC 7757 s4.2.1 rule 1.
    const bool simple = hairpin || cfg.stateless.hairpin == Stateless::Hairpin::simple;
    return {to6(cfg, src, simple ? UseEam::no : UseEam::yes), to6(cfg, dst, UseEam::yes)};
}

Drop check_addresses_64(const std::uint8_t* ip, const Pair4& to, bool error) noexcept {
    if (illegal_source(load_ipv6(ip + ipv6_at::kSource))) return Drop::source_illegal;
    const Drop unmapped = why_unmapped(error ? Mapped::eam : to.src.how, to.dst.how);
    if (unmapped != Drop::none) return unmapped;
    if (!error && illegal_host(to.src.addr)) return Drop::source_illegal;
    return illegal_host(to.dst.addr) ? Drop::destination_illegal : Drop::none;
}

Drop check_addresses_46(const Snapshot& cfg, const std::uint8_t* ip, const Pair6& to, bool hairpin,
                        bool error) noexcept {
    const Ipv4Addr src = load_ipv4(ip + ipv4_at::kSource);
    if (illegal_host(src) && !error) return Drop::source_illegal;
    if (!hairpin && cfg.nat.slot_of(src) >= 0) return Drop::source_in_pool4;
    if (illegal_host(load_ipv4(ip + ipv4_at::kDestination))) return Drop::destination_illegal;
    return why_unmapped(error ? Mapped::eam : to.src.how, to.dst.how);
}

std::uint32_t flow_hash_without_state(const WorkerState& worker, const Ipv6Addr& a,
                                      Ipv4Addr b) noexcept {
    return static_cast<std::uint32_t>(nat::hash_addr(worker.seed, a, b.host()) >> 32);
}

bool turns_back(const Snapshot& cfg, const In4& dst) noexcept {
    if (cfg.nat.slot_of(dst.addr) >= 0) return true;
    return cfg.stateless.hairpin == Stateless::Hairpin::intrinsic && dst.how != Mapped::eam &&
           cfg.stateless.eam.find(dst.addr) != nullptr;
}

void stateless_64(Context& c, Packet& packet, Work& w) noexcept {
    const Ipv6Addr src = load_ipv6(packet.frame.data + ipv6_at::kSource);
    const Ipv6Addr dst = load_ipv6(packet.frame.data + ipv6_at::kDestination);
    const Pair4 to = pair4_of(c.cfg, src, dst);
    const Drop why = check_64(c, packet, w, to);
    if (is_unlikely(why != Drop::none)) return refuse(c, packet, w, why);
    if (is_unlikely(w.parsed.kind == Kind::icmp_error)) return stateless_error_64(c, packet, w);
    const bool back = turns_back(c.cfg, to.dst);
    const Way way =
        back ? Way{}
             : way_to(c.worker, to.dst.addr, flow_hash_without_state(c.worker, src, to.dst.addr));
    if (is_unlikely(way.why != Drop::none)) return refuse(c, packet, w, way.why);
    const Fit fit = xlat::fit_64(w.parsed, back ? 65535U : way.adjacency.mtu);
    if (is_refused(c, packet, w, fit)) return;
    xlat::Rewrite how;
    if (!w.parsed.fragment) how.ip_id = c.worker.next_ip_id();
    const xlat::To4 result{to.src.addr, to.dst.addr, w.parsed.src_id, w.parsed.dst_id};
    const Drop failed = xlat::rewrite_64(packet.frame, w.parsed, result, c.cfg.xlat, how);
    if (is_unlikely(failed != Drop::none)) return drop_packet(c, packet, failed);
    c.worker.counters.add(Counter::translated_64);
    c.worker.counters.add(Counter::stateless_64);
    if (is_unlikely(how.mss_clamped)) c.worker.counters.add(Counter::mss_clamped);
    if (is_unlikely(back)) return hairpin_v4(c, packet);
    if (is_unlikely(fit.what == Fit::Do::cut)) return send_fragments(c, packet, way, fit.mtu);
    send_ip(c, packet, way);
}

void stateless_46(Context& c, Packet& packet, Work& w) noexcept {
    const Ipv4Addr src = load_ipv4(packet.frame.data + ipv4_at::kSource);
    const Ipv4Addr dst = load_ipv4(packet.frame.data + ipv4_at::kDestination);
    const Pair6 to = pair6_of(c.cfg, src, dst, packet.hairpin);
    const Drop why = check_46(c, packet, w, to);
    if (is_unlikely(why == Drop::udp_zero_checksum)) tell_refused(c, packet, w, to);
    if (is_unlikely(why != Drop::none)) return refuse(c, packet, w, why);
    if (is_unlikely(w.parsed.kind == Kind::icmp_error)) return stateless_error_46(c, packet, w);
    const Way way =
        way_to(c.worker, to.dst.addr, flow_hash_without_state(c.worker, to.dst.addr, src));
    if (is_unlikely(way.why != Drop::none)) return refuse(c, packet, w, way.why);
    const Fit fit = xlat::fit_46(w.parsed, way.adjacency.mtu, c.cfg.xlat);
    if (is_refused(c, packet, w, fit)) return;
    xlat::Rewrite how;
    how.keep_hop_limit = packet.hairpin;
    how.fragment_header = fit.what == Fit::Do::cut;
    how.frag_id = w.parsed.frag_id;
    const bool computes =
        w.parsed.kind == Kind::udp && w.parsed.udp_no_checksum && w.parsed.first();
    const xlat::To6 result{to.src.addr, to.dst.addr, w.parsed.src_id, w.parsed.dst_id};
    const Drop failed = xlat::rewrite_46(packet.frame, w.parsed, result, c.cfg.xlat, how);
    if (is_unlikely(failed != Drop::none)) return drop_packet(c, packet, failed);
    c.worker.counters.add(Counter::translated_46);
    c.worker.counters.add(Counter::stateless_46);
    if (is_unlikely(computes)) c.worker.counters.add(Counter::udp_checksums_computed);
    if (is_unlikely(how.mss_clamped)) c.worker.counters.add(Counter::mss_clamped);
    if (is_unlikely(fit.what == Fit::Do::cut)) return send_fragments(c, packet, way, fit.mtu);
    send_ip(c, packet, way);
}

}  // namespace isthmus::pipeline
