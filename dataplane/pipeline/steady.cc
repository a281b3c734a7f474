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
bool goes_plain_64(const Context& c, unsigned i) noexcept {
    return is_unlikely(c.cfg.stateless.on) && map_plain_64(c, i);
}

/// `room`: bytes from `ip` to the frame's end.
bool read_64(const Context& c, unsigned i, const std::uint8_t* ip, std::uint32_t room) noexcept {
    Steady& s = c.worker.steady[i];
    if (!read_plain_6(ip, room, s)) return false;
    const Ipv6Addr y = load_ipv6(ip + ipv6_at::kDestination);
    const int prefix = c.cfg.nat.match_prefix(y);
    if (is_unlikely(prefix < 0)) return goes_plain_64(c, i);
    const Pref64& pref = c.cfg.nat.prefix[static_cast<unsigned>(prefix)].pref;
    s.z = extract(y, pref.len_bits);
    // Bits that do not count (RFC 6052 s2.2) would count in the checksum.
    if (is_unlikely(pref.len_bits != 96) && embed(pref, s.z) != y) return false;
    s.way = Steady::Way::d64;
    s.id = static_cast<std::uint16_t>(prefix);
    s.hash = c.worker.engine.hash_of({load_ipv6(ip + ipv6_at::kSource), load_be16(ip + kIpv6Bytes)},
                                     s.proto);
    c.worker.engine.prefetch_bucket(s.hash);
    return true;
}

bool read_46(const Context& c, unsigned i, const std::uint8_t* ip, std::uint32_t room) noexcept {
    Steady& s = c.worker.steady[i];
    if (!read_plain_4(ip, room, s)) return false;
    const int slot = c.cfg.nat.slot_of(load_ipv4(ip + ipv4_at::kDestination));
    if (is_unlikely(slot < 0)) return c.cfg.stateless.on && map_plain_46(c, i);
    s.way = Steady::Way::d46;
    s.id = static_cast<std::uint16_t>(slot);
    s.t_id = load_be16(ip + kIpv4Bytes + 2);
    c.worker.engine.prefetch_port(s.id, s.t_id, s.proto);
    return true;
}

/// Translated without state, or towards a host that is (stateless_map.h).
bool is_not_for_state(const Snapshot& cfg, const nat::SteadyKey& key) noexcept {
    const Ipv6Addr y = embed(cfg.nat.prefix[key.prefix].pref, key.z);
    return leads_back(cfg, key.z) || goes_without_state(cfg, key.x, y, key.prefix);
}

/// The state of a flow has to be made, moved or looked for: the same steps as forward_64().
[[gnu::noinline]] Sent decide_64(Context& c, const nat::SteadyKey& key, Steady& s, TcpFlags flags,
                                 xlat::Steady64& to) noexcept {
    nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    if (nat::owner_of_subscriber(policy, key.x) != c.worker.id) return Sent::not_yet;
    if (check_flow_64(c.cfg, key) != Drop::none || policy.slot_of(key.z) >= 0) return Sent::not_yet;
    if (is_unlikely(c.cfg.stateless.on) && is_not_for_state(c.cfg, key)) return Sent::not_yet;
    const Tuple6 tuple{{key.x, key.x_id}, {{}, key.z_id}, key.proto};
    const Endpoint4 z{key.z, key.z_id};
    const nat::Outbound mapped =
        engine.outbound(policy, hint_of(c, s.hint, s.newcomer), tuple, z, key.prefix, flags, c.now);
    if (is_unlikely(mapped.why != Drop::none)) {
        s.why = mapped.why;
        return Sent::refused;
    }
    to.t = mapped.t_addr;
    to.t_id = mapped.t_id;
    to.sum_64 = mark_64(c, mapped.binding, key);
    return Sent::decided;
}

Sent send_64(Context& c, const Packet& p, Steady& s) noexcept {
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    std::uint8_t* const l4 = ip + kIpv6Bytes;
    const std::uint32_t bytes = kIpv4Bytes + s.payload;
    const Hop* const hop = hop_for(c, s.z, static_cast<std::uint32_t>(s.hash >> 16), bytes);
    if (is_unlikely(hop == nullptr)) return Sent::not_yet;
    const nat::SteadyKey key{
        load_ipv6(ip + ipv6_at::kSource), s.z, load_be16(l4), load_be16(l4 + 2), s.proto,
        static_cast<std::uint8_t>(s.id)};
    const TcpFlags flags = flags_of(l4, s.proto);
    nat::Binding* const b = c.worker.engine.steady_64(s.hint, key, c.now);
    Sent sent = Sent::steady;
    xlat::Steady64 to;
    to.z = s.z;
    to.proto = s.proto;
    if (is_likely(b != nullptr && (flags.bits & kTcpMoves) == 0)) {
        c.worker.engine.refresh(*b, Direction::d64, c.now);
        to.t = b->t_addr;
        to.t_id = b->t_id;
        to.sum_64 = b->sum_64;
    } else {
        sent = decide_64(c, key, s, flags, to);
        if (is_unlikely(sent != Sent::decided)) return sent;
    }
    to.ip_id = c.worker.next_ip_id();
    std::uint8_t* const ip4 = xlat::translate_steady_64(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, l4, s.payload, flags, c.cfg.xlat.mss_clamp_64);
    put_on_wire(c, p, *hop, ip4, bytes, kTypeIpv4);
    return sent;
}

/// As decide_64(), for a binding that is there: the same steps as forward_46().
[[gnu::noinline]] Sent decide_46(Context& c, const Tuple4& tuple, Steady& s, TcpFlags flags,
                                 xlat::Steady46& to) noexcept {
    nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    const Ipv4Addr z = tuple.src.addr;
    if (policy.owner_of(s.id, tuple.dst.id.host(), tuple.proto) != c.worker.id)
        return Sent::not_yet;
    if (illegal_host(z) || policy.slot_of(z) >= 0) return Sent::not_yet;
    const int prefix = default_prefix(c.cfg, z);
    if (prefix < 0) return Sent::not_yet;
    const nat::Inbound mapped =
        engine.inbound(policy, s.id, tuple, static_cast<std::uint8_t>(prefix), flags, c.now);
    if (mapped.why == Drop::tcp_syn_stored) return Sent::not_yet;
    if (is_unlikely(mapped.why != Drop::none)) {
        s.why = mapped.why;
        return Sent::refused;
    }
    to.x = mapped.x_addr;
    to.x_id = mapped.x_id;
    to.y = embed(policy.prefix[mapped.prefix].pref, z);
    to.sum_64 =
        mark_46(c, mapped.binding, {to.x, z, to.x_id, tuple.src.id, tuple.proto, mapped.prefix});
    return Sent::decided;
}

Sent send_46(Context& c, const Packet& p, Steady& s) noexcept {
    if (is_unlikely(s.hint == nat::kNone)) return Sent::not_yet;
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    std::uint8_t* const l4 = ip + kIpv4Bytes;
    nat::Engine& engine = c.worker.engine;
    const std::uint32_t bytes = kIpv6Bytes + s.payload;
    Sent sent = Sent::steady;
    xlat::Steady46 to;
    to.x = engine.binding(s.hint).x_addr;
    to.proto = s.proto;
    const Hop* const hop = hop_for(c, to.x, flow_hash_46(s.hint), bytes);
    if (is_unlikely(hop == nullptr) || is_unlikely(!may_grow(c, p, ip, bytes, *hop)))
        return Sent::not_yet;
    const Endpoint4 z{load_ipv4(ip + ipv4_at::kSource), load_be16(l4)};
    const TcpFlags flags = flags_of(l4, s.proto);
    nat::Binding* const b = engine.steady_46(s.hint, z.addr, z.id, c.now);
    if (is_likely(b != nullptr && (flags.bits & kTcpMoves) == 0)) {
        engine.refresh(*b, Direction::d46, c.now);
        to.y = embed(c.cfg.nat.prefix[b->prefix].pref, z.addr);
        to.x_id = b->x_id;
        to.sum_64 = b->sum_64;
    } else {
        const Tuple4 tuple{z, {load_ipv4(ip + ipv4_at::kDestination), s.t_id}, s.proto};
        sent = decide_46(c, tuple, s, flags, to);
        if (is_unlikely(sent != Sent::decided)) return sent;
    }
    std::uint8_t* const ip6 = xlat::translate_steady_46(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, l4, s.payload, flags, c.cfg.xlat.mss_clamp_46);
    put_on_wire(c, p, *hop, ip6, bytes, kTypeIpv6);
    return sent;
}

/// The flow has no binding: whether its packet makes one.
[[gnu::noinline]] bool meet(const Context& c, unsigned i, std::uint16_t nth) noexcept {
    Steady& s = c.worker.steady[i];
    const std::uint8_t* const ip = c.burst.in[i].frame.data + s.link_bytes;
    const std::uint8_t* const l4 = ip + kIpv6Bytes;
    if (s.proto == Proto::tcp && !flags_of(l4, s.proto).syn()) return false;
    s.newcomer = nth;
    meet_newcomer(c, {load_ipv6(ip + ipv6_at::kSource), load_be16(l4)}, s.proto, s.hash, nth);
    return true;
}

}  // namespace

bool read_steady(const Context& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    s.way = Steady::Way::none;
    if (is_unlikely(!c.cfg.short_way)) return false;
    L2 l2;
    // Hairpinned and reassembled packets, and those that a device or a worker has found out
    // something about, are none.
    if (p.hairpin || p.ids_known || p.l3_checksum_bad || p.buffer == nullptr) return false;
    if (!read_l2(p, l2)) return false;
    const bool ours = c.cfg.interfaces.port[p.port].is_mine(p.frame.data);
    if (is_unlikely(!ours && !p.handed_over)) return false;
    // A VLAN that nobody configured is the kernel's (classify.cc).
    if (is_unlikely(l2.vlan != 0) && c.cfg.interfaces.find(p.port, l2.vlan) == nullptr)
        return false;
    s.link_bytes = static_cast<std::uint8_t>(l2.bytes);
    const std::uint8_t* const ip = p.frame.data + l2.bytes;
    const std::uint32_t room = p.frame.len_bytes - l2.bytes;
    if (l2.type == kTypeIpv6) return read_64(c, i, ip, room);
    return l2.type == kTypeIpv4 && read_46(c, i, ip, room);
}

bool lookup_steady(const Context& c, unsigned i, std::uint16_t nth) noexcept {
    nat::Engine& engine = c.worker.engine;
    Steady& s = c.worker.steady[i];
    s.newcomer = kNoNewcomer;
    if (s.way == Steady::Way::d46) {
        s.hint = engine.find(s.id, s.t_id, s.proto);
        engine.prefetch_binding(s.hint);
        return false;
    }
    if (is_unlikely(s.way != Steady::Way::d64)) return false;
    s.hint = engine.candidate(s.hash);
    if (is_likely(s.hint != nat::kNone)) {
        engine.prefetch_binding(s.hint);
        return false;
    }
    return !goes_plain_64(c, i) && meet(c, i, nth);
}

Sent send_steady(Context& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    if (is_likely(s.way == Steady::Way::d64)) return send_64(c, p, s);
    if (is_likely(s.way == Steady::Way::d46)) return send_46(c, p, s);
    const bool sent = s.way == Steady::Way::s64 ? send_plain_64(c, i) : send_plain_46(c, i);
    return sent ? Sent::steady : Sent::not_yet;
}

}  // namespace isthmus::pipeline
