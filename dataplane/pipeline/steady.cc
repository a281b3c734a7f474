// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/steady.h"

#include <span>

#include "common/base/prefetch.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/stateless_map.h"
#include "dataplane/xlat/steady.h"

namespace isthmus::pipeline {

namespace {

/// SYN, FIN and RST move the state machine.
constexpr std::uint8_t kTcpMoves = 0x07;

TcpFlags flags_of(const std::uint8_t* l4, Proto proto) noexcept {
    return TcpFlags{proto == Proto::tcp ? l4[tcp_at::kFlags] : std::uint8_t{0}};
}

/// A SYN whose MSS option must be looked at.
bool wants_clamp(TcpFlags flags, std::uint16_t clamp) noexcept {
    return is_unlikely(clamp != 0) && flags.syn();
}

/// The transport header at `l4` is one of a steady packet whose payload is `bytes`.
bool is_steady_l4(const std::uint8_t* l4, std::uint32_t bytes, std::uint8_t protocol) noexcept {
    if (protocol == ip_proto::kUdp) {
        return bytes >= kUdpBytes && load_be16(l4 + udp_at::kLength).host() == bytes &&
               raw16(l4 + udp_at::kChecksum) != 0;
    }
    if (protocol != ip_proto::kTcp || bytes < kTcpBytes) return false;
    const std::uint32_t header = (l4[tcp_at::kDataOffset] >> 4) * 4U;
    return header >= kTcpBytes && header <= bytes;
}

constexpr Proto proto_of(std::uint8_t protocol) noexcept {
    return protocol == ip_proto::kTcp ? Proto::tcp : Proto::udp;
}

/// `room`: bytes from `ip` to the frame's end.
bool read_64(const Context& c, const std::uint8_t* ip, std::uint32_t room, Steady& s) noexcept {
    if (room < kIpv6Bytes + kUdpBytes) return false;
    const std::uint32_t payload = load_be16(ip + ipv6_at::kPayloadLength).host();
    const std::uint8_t protocol = ip[ipv6_at::kNextHeader];
    if ((ip[0] >> 4) != 6 || kIpv6Bytes + payload > room || ip[ipv6_at::kHopLimit] <= 1)
        return false;
    if (!is_steady_l4(ip + kIpv6Bytes, payload, protocol)) return false;
    const Ipv6Addr y = load_ipv6(ip + ipv6_at::kDestination);
    const int prefix = c.cfg.nat.match_prefix(y);
    if (prefix < 0) return false;
    const Pref64& pref = c.cfg.nat.prefix[static_cast<unsigned>(prefix)].pref;
    s.z = extract(y, pref.len_bits);
    // Bits that do not count (RFC 6052 s2.2) would count in the checksum.
    if (is_unlikely(pref.len_bits != 96) && embed(pref, s.z) != y) return false;
    s.way = Steady::Way::d64;
    s.id = static_cast<std::uint16_t>(prefix);
    s.proto = proto_of(protocol);
    s.payload = static_cast<std::uint16_t>(payload);
    s.hash = c.worker.engine.hash_of({load_ipv6(ip + ipv6_at::kSource), load_be16(ip + kIpv6Bytes)},
                                     s.proto);
    c.worker.engine.prefetch_bucket(s.hash);
    return true;
}

bool read_46(const Context& c, const std::uint8_t* ip, std::uint32_t room, Steady& s) noexcept {
    if (room < kIpv4Bytes + kUdpBytes) return false;
    const std::uint32_t total = load_be16(ip + ipv4_at::kTotalLength).host();
    const std::uint16_t fragment = load_be16(ip + ipv4_at::kFragment).host();
    const std::uint8_t protocol = ip[ipv4_at::kProtocol];
    if (ip[0] != 0x45 || total < kIpv4Bytes || total > room || ip[ipv4_at::kTtl] <= 1 ||
        (fragment & (ipv4_at::kMf | ipv4_at::kOffsetMask)) != 0)
        return false;
    if (Sum{}.add(std::span<const std::uint8_t, kIpv4Bytes>(ip, kIpv4Bytes)).fold() != 0xffff)
        return false;
    if (!is_steady_l4(ip + kIpv4Bytes, total - kIpv4Bytes, protocol)) return false;
    const int slot = c.cfg.nat.slot_of(load_ipv4(ip + ipv4_at::kDestination));
    if (slot < 0) return false;
    s.way = Steady::Way::d46;
    s.id = static_cast<std::uint16_t>(slot);
    s.proto = proto_of(protocol);
    s.payload = static_cast<std::uint16_t>(total - kIpv4Bytes);
    s.t_id = load_be16(ip + kIpv4Bytes + 2);
    c.worker.engine.prefetch_port(s.id, s.t_id, s.proto);
    return true;
}

/// Puts the finished packet at `ip`, `bytes` long, on the transmit list.
void put_on_wire(Context& c, const Packet& p, const Hop& hop, std::uint8_t* ip, std::uint32_t bytes,
                 std::uint16_t type) noexcept {
    if (is_unlikely(c.burst.tx.full())) c.burst.edge.flush(c.burst.edge.context, c.burst);
    std::uint8_t* const l2 = hop.write_link(ip, type);
    const auto moved = static_cast<std::int32_t>(l2 - p.frame.data);
    const std::uint32_t length = hop.link_bytes() + bytes;
    // Field by field: what was written in pieces is best not copied as a whole.
    Packet& out = c.burst.tx.item[c.burst.tx.n++];
    const std::uint32_t end = p.frame.headroom + p.frame.len_bytes + p.frame.tailroom;
    out.frame.data = l2;
    out.frame.len_bytes = length;
    out.frame.headroom = p.frame.headroom + static_cast<std::uint32_t>(moved);
    out.frame.tailroom = end - out.frame.headroom - length;
    out.buffer = p.buffer;
    out.port = hop.port;
    out.vlan = 0;
}

/// Where a packet of a flow goes, when that is known and `bytes` fit; nullptr: not so simple.
template <typename Addr>
const Hop* hop_for(Context& c, const Addr& dst, std::uint32_t flow_hash,
                   std::uint32_t bytes) noexcept {
    const AdjacencyId id = c.worker.fib->lookup(dst, flow_hash);
    const WorkerState& w = c.worker;
    const Hop& hop = c.worker.hops.get(*w.fib, id, c.fib_epoch, w.seed);
    if (is_unlikely(!hop.is_ready || bytes > hop.mtu)) return nullptr;
    const bool queues_up = !w.pending.empty() && w.pending.is_waited_for(hop.key);
    return is_likely(!queues_up) ? &hop : nullptr;
}

/// Translated without state, or towards a host that is (stateless_map.h).
bool is_not_for_state(const Snapshot& cfg, const nat::SteadyKey& key) noexcept {
    const Ipv6Addr y = embed(cfg.nat.prefix[key.prefix].pref, key.z);
    return leads_back(cfg, key.z) || goes_without_state(cfg, key.x, y, key.prefix);
}

nat::Hint hint_of(const Context& c, const Steady& s) noexcept {
    if (s.newcomer != Steady::kNoNewcomer) return nat::Hint{c.worker.newcomer[s.newcomer]};
    return s.hint;
}

/// The state of a flow has to be made, moved or looked for: the same steps as forward_64().
[[gnu::noinline]] Sent decide_64(Context& c, const nat::SteadyKey& key, Steady& s, TcpFlags flags,
                                 xlat::Steady64& to) noexcept {
    nat::Engine& engine = c.worker.engine;
    const nat::Policy& policy = c.cfg.nat;
    if (nat::owner_of_subscriber(policy, key.x) != c.worker.id) return Sent::not_yet;
    if (check_flow_64(c.cfg, key) != Drop::none || policy.slot_of(key.z) >= 0) return Sent::not_yet;
    if (is_unlikely(c.cfg.stateless.on) && is_not_for_state(c.cfg, key)) return Sent::not_yet;
    if (wants_clamp(flags, c.cfg.xlat.mss_clamp_64)) return Sent::not_yet;
    const Tuple6 tuple{{key.x, key.x_id}, {{}, key.z_id}, key.proto};
    const Endpoint4 z{key.z, key.z_id};
    const nat::Outbound mapped =
        engine.outbound(policy, hint_of(c, s), tuple, z, key.prefix, flags, c.now);
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
    const std::uint8_t* const l4 = ip + kIpv6Bytes;
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
    if (wants_clamp(flags, c.cfg.xlat.mss_clamp_46)) return Sent::not_yet;
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
    const std::uint8_t* const l4 = ip + kIpv4Bytes;
    nat::Engine& engine = c.worker.engine;
    const std::uint32_t bytes = kIpv6Bytes + s.payload;
    Sent sent = Sent::steady;
    xlat::Steady46 to;
    to.x = engine.binding(s.hint).x_addr;
    to.proto = s.proto;
    const Hop* const hop = hop_for(c, to.x, flow_hash_46(s.hint), bytes);
    if (is_unlikely(hop == nullptr)) return Sent::not_yet;
    const bool df = (load_be16(ip + ipv4_at::kFragment).host() & ipv4_at::kDf) != 0;
    if (is_unlikely(!df && bytes > c.cfg.xlat.lowest_ipv6_mtu)) return Sent::not_yet;
    if (is_unlikely(s.link_bytes + p.frame.headroom < xlat::kSteadyGrows + hop->link_bytes()))
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
    put_on_wire(c, p, *hop, ip6, bytes, kTypeIpv6);
    return sent;
}

/// The flow of `p` has no binding: whether the packet makes one.
[[gnu::noinline]] bool meet_newcomer(const Context& c, const Packet& p, Steady& s,
                                     std::uint16_t nth) noexcept {
    const std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const std::uint8_t* const l4 = ip + kIpv6Bytes;
    if (s.proto == Proto::tcp && !flags_of(l4, s.proto).syn()) return false;
    s.newcomer = nth;
    nat::Newcomer& n = c.worker.newcomer[nth];
    n = nat::Newcomer{};
    n.x = {load_ipv6(ip + ipv6_at::kSource), load_be16(l4)};
    n.proto = s.proto;
    n.hash = s.hash;
    c.worker.engine.meet(c.cfg.nat, n, nth);
    return true;
}

}  // namespace

bool read_steady(const Context& c, const Packet& p, Steady& s) noexcept {
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
    if (l2.type == kTypeIpv6) return read_64(c, ip, room, s);
    return l2.type == kTypeIpv4 && read_46(c, ip, room, s);
}

bool lookup_steady(const Context& c, const Packet& p, Steady& s, std::uint16_t nth) noexcept {
    nat::Engine& engine = c.worker.engine;
    s.newcomer = Steady::kNoNewcomer;
    if (s.way == Steady::Way::d46) {
        s.hint = engine.find(s.id, s.t_id, s.proto);
        engine.prefetch_binding(s.hint);
        return false;
    }
    s.hint = engine.candidate(s.hash);
    if (is_likely(s.hint != nat::kNone)) {
        engine.prefetch_binding(s.hint);
        return false;
    }
    return meet_newcomer(c, p, s, nth);
}

[[gnu::noinline]] void prepare_newcomers(const Context& c, unsigned n_new) noexcept {
    nat::Engine& engine = c.worker.engine;
    const std::span<nat::Newcomer> all{c.worker.newcomer.data(), n_new};
    for (nat::Newcomer& n : all) engine.ask_subscriber(n);
    for (nat::Newcomer& n : all) engine.pass_on(n);
    for (nat::Newcomer& n : all) engine.ask_ports(c.cfg.nat, n);
    for (nat::Newcomer& n : all) engine.foresee_port(c.cfg.nat, n);
}

Sent send_steady(Context& c, const Packet& p, Steady& s) noexcept {
    return s.way == Steady::Way::d64 ? send_64(c, p, s) : send_46(c, p, s);
}

}  // namespace isthmus::pipeline
