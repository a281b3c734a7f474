// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/steady.h"

#include "common/base/prefetch.h"
#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/xlat/steady.h"

namespace isthmus::pipeline {

namespace {

/// SYN, FIN and RST move the state machine.
constexpr std::uint8_t kTcpMoves = 0x07;

/// The transport header at `l4` is one of a steady packet whose payload is `bytes`.
bool is_steady_l4(const std::uint8_t* l4, std::uint32_t bytes, std::uint8_t protocol) noexcept {
    if (protocol == ip_proto::kUdp) {
        return bytes >= kUdpBytes && load_be16(l4 + udp_at::kLength).host() == bytes &&
               raw16(l4 + udp_at::kChecksum) != 0;
    }
    if (protocol != ip_proto::kTcp || bytes < kTcpBytes) return false;
    const std::uint32_t header = (l4[tcp_at::kDataOffset] >> 4) * 4U;
    return header >= kTcpBytes && header <= bytes && (l4[tcp_at::kFlags] & kTcpMoves) == 0;
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

bool send_64(Context& c, const Packet& p, const Steady& s) noexcept {
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const std::uint8_t* const l4 = ip + kIpv6Bytes;
    nat::Binding* const b =
        c.worker.engine.steady_64(s.hint,
                                  {load_ipv6(ip + ipv6_at::kSource), s.z, load_be16(l4),
                                   load_be16(l4 + 2), s.proto, static_cast<std::uint8_t>(s.id)},
                                  c.now);
    if (is_unlikely(b == nullptr)) return false;
    const AdjacencyId id = c.worker.fib->lookup(s.z, static_cast<std::uint32_t>(s.hash >> 16));
    const Hop& hop = c.worker.hops.get(*c.worker.fib, id, c.fib_epoch);
    const std::uint32_t bytes = kIpv4Bytes + s.payload;
    if (is_unlikely(!hop.is_ready || bytes > hop.mtu)) return false;
    c.worker.engine.refresh(*b, Direction::d64, c.now);
    const xlat::Steady64 to{b->t_addr, s.z, b->t_id, c.worker.next_ip_id(), b->sum_64, s.proto};
    std::uint8_t* const ip4 = xlat::translate_steady_64(ip, s.payload, to, c.cfg.xlat);
    put_on_wire(c, p, hop, ip4, bytes, kTypeIpv4);
    return true;
}

bool send_46(Context& c, const Packet& p, const Steady& s) noexcept {
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const Ipv4Addr z = load_ipv4(ip + ipv4_at::kSource);
    nat::Binding* const b = c.worker.engine.steady_46(s.hint, z, load_be16(ip + kIpv4Bytes), c.now);
    if (is_unlikely(b == nullptr)) return false;
    const Ipv6Addr x = b->x_addr;
    const AdjacencyId id = c.worker.fib->lookup(x, flow_hash_46(s.hint));
    const Hop& hop = c.worker.hops.get(*c.worker.fib, id, c.fib_epoch);
    const std::uint32_t bytes = kIpv6Bytes + s.payload;
    const bool df = (load_be16(ip + ipv4_at::kFragment).host() & ipv4_at::kDf) != 0;
    if (is_unlikely(!hop.is_ready || bytes > hop.mtu)) return false;
    if (is_unlikely(!df && bytes > c.cfg.xlat.lowest_ipv6_mtu)) return false;
    if (is_unlikely(s.link_bytes + p.frame.headroom < xlat::kSteadyGrows + hop.link_bytes()))
        return false;
    c.worker.engine.refresh(*b, Direction::d46, c.now);
    const xlat::Steady46 to{x, embed(c.cfg.nat.prefix[b->prefix].pref, z), b->x_id, b->sum_64,
                            s.proto};
    std::uint8_t* const ip6 = xlat::translate_steady_46(ip, s.payload, to, c.cfg.xlat);
    put_on_wire(c, p, hop, ip6, bytes, kTypeIpv6);
    return true;
}

}  // namespace

bool read_steady(const Context& c, const Packet& p, Steady& s) noexcept {
    s.way = Steady::Way::none;
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

void lookup_steady(const Context& c, Steady& s) noexcept {
    nat::Engine& engine = c.worker.engine;
    s.hint =
        s.way == Steady::Way::d64 ? engine.candidate(s.hash) : engine.find(s.id, s.t_id, s.proto);
    engine.prefetch_binding(s.hint);
}

bool send_steady(Context& c, const Packet& p, const Steady& s) noexcept {
    return s.way == Steady::Way::d64 ? send_64(c, p, s) : send_46(c, p, s);
}

}  // namespace isthmus::pipeline
