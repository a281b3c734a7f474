// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/rewrite.h"

#include <algorithm>
#include <span>

#include "common/base/prefetch.h"
#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "dataplane/xlat/l4.h"

namespace isthmus::xlat {

namespace {

constexpr std::uint32_t kIpv4NoDfMost = 1260;  // RFC 7915 s5.1: larger ones carry DF
constexpr std::uint32_t kIpv6MtuLeast = 1280;
constexpr std::uint32_t kIpv4Most = 65535;

}  // namespace

Fit fit_64(const Parsed& p, std::uint32_t mtu4, bool reassembled) noexcept {
    const std::uint32_t bytes = kIpv4Bytes + p.l4_bytes();
    if (is_likely(bytes <= mtu4)) return {Fit::Do::send, mtu4};
    if (reassembled && bytes > kIpv4Most) return {Fit::Do::drop, 0};
    const std::uint32_t report = std::max(kIpv6MtuLeast, mtu4 + kIpv6Bytes - kIpv4Bytes);
    if (reassembled) return {Fit::Do::cut, mtu4};
    if (!p.fragment) {
        return bytes <= kIpv4NoDfMost ? Fit{Fit::Do::cut, mtu4} : Fit{Fit::Do::refuse, report};
    }
    if (p.l3_bytes <= kIpv6MtuLeast) return {Fit::Do::cut, mtu4};
    return p.first() ? Fit{Fit::Do::refuse, report} : Fit{Fit::Do::drop, 0};
}

Fit fit_46(const Parsed& p, std::uint32_t mtu6, const XlatParams& params,
           bool reassembled) noexcept {
    const std::uint32_t grow = kIpv6Bytes - kIpv4Bytes + (p.fragment ? kFragmentBytes : 0);
    if (p.df && !reassembled) {
        if (is_likely(p.l3_bytes + grow <= mtu6)) return {Fit::Do::send, mtu6};
        return p.first() ? Fit{Fit::Do::refuse, mtu6 - grow} : Fit{Fit::Do::drop, 0};
    }
    const std::uint32_t limit = std::min(params.lowest_ipv6_mtu, mtu6);
    const std::uint32_t bytes = kIpv6Bytes + (p.fragment ? kFragmentBytes : 0) + p.l4_bytes();
    return bytes <= limit ? Fit{Fit::Do::send, limit} : Fit{Fit::Do::cut, limit};
}

Drop rewrite_64(Frame& frame, const Parsed& p, const To4& to, const XlatParams& params,
                const Rewrite& how) noexcept {
    std::uint8_t* const h6 = frame.data;
    const std::uint8_t traffic_class = static_cast<std::uint8_t>((h6[0] << 4) | (h6[1] >> 4));
    std::uint8_t* const l4 = h6 + p.l4_at;
    if (p.first()) {
        const bool no_checksum = p.kind == Kind::udp && p.udp_no_checksum;
        if (is_unlikely(no_checksum) && !params.ipv6_zero_checksum) return Drop::udp_zero_checksum;
        std::array<Sum, 2> sums{
            Sum{}.add(load_ipv6(h6 + ipv6_at::kSource)).add(load_ipv6(h6 + ipv6_at::kDestination)),
            Sum{}};
        if (p.kind == Kind::echo) {
            sums[0].v += pseudo_tail(p.l4_bytes(), ip_proto::kIcmp6).v;
            rewrite_echo(l4, l4[0] == 128 ? 8 : 0, l4[0] == 128 ? to.src_id : to.dst_id, sums);
        } else if (no_checksum) {
            store(l4, to.src_id);
            store(l4 + 2, to.dst_id);
        } else if (p.kind == Kind::tcp || p.kind == Kind::udp) {
            sums[1].add(to.src).add(to.dst);
            rewrite_ports(l4, p, to.src_id, to.dst_id, sums);
            if (is_unlikely(params.mss_clamp_64 != 0) && p.kind == Kind::tcp && p.flags.syn()) {
                how.mss_clamped = clamp_mss(l4, p.l4_bytes(), params.mss_clamp_64);
            }
        }
    }
    const std::uint8_t hops =
        how.keep_hop_limit ? p.hop_limit : static_cast<std::uint8_t>(p.hop_limit - 1);
    const std::uint32_t total = kIpv4Bytes + p.l4_bytes();
    frame.pull_front(p.l4_at);
    frame.push_front(kIpv4Bytes);
    std::uint8_t* const h4 = frame.data;
    h4[0] = 0x45;
    h4[1] = params.tos_64(traffic_class);
    store(h4 + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(total)});
    std::uint16_t fragment_word = 0;
    if (is_unlikely(p.fragment)) {
        fragment_word =
            static_cast<std::uint16_t>((p.frag_offset / 8) | (p.more ? ipv4_at::kMf : 0));
        const auto copied = static_cast<std::uint16_t>(p.frag_id & 0xffff);
        store(h4 + ipv4_at::kId, Be16{how.replace_frag_id ? how.ip_id : copied});
    } else {
        if (total > kIpv4NoDfMost && !how.may_fragment) fragment_word = ipv4_at::kDf;
        store(h4 + ipv4_at::kId, Be16{how.ip_id});
    }
    store(h4 + ipv4_at::kFragment, Be16{fragment_word});
    h4[ipv4_at::kTtl] = hops;
    h4[ipv4_at::kProtocol] = p.protocol == ip_proto::kIcmp6 ? ip_proto::kIcmp : p.protocol;
    store(h4 + ipv4_at::kSource, to.src);
    store(h4 + ipv4_at::kDestination, to.dst);
    write_ipv4_checksum(h4);
    return Drop::none;
}

Drop rewrite_46(Frame& frame, const Parsed& p, const To6& to, const XlatParams& params,
                const Rewrite& how) noexcept {
    std::uint8_t* const h4 = frame.data;
    const std::uint8_t tos = params.class_46(h4[ipv4_at::kTos]);
    std::uint8_t* const l4 = h4 + p.l4_at;
    if (p.first()) {
        const Sum old_addresses =
            Sum{}.add(load_ipv4(h4 + ipv4_at::kSource)).add(load_ipv4(h4 + ipv4_at::kDestination));
        const Sum new_addresses = Sum{}.add(to.src).add(to.dst);
        if (p.kind == Kind::echo) {
            Sum added = new_addresses;
            added.v += pseudo_tail(p.l4_bytes(), ip_proto::kIcmp6).v;
            rewrite_echo(l4, l4[0] == 8 ? 128 : 129, l4[0] == 8 ? to.src_id : to.dst_id,
                         {Sum{}, added});
        } else if (p.kind == Kind::udp && is_unlikely(p.udp_no_checksum)) {
            if (p.is_piece()) return Drop::udp_zero_checksum;
            store(l4, to.src_id);
            store(l4 + 2, to.dst_id);
            const std::uint32_t length = load_be16(l4 + udp_at::kLength).host();
            Sum sum = new_addresses;
            sum.v += pseudo_tail(length, ip_proto::kUdp).v;
            sum.add(std::span<const std::uint8_t>(l4, length));
            store_raw16(l4 + udp_at::kChecksum, never_zero(sum.checksum()));
        } else if (p.kind == Kind::tcp || p.kind == Kind::udp) {
            rewrite_ports(l4, p, to.src_id, to.dst_id, {old_addresses, new_addresses});
            if (is_unlikely(params.mss_clamp_46 != 0) && p.kind == Kind::tcp && p.flags.syn()) {
                how.mss_clamped = clamp_mss(l4, p.l4_bytes(), params.mss_clamp_46);
            }
        }
    }
    const bool with_fragment = p.fragment || how.fragment_header;
    const std::uint32_t payload = p.l4_bytes() + (with_fragment ? kFragmentBytes : 0);
    const std::uint8_t next = p.protocol == ip_proto::kIcmp ? ip_proto::kIcmp6 : p.protocol;
    frame.pull_front(p.l4_at);
    frame.push_front(kIpv6Bytes + (with_fragment ? kFragmentBytes : 0));
    std::uint8_t* const h6 = frame.data;
    store(h6, Be32{(6U << 28) | (std::uint32_t{tos} << 20)});
    store(h6 + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(payload)});
    h6[ipv6_at::kNextHeader] = with_fragment ? ip_proto::kFragment : next;
    h6[ipv6_at::kHopLimit] =
        how.keep_hop_limit ? p.hop_limit : static_cast<std::uint8_t>(p.hop_limit - 1);
    store(h6 + ipv6_at::kSource, to.src);
    store(h6 + ipv6_at::kDestination, to.dst);
    if (is_unlikely(with_fragment)) {
        std::uint8_t* const f = h6 + kIpv6Bytes;
        f[0] = next;
        f[1] = 0;
        store(f + 2, Be16{static_cast<std::uint16_t>(p.frag_offset | (p.more ? 1U : 0U))});
        store(f + 4, Be32{p.fragment ? p.frag_id : how.frag_id});
    }
    return Drop::none;
}

bool clamp_mss(std::uint8_t* tcp, std::uint32_t bytes, std::uint16_t mss) noexcept {
    const std::uint32_t end = std::min<std::uint32_t>(bytes, (tcp[tcp_at::kDataOffset] >> 4) * 4U);
    for (std::uint32_t at = kTcpBytes; at < end;) {
        const std::uint8_t kind = tcp[at];
        if (kind == 0) return false;
        if (kind == 1) {
            at++;
            continue;
        }
        if (at + 2 > end || tcp[at + 1] < 2 || at + tcp[at + 1] > end) return false;
        if (kind == 2 && tcp[at + 1] == 4) {
            if (load_be16(tcp + at + 2).host() <= mss) return false;
            const Sum before = placed(tcp + at + 2, at);
            store(tcp + at + 2, Be16{mss});
            const Sum after = placed(tcp + at + 2, at);
            store_raw16(tcp + tcp_at::kChecksum,
                        updated_checksum(raw16(tcp + tcp_at::kChecksum), before, after));
            return true;
        }
        at += tcp[at + 1];
    }
    return false;
}

namespace {

Sum pseudo_header(const Frame& frame, const Parsed& p, bool v6, std::uint32_t bytes) noexcept {
    if (v6) {
        Sum s = pseudo_tail(bytes, p.protocol);
        return s.add(load_ipv6(frame.data + ipv6_at::kSource))
            .add(load_ipv6(frame.data + ipv6_at::kDestination));
    }
    if (p.protocol == ip_proto::kIcmp) return Sum{};
    Sum s = pseudo_tail(bytes, p.protocol);
    return s.add(load_ipv4(frame.data + ipv4_at::kSource))
        .add(load_ipv4(frame.data + ipv4_at::kDestination));
}

unsigned checksum_at(std::uint8_t protocol) noexcept {
    if (protocol == ip_proto::kTcp) return tcp_at::kChecksum;
    return protocol == ip_proto::kUdp ? udp_at::kChecksum : icmp_at::kChecksum;
}

std::uint32_t summed_bytes(const Frame& frame, const Parsed& p) noexcept {
    if (p.protocol != ip_proto::kUdp) return p.l4_bytes();
    return std::min<std::uint32_t>(p.l4_bytes(),
                                   load_be16(frame.data + p.l4_at + udp_at::kLength).host());
}

}  // namespace

bool transport_checksum_ok(const Frame& frame, const Parsed& p, bool v6) noexcept {
    if (p.protocol == ip_proto::kUdp && p.udp_no_checksum) return !v6;
    const std::uint32_t bytes = summed_bytes(frame, p);
    Sum s = pseudo_header(frame, p, v6, bytes);
    return s.add(std::span<const std::uint8_t>(frame.data + p.l4_at, bytes)).fold() == 0xffff;
}

void write_transport_checksum(Frame& frame, const Parsed& p, bool v6) noexcept {
    const std::uint32_t bytes = summed_bytes(frame, p);
    std::uint8_t* const field = frame.data + p.l4_at + checksum_at(p.protocol);
    store_raw16(field, 0);
    Sum s = pseudo_header(frame, p, v6, bytes);
    const std::uint16_t sum =
        s.add(std::span<const std::uint8_t>(frame.data + p.l4_at, bytes)).checksum();
    store_raw16(field, p.protocol == ip_proto::kUdp ? never_zero(sum) : sum);
}

void write_ipv4_checksum(std::uint8_t* header) noexcept {
    store_raw16(header + ipv4_at::kChecksum, 0);
    const unsigned bytes = (header[0] & 0x0fU) * 4U;
    store_raw16(header + ipv4_at::kChecksum,
                Sum{}.add(std::span<const std::uint8_t>(header, bytes)).checksum());
}

}  // namespace isthmus::xlat
