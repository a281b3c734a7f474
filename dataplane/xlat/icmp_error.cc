// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/icmp_error.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "common/net/prefix.h"
#include "dataplane/xlat/l4.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::xlat {

namespace {

constexpr std::uint8_t kHopLimit6 = 64;
constexpr std::uint8_t kTtl4 = 64;

std::optional<IcmpKind> error6(Drop why) noexcept {
    switch (why) {
        case Drop::hop_limit:
            return IcmpKind{3, 0};
        case Drop::too_big:
            return IcmpKind{2, 0};
        case Drop::routing_segments_left:
            return IcmpKind{4, 0};
        case Drop::ext_header_limit:
            return IcmpKind{4, 3};
        case Drop::ext_header_after_fragment:
            return IcmpKind{1, 1};
        case Drop::protocol_unsupported:
            return IcmpKind{1, 4};
        case Drop::wkp_non_global:
        case Drop::source_unmapped:
            return IcmpKind{1, 1};
        case Drop::pool4_exhausted:
        case Drop::binding_table_full:
        case Drop::session_table_full:
        case Drop::subscriber_table_full:
        case Drop::subscriber_ports:
        case Drop::subscriber_sessions:
        case Drop::subscriber_blocks:
        case Drop::binding_sessions:
        case Drop::log_path_down:
            return IcmpKind{1, 3};
        case Drop::excluded:
            return IcmpKind{1, 1};
        case Drop::no_neighbour:
            return IcmpKind{1, 3};
        case Drop::no_route:
            return IcmpKind{1, 0};
        default:
            return std::nullopt;
    }
}

std::optional<IcmpKind> error4(Drop why) noexcept {
    switch (why) {
        case Drop::hop_limit:
            return IcmpKind{11, 0};
        case Drop::too_big:
            return IcmpKind{3, 4};
        case Drop::ipv4_source_route:
            return IcmpKind{3, 5};
        case Drop::protocol_unsupported:
            return IcmpKind{3, 2};
        case Drop::no_binding:
            return IcmpKind{3, 1};
        case Drop::filtered:
        case Drop::source_unmapped:
        case Drop::udp_zero_checksum:
            return IcmpKind{3, 13};
        case Drop::no_neighbour:
            return IcmpKind{3, 1};
        case Drop::no_route:
            return IcmpKind{3, 0};
        default:
            return std::nullopt;
    }
}

bool unicast_source4(Ipv4Addr a) noexcept {
    const std::uint32_t h = a.host();
    return (h >> 24) != 0 && (h >> 24) != 127 && (h >> 16) != 0xa9fe && (h >> 28) < 0xe;
}

/// No multicast, no link-local address, neither :: nor ::1, and none that maps IPv4
/// (::ffff:0:0/96).
bool unicast_source6(const Ipv6Addr& a) noexcept {
    if (a.octet[0] == 0xff || (a.octet[0] == 0xfe && (a.octet[1] & 0xc0) == 0x80)) return false;
    return a != Ipv6Addr{} && a != Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1}) &&
           masked(a, 96) != Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0xffff, 0, 0});
}

/// Puts `header` bytes in front of the offender and cuts the whole to `most`.
bool make_room(Frame& frame, std::uint32_t header, std::uint32_t most) noexcept {
    if (frame.headroom < header) return false;
    frame.set_length(std::min(frame.len_bytes, most - header));
    frame.push_front(header);
    return true;
}

}  // namespace

std::optional<IcmpKind> error_for(Drop why, bool v6) noexcept {
    return v6 ? error6(why) : error4(why);
}

bool may_answer(const Frame& offender, const Parsed& p, bool v6, bool link_multicast) noexcept {
    if (link_multicast) return false;
    if (v6) {
        if (offender.len_bytes < kIpv6Bytes || offender.data[ipv6_at::kDestination] == 0xff)
            return false;
        if (p.protocol == ip_proto::kIcmp6 && (p.icmp_type < 128 || p.icmp_type == 137))
            return false;
        return unicast_source6(load_ipv6(offender.data + ipv6_at::kSource));
    }
    if (!p.first() || offender.len_bytes < kIpv4Bytes) return false;
    const std::uint32_t dst = load_ipv4(offender.data + ipv4_at::kDestination).host();
    if ((dst >> 28) >= 0xe) return false;
    const bool query =
        p.icmp_type == 0 || p.icmp_type == 8 || (p.icmp_type >= 13 && p.icmp_type <= 18);
    if (p.protocol == ip_proto::kIcmp && !query) return false;
    return unicast_source4(load_ipv4(offender.data + ipv4_at::kSource));
}

bool build_error_v6(Frame& frame, IcmpKind kind, ErrorRest rest, const Ipv6Addr& source) noexcept {
    const Ipv6Addr to = load_ipv6(frame.data + ipv6_at::kSource);
    const std::uint32_t class_bits = load_be32(frame.data).host() & 0x0fc00000U;  // DSCP, no ECN
    if (!make_room(frame, kIpv6Bytes + kIcmpBytes, kMostIcmp6)) return false;
    std::uint8_t* const h = frame.data;
    const std::uint32_t payload = frame.len_bytes - kIpv6Bytes;
    store(h, Be32{(6U << 28) | class_bits});
    store(h + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(payload)});
    h[ipv6_at::kNextHeader] = ip_proto::kIcmp6;
    h[ipv6_at::kHopLimit] = kHopLimit6;
    store(h + ipv6_at::kSource, source);
    store(h + ipv6_at::kDestination, to);
    std::uint8_t* const icmp = h + kIpv6Bytes;
    icmp[0] = kind.type;
    icmp[1] = kind.code;
    store_raw16(icmp + 2, 0);
    store(icmp + 4, Be32{kind.type == 2 ? rest.mtu : kind.type == 4 ? rest.pointer : 0});
    Sum sum = pseudo_tail(payload, ip_proto::kIcmp6);
    sum.add(source).add(to).add(std::span<const std::uint8_t>(icmp, payload));
    store_raw16(icmp + 2, sum.checksum());
    return true;
}

bool build_error_v4(Frame& frame, IcmpKind kind, ErrorRest rest, Ipv4Addr source) noexcept {
    const Ipv4Addr to = load_ipv4(frame.data + ipv4_at::kSource);
    const std::uint8_t dscp = frame.data[ipv4_at::kTos] & 0xfc;
    if (!make_room(frame, kIpv4Bytes + kIcmpBytes, rest.most)) return false;
    std::uint8_t* const h = frame.data;
    std::memset(h, 0, kIpv4Bytes + kIcmpBytes);
    h[0] = 0x45;
    h[ipv4_at::kTos] = dscp;
    store(h + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(frame.len_bytes)});
    store(h + ipv4_at::kId, Be16{rest.ip_id});
    h[ipv4_at::kTtl] = kTtl4;
    h[ipv4_at::kProtocol] = ip_proto::kIcmp;
    store(h + ipv4_at::kSource, source);
    store(h + ipv4_at::kDestination, to);
    write_ipv4_checksum(h);
    std::uint8_t* const icmp = h + kIpv4Bytes;
    icmp[0] = kind.type;
    icmp[1] = kind.code;
    if (kind.type == 3 && kind.code == 4)
        store(icmp + 6, Be16{static_cast<std::uint16_t>(rest.mtu)});
    if (kind.type == 12) icmp[4] = static_cast<std::uint8_t>(rest.pointer);
    const std::uint32_t payload = frame.len_bytes - kIpv4Bytes;
    store_raw16(icmp + 2, Sum{}.add(std::span<const std::uint8_t>(icmp, payload)).checksum());
    return true;
}

bool ErrorLimiter::has(const Bucket& b, std::uint32_t rate, std::uint32_t burst,
                       Nanos now) noexcept {
    if (rate == 0) return false;
    const std::uint64_t cost = kNanosPerSecond / rate;
    const std::uint64_t elapsed = b.last_ns == 0 ? cost * burst : now.v - b.last_ns;
    return std::min(b.credit_ns + elapsed, cost * burst) >= cost;
}

bool ErrorLimiter::take(Bucket& b, std::uint32_t rate, std::uint32_t burst, Nanos now) noexcept {
    const std::uint64_t cost = kNanosPerSecond / rate;
    const std::uint64_t elapsed = b.last_ns == 0 ? cost * burst : now.v - b.last_ns;
    b.credit_ns = std::min(b.credit_ns + elapsed, cost * burst);
    b.last_ns = now.v == 0 ? 1 : now.v;
    b.credit_ns -= cost;
    return true;
}

bool ErrorLimiter::allow(const Rates& rates, std::uint64_t source_hash, Nanos now) noexcept {
    Bucket& mine = source_[source_hash % kSources];
    const bool ok = has(all_, rates.rate, rates.burst, now) &&
                    has(mine, rates.rate_per_source, rates.burst_per_source, now);
    if (!ok) return false;
    return take(all_, rates.rate, rates.burst, now) &&
           take(mine, rates.rate_per_source, rates.burst_per_source, now);
}

}  // namespace isthmus::xlat
