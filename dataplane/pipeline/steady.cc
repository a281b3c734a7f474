// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/steady.h"

#include "common/base/prefetch.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/newcomers.h"
#include "dataplane/pipeline/short_way.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/pipeline/stateless_short.h"

namespace isthmus::pipeline {

namespace {

/// SYN, FIN and RST move the state machine.
constexpr std::uint8_t kTcpMoves = 0x07;

/// Behind no NAT64 prefix, or of no binding: a packet that is translated without state, perhaps.
[[gnu::noinline]] bool goes_plain_64(Context& c, unsigned i) noexcept {
    return c.cfg.stateless.on && map_plain_64(c, i);
}

[[gnu::noinline]] bool goes_plain_46(Context& c, unsigned i) noexcept {
    return c.cfg.stateless.on && map_plain_46(c, i);
}

/// `z` as the prefix of another length than 96 holds it; false: bits that do not count (RFC 6052
/// s2.2) are set, and would count in the checksum.
[[gnu::noinline]] bool extract_exact(const Pref64& pref, const Ipv6Addr y, Ipv4Addr& z) noexcept {
    z = extract(y, pref.len_bits);
    return embed(pref, z) == y;
}

/// `room`: bytes from `ip` to the frame's end.
bool read_64(const Inner& c, unsigned i, Steady& s, const std::uint8_t* ip,
             std::uint32_t room) noexcept {
    if (!read_plain_6(ip, room, s)) return false;
    const Ipv6Addr y = load_ipv6(ip + ipv6_at::kDestination);
    const auto* const prefix = c.cfg.nat.find_prefix(y);
    if (is_unlikely(prefix == nullptr)) return goes_plain_64(c.shared, i);
    if (is_likely(prefix->len_bits == 96)) {
        s.z = extract(y, 96);
    } else {
        Ipv4Addr z;
        if (!extract_exact(c.cfg.nat.prefix[prefix->id].pref, y, z)) return false;
        s.z = z;
    }
    const nat::Engine& engine = c.worker.engine;
    s.way = Steady::Way::d64;
    s.id = static_cast<std::uint16_t>(nat::steady_kind(s.proto, prefix->id));
    s.hash =
        engine.hash_of({load_ipv6(ip + ipv6_at::kSource), load_be16(ip + kIpv6Bytes)}, s.proto);
    engine.prefetch_bucket(s.hash);
    return true;
}

bool read_46(const Inner& c, unsigned i, Steady& s, const std::uint8_t* ip,
             std::uint32_t room) noexcept {
    if (!read_plain_4(ip, room, s)) return false;
    const int slot = c.cfg.nat.slot_of(load_ipv4(ip + ipv4_at::kDestination));
    if (is_unlikely(slot < 0)) return goes_plain_46(c.shared, i);
    s.way = Steady::Way::d46;
    s.id = static_cast<std::uint16_t>(slot);
    s.t_id = load_be16(ip + kIpv4Bytes + 2);
    c.worker.engine.prefetch_port(s.id, s.t_id, s.proto);
    return true;
}

/// A frame with a VLAN tag, or whose tag the device took. False: of a VLAN that nobody configured
/// (the kernel's, classify.cc), or with nothing behind the tag.
[[gnu::noinline]] bool read_tagged(const Snapshot& cfg, const Packet& p, L2& l2) noexcept {
    return read_l2(p, l2) && p.frame.len_bytes >= l2.bytes + kPlainBytes &&
           (l2.vlan == 0 || cfg.interfaces.find(p.port, l2.vlan) != nullptr);
}

/// Translated without state, or towards a host that is (stateless_map.h).
bool is_not_for_state(const Snapshot& cfg, const nat::SteadyKey& key) noexcept {
    const Ipv6Addr y = embed(cfg.nat.prefix[key.prefix].pref, key.z);
    return leads_back(cfg, key.z) || goes_without_state(cfg, key.x, y, key.prefix);
}

/// `ip`: the IPv6 packet of a flow that is mapped to (T,t); what it adds to the transport checksum.
[[gnu::always_inline]] inline void finish_64(const Inner& c, const Packet& p, const Steady& s,
                                             const Hop& hop, std::uint8_t* ip,
                                             xlat::Steady64 to) noexcept {
    to.z = s.z;
    to.proto = s.proto;
    to.ip_id = c.worker.next_ip_id();
    std::uint8_t* const ip4 = xlat::translate_steady_64(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, ip + kIpv6Bytes, s, c.cfg.xlat.mss_clamp_64);
    put_on_wire(c, p, hop, ip4, kIpv4Bytes + s.payload, kTypeIpv4);
}

/// The state of a flow has to be made, moved or looked for: the same steps as forward_64().
[[gnu::noinline]] Sent decide_64(Context& c, const Packet& p, Steady& s, const Hop& hop,
                                 std::uint8_t* ip) noexcept {
    nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    const std::uint8_t* const l4 = ip + kIpv6Bytes;
    const nat::SteadyKey key{
        load_ipv6(ip + ipv6_at::kSource), s.z, load_be16(l4), load_be16(l4 + 2), s.proto,
        nat::prefix_of_kind(s.id)};
    if (nat::owner_of_subscriber(policy, key.x) != c.worker.id) return Sent::not_yet;
    if (check_flow_64(c.cfg, key) != Drop::none || policy.slot_of(key.z) >= 0) return Sent::not_yet;
    if (is_unlikely(c.cfg.stateless.on) && is_not_for_state(c.cfg, key)) return Sent::not_yet;
    const Tuple6 tuple{{key.x, key.x_id}, {{}, key.z_id}, key.proto};
    const nat::Outbound mapped = engine.outbound(policy, hint_of(c, s.hint, s.newcomer), tuple,
                                                 {key.z, key.z_id}, key.prefix, s.flags, c.now);
    if (is_unlikely(mapped.why != Drop::none)) {
        s.why = mapped.why;
        return Sent::refused;
    }
    xlat::Steady64 to;
    to.t = mapped.t_addr;
    to.t_id = mapped.t_id;
    to.sum_64 = mark_64(c, mapped.binding, key);
    finish_64(Inner{c}, p, s, hop, ip, to);
    return Sent::decided;
}

Sent send_64(const Inner& c, const Packet& p, Steady& s) noexcept {
    nat::Engine& engine = c.worker.engine;
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const AdjacencyId id = c.worker.fib->lookup4(reinterpret_cast<const std::uint8_t*>(&s.z),
                                                 static_cast<std::uint32_t>(s.hash >> 16));
    const Hop* const hop = hop_of(c, id, kIpv4Bytes + s.payload);
    if (is_unlikely(hop == nullptr)) return Sent::not_yet;
    const nat::SteadyWords key{load_ipv6(ip + ipv6_at::kSource).words(),
                               nat::flow_word(s.z, raw32(ip + kIpv6Bytes)), s.id};
    if (is_unlikely((s.flags.bits & kTcpMoves) != 0)) return decide_64(c.shared, p, s, *hop, ip);
    const nat::Binding* const b = engine.use_64(s.hint, key, c.now);
    if (is_unlikely(b == nullptr)) return decide_64(c.shared, p, s, *hop, ip);
    xlat::Steady64 to;
    to.t = b->t_addr;
    to.t_id = b->t_id;
    to.sum_64 = b->sum_64;
    finish_64(c, p, s, *hop, ip, to);
    return Sent::steady;
}

[[gnu::always_inline]] inline void finish_46(const Inner& c, const Packet& p, const Steady& s,
                                             const Hop& hop, std::uint8_t* ip,
                                             const xlat::Steady46& to) noexcept {
    std::uint8_t* const ip6 = xlat::translate_steady_46(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, ip + kIpv4Bytes, s, c.cfg.xlat.mss_clamp_46);
    put_on_wire(c, p, hop, ip6, kIpv6Bytes + s.payload, kTypeIpv6);
}

/// As decide_64(), for a binding that is there: the same steps as forward_46().
[[gnu::noinline]] Sent decide_46(Context& c, const Packet& p, Steady& s, const Hop& hop,
                                 std::uint8_t* ip) noexcept {
    nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    const Tuple4 tuple{{load_ipv4(ip + ipv4_at::kSource), load_be16(ip + kIpv4Bytes)},
                       {load_ipv4(ip + ipv4_at::kDestination), s.t_id},
                       s.proto};
    const Ipv4Addr z = tuple.src.addr;
    if (policy.owner_of(s.id, tuple.dst.id.host(), tuple.proto) != c.worker.id)
        return Sent::not_yet;
    if (illegal_host(z) || policy.slot_of(z) >= 0) return Sent::not_yet;
    const int prefix = default_prefix(c.cfg, z);
    if (prefix < 0) return Sent::not_yet;
    const nat::Inbound mapped =
        engine.inbound(policy, s.id, tuple, static_cast<std::uint8_t>(prefix), s.flags, c.now);
    if (mapped.why == Drop::tcp_syn_stored) return Sent::not_yet;
    if (is_unlikely(mapped.why != Drop::none)) {
        s.why = mapped.why;
        return Sent::refused;
    }
    xlat::Steady46 to;
    to.x = mapped.x_addr.words();
    to.x_id = mapped.x_id;
    to.y = embed_words(policy.prefix[mapped.prefix].pref, z);
    to.proto = s.proto;
    to.sum_64 = mark_46(c, mapped.binding,
                        {mapped.x_addr, z, to.x_id, tuple.src.id, tuple.proto, mapped.prefix});
    finish_46(Inner{c}, p, s, hop, ip, to);
    return Sent::decided;
}

Sent send_46(const Inner& c, const Packet& p, Steady& s) noexcept {
    if (is_unlikely(s.hint == nat::kNone)) return Sent::not_yet;
    nat::Engine& engine = c.worker.engine;
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const std::uint32_t bytes = kIpv6Bytes + s.payload;
    const SharedIpv6Addr& x = engine.binding(s.hint).x_addr;
    const Hop* const hop =
        hop_of(c, c.worker.fib->lookup6(x.octets(), flow_hash_46(s.hint)), bytes);
    if (is_unlikely(hop == nullptr) || is_unlikely(!may_grow(c, p, ip, bytes, *hop)))
        return Sent::not_yet;
    if (is_unlikely((s.flags.bits & kTcpMoves) != 0)) return decide_46(c.shared, p, s, *hop, ip);
    const Ipv4Addr z = load_ipv4(ip + ipv4_at::kSource);
    const nat::Binding* const b = engine.use_46(s.hint, z, load_be16(ip + kIpv4Bytes), c.now);
    if (is_unlikely(b == nullptr)) return decide_46(c.shared, p, s, *hop, ip);
    xlat::Steady46 to;
    to.x = x.words();
    to.y = embed_words(c.cfg.nat.prefix[b->prefix].pref, z);
    to.x_id = b->x_id;
    to.sum_64 = b->sum_64;
    to.proto = s.proto;
    finish_46(c, p, s, *hop, ip, to);
    return Sent::steady;
}

/// The flow has no binding: whether its packet makes one.
[[gnu::noinline]] bool meet(Context& c, unsigned i, std::uint16_t nth) noexcept {
    if (goes_plain_64(c, i)) return false;
    Steady& s = c.worker.steady[i];
    const std::uint8_t* const ip = c.burst.in[i].frame.data + s.link_bytes;
    if (s.proto == Proto::tcp && !s.flags.syn()) return false;
    s.newcomer = nth;
    meet_newcomer(c, {load_ipv6(ip + ipv6_at::kSource), load_be16(ip + kIpv6Bytes)}, s.proto,
                  s.hash, nth);
    return true;
}

[[gnu::noinline]] bool send_plain(Context& c, unsigned i, Steady::Way way) noexcept {
    return way == Steady::Way::s64 ? send_plain_64(c, i) : send_plain_46(c, i);
}

}  // namespace

bool read_steady(const Inner& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    s.way = Steady::Way::none;
    s.newcomer = kNoNewcomer;
    if (is_unlikely(!c.cfg.short_way)) return false;
    // Hairpinned and reassembled packets, and those that a device or a worker has found out
    // something about, are none.
    if (is_unlikely((p.hairpin | p.ids_known | p.l3_checksum_bad) != 0)) return false;
    if (is_unlikely(p.buffer == nullptr || p.frame.len_bytes < kEthernetBytes + kPlainBytes))
        return false;
    const std::uint8_t* const data = p.frame.data;
    const bool ours = c.cfg.interfaces.port[p.port].is_mine(data);
    if (is_unlikely(!ours && !p.handed_over)) return false;
    std::uint32_t link_bytes = kEthernetBytes;
    std::uint16_t type = load_be16(data + kEthernetBytes - 2).host();
    if (is_unlikely(type == kTypeVlan || p.vlan != 0)) {
        L2 l2;
        if (!read_tagged(c.cfg, p, l2)) return false;
        link_bytes = l2.bytes;
        type = l2.type;
    }
    s.link_bytes = static_cast<std::uint8_t>(link_bytes);
    const std::uint8_t* const ip = data + link_bytes;
    const std::uint32_t room = p.frame.len_bytes - link_bytes;
    if (type == kTypeIpv6) return read_64(c, i, s, ip, room);
    return type == kTypeIpv4 && read_46(c, i, s, ip, room);
}

bool lookup_steady(const Inner& c, unsigned i, std::uint16_t nth) noexcept {
    nat::Engine& engine = c.worker.engine;
    Steady& s = c.worker.steady[i];
    if (s.way == Steady::Way::d64) {
        s.hint = engine.candidate(s.hash);
        if (is_unlikely(s.hint == nat::kNone)) return meet(c.shared, i, nth);
    } else if (is_likely(s.way == Steady::Way::d46)) {
        s.hint = engine.find(s.id, s.t_id, s.proto);
    } else {
        return false;
    }
    engine.prefetch_binding(s.hint);
    return false;
}

Sent send_steady(const Inner& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    if (is_likely(s.way == Steady::Way::d64)) return send_64(c, p, s);
    if (is_likely(s.way == Steady::Way::d46)) return send_46(c, p, s);
    return send_plain(c.shared, i, s.way) ? Sent::steady : Sent::not_yet;
}

}  // namespace isthmus::pipeline
