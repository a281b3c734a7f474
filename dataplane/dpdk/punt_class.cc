// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/punt_class.h"

#include "common/base/byte_cursor.h"

namespace isthmus::dpdk {
namespace {

constexpr std::uint16_t kArp = 0x0806, kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100,
                        kServiceVlan = 0x88a8, kSlowProtocols = 0x8809, kLldp = 0x88cc,
                        kLlcMax = 1500;
constexpr std::uint8_t kIcmp6 = 58, kTcp = 6, kUdp = 17, kHopByHop = 0;

bool is_routing_port(std::uint8_t proto, std::uint16_t port) {
    if (proto == kTcp) return port == 179 || port == 646 || port == 639;  // BGP, LDP, MSDP
    switch (port) {
        case 3784:  // BFD control, echo, multihop, on LAG
        case 3785:
        case 4784:
        case 6784:
        case 646:  // LDP hellos
        case 520:  // RIP, RIPng
        case 521:
            return proto == kUdp;
        default:
            return false;
    }
}

/// Protocols that are routing as such: IGMP and PIM, EIGRP, OSPF, VRRP.
bool is_routing_proto(std::uint8_t proto) {
    return proto == 2 || proto == 103 || proto == 88 || proto == 89 || proto == 112;
}

/// `c` stands at the transport header.
PuntClass classify_transport(ByteCursor c, std::uint8_t proto) {
    if (is_routing_proto(proto)) return PuntClass::routing;
    if (proto != kTcp && proto != kUdp) return PuntClass::other;
    const std::uint16_t src = c.u16();
    const std::uint16_t dst = c.u16();
    if (c.failed()) return PuntClass::other;
    return is_routing_port(proto, src) || is_routing_port(proto, dst) ? PuntClass::routing
                                                                      : PuntClass::other;
}

PuntClass classify_ipv4(ByteCursor c) {
    const std::uint8_t first = c.u8();
    c.skip(5);
    const bool later_fragment = (c.u16() & 0x1fff) != 0;
    c.skip(1);
    const std::uint8_t proto = c.u8();
    c.skip(10);
    const unsigned header_bytes = (first & 0x0fU) * 4U;
    if (header_bytes > 20) c.skip(header_bytes - 20);
    if (c.failed()) return PuntClass::other;
    if (later_fragment) return is_routing_proto(proto) ? PuntClass::routing : PuntClass::other;
    return classify_transport(c, proto);
}

PuntClass classify_ipv6(ByteCursor c) {
    c.skip(6);
    std::uint8_t proto = c.u8();
    c.skip(33);
    if (proto == kHopByHop) {  // MLD carries a Router Alert
        proto = c.u8();
        const std::uint8_t length = c.u8();
        c.skip(6 + 8U * length);
    }
    if (c.failed()) return PuntClass::other;
    if (proto != kIcmp6) return classify_transport(c, proto);
    const std::uint8_t type = c.u8();
    if (c.failed()) return PuntClass::other;
    const bool is_nd = type >= 133 && type <= 137;
    const bool is_mld = (type >= 130 && type <= 132) || type == 143;
    return is_nd || is_mld ? PuntClass::neighbour : PuntClass::other;
}

}  // namespace

PuntClass classify_punt(std::span<const std::uint8_t> frame) noexcept {
    ByteCursor c(frame);
    c.skip(12);
    std::uint16_t type = c.u16();
    for (unsigned tags = 0; tags < 2 && (type == kVlan || type == kServiceVlan); tags++) {
        c.skip(2);
        type = c.u16();
    }
    if (c.failed()) return PuntClass::other;
    if (type == kArp) return PuntClass::neighbour;
    if (type == kIpv4) return classify_ipv4(c);
    if (type == kIpv6) return classify_ipv6(c);
    // IS-IS and spanning tree have a length in the type's place.
    if (type <= kLlcMax || type == kSlowProtocols || type == kLldp) {
        return PuntClass::routing;
    }
    return PuntClass::other;
}

}  // namespace isthmus::dpdk
