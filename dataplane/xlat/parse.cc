// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/parse.h"

#include "common/base/prefetch.h"
#include "common/net/checksum.h"
#include "common/net/headers.h"

namespace isthmus::xlat {

namespace {

constexpr unsigned kMaxExtensionHeaders = 8;  // RFC 7112 lets us bound the chain
constexpr unsigned kMaxChainBytes = 512;
constexpr std::uint32_t kMaxDatagram = 65535;

/// Extension headers that may not follow a Fragment Header (RFC 7915 s5.1.1), ESP not among them.
bool is_extension(std::uint8_t p) noexcept {
    using namespace ip_proto;
    return p == kHopByHop || p == kRouting || p == kFragment || p == kAh || p == kDestination ||
           p == kMobility || p == kHip || p == kShim6;
}

Kind kind_of_icmp(bool v6, std::uint8_t type) noexcept {
    if (v6) {
        if (type == 128 || type == 129) return Kind::echo;
        return type >= 1 && type <= 4 ? Kind::icmp_error : Kind::icmp_other;
    }
    if (type == 8 || type == 0) return Kind::echo;
    return type == 3 || type == 11 || type == 12 ? Kind::icmp_error : Kind::icmp_other;
}

/// How much of a first fragment or whole packet must be there (RFC 1858; RFC 792 for quoted ones).
unsigned least_l4(std::uint8_t protocol, Where where) noexcept {
    if (where == Where::quoted) return 8;
    return protocol == ip_proto::kTcp ? kTcpBytes : 8;
}

Drop short_l4(const Parsed& p, bool v6, Where where) noexcept {
    if (where == Where::quoted) return Drop::icmp_inner_malformed;
    if (!p.fragment) return Drop::l4_truncated;
    if (v6)
        return Drop::ext_header_limit;  // RFC 7112: the chain must be whole in the first fragment
    return p.protocol == ip_proto::kTcp ? Drop::tcp_tiny_fragment : Drop::l4_truncated;
}

Drop parse_tcp(const std::uint8_t* l4, Parsed& out, bool v6, Where where) noexcept {
    out.kind = Kind::tcp;
    out.src_id = load_be16(l4 + tcp_at::kSource);
    out.dst_id = load_be16(l4 + tcp_at::kDestination);
    if (where == Where::quoted) {
        out.checksum_missing_l4 = out.l4_bytes() < tcp_at::kChecksum + 2;
        return Drop::none;
    }
    const unsigned header = (l4[tcp_at::kDataOffset] >> 4) * 4U;
    if (header < kTcpBytes) return Drop::l4_truncated;
    // Options that go on in a later fragment would escape whoever looks at the first (RFC 1858 s3).
    if (header > out.l4_bytes()) return short_l4(out, v6, where);
    out.flags = TcpFlags{l4[tcp_at::kFlags]};
    return Drop::none;
}

Drop parse_udp(const std::uint8_t* l4, Parsed& out, Where where) noexcept {
    out.kind = Kind::udp;
    out.src_id = load_be16(l4 + udp_at::kSource);
    out.dst_id = load_be16(l4 + udp_at::kDestination);
    out.udp_no_checksum = raw16(l4 + udp_at::kChecksum) == 0;
    if (where == Where::quoted || out.is_piece()) return Drop::none;
    const std::uint32_t length = load_be16(l4 + udp_at::kLength).host();
    return length < kUdpBytes || length > out.l4_bytes() ? Drop::udp_bad_length : Drop::none;
}

Drop parse_icmp(const std::uint8_t* l4, Parsed& out, bool v6) noexcept {
    out.icmp_type = l4[icmp_at::kType];
    out.icmp_code = l4[icmp_at::kCode];
    out.kind = kind_of_icmp(v6, out.icmp_type);
    if (out.kind == Kind::echo) {
        if (out.icmp_code != 0) {
            out.kind = Kind::icmp_other;
            return Drop::none;
        }
        out.src_id = out.dst_id = load_be16(l4 + icmp_at::kId);
    }
    return Drop::none;
}

/// The transport header at out.l4_at.
Drop parse_l4(const Frame& frame, Parsed& out, bool v6, Where where) noexcept {
    const std::uint8_t icmp = v6 ? ip_proto::kIcmp6 : ip_proto::kIcmp;
    const bool known =
        out.protocol == ip_proto::kTcp || out.protocol == ip_proto::kUdp || out.protocol == icmp;
    if (!known) {
        out.kind = Kind::other_protocol;
        return Drop::none;
    }
    if (out.frag_offset != 0) {
        // RFC 1858 s4.2: a fragment at offset 8 could overwrite the TCP flags.
        if (out.protocol == ip_proto::kTcp && out.frag_offset == 8) return Drop::tcp_tiny_fragment;
        out.kind = out.protocol == ip_proto::kTcp   ? Kind::tcp
                   : out.protocol == ip_proto::kUdp ? Kind::udp
                                                    : Kind::echo;
        return Drop::none;
    }
    if (out.l3_bytes < out.l4_at + least_l4(out.protocol, where)) {
        out.pointer = 0;
        return short_l4(out, v6, where);
    }
    const std::uint8_t* l4 = frame.data + out.l4_at;
    if (out.protocol == ip_proto::kTcp) return parse_tcp(l4, out, v6, where);
    if (out.protocol == ip_proto::kUdp) return parse_udp(l4, out, where);
    return parse_icmp(l4, out, v6);
}

/// `header` bytes stand before the payload in the datagram that the pieces make. A ragged piece is
/// for whoever puts datagrams together to refuse (RFC 8200 s4.5): a router passes it on.
Drop check_piece(Parsed& p, std::uint32_t header) noexcept {
    const std::uint32_t bytes = p.declared_bytes - p.l4_at;
    if (p.is_piece() && bytes == 0) return Drop::fragment_bad_length;
    p.ragged = p.more && bytes % 8 != 0;
    return header + p.frag_offset + bytes > kMaxDatagram ? Drop::fragment_bad_length : Drop::none;
}

/// A Fragment Header at `at`; `next` becomes what follows it.
Drop read_fragment_header(const Frame& frame, Parsed& out, unsigned at, std::uint8_t& next,
                          Where where) noexcept {
    const std::uint8_t* h = frame.data + at;
    out.fragment = true;
    out.frag_at = at;
    const std::uint16_t word = load_be16(h + 2).host();
    out.frag_offset = word & 0xfff8U;
    out.more = (word & 1) != 0;
    out.frag_id = load_be32(h + 4).host();
    next = h[0];
    out.l4_at = at + kFragmentBytes;
    if (is_extension(next)) return Drop::ext_header_after_fragment;
    // The datagram shall fit an IPv4 one too, whose length counts the header (RFC 791 s3.1).
    return where == Where::outer ? check_piece(out, kIpv4Bytes) : Drop::none;
}

/// The length of an extension header of this kind (RFC 8200 s4, RFC 4302 s2.2).
unsigned extension_bytes(std::uint8_t kind, const std::uint8_t* h) noexcept {
    if (kind == ip_proto::kFragment) return kFragmentBytes;
    return kind == ip_proto::kAh ? (h[1] + 2U) * 4U : (h[1] + 1U) * 8U;
}

/// Walks extension headers from the base header on (RFC 8200 s4, RFC 7915 s5.1). A Routing header
/// that is not at its end, or a header behind a Fragment Header, does not stop the walk: whether
/// the packet may be answered depends on what stands behind it (RFC 4443 s2.4(e)).
[[gnu::noinline]] Drop walk_chain(const Frame& frame, Parsed& out, std::uint8_t next,
                                  Where where) noexcept {
    using namespace ip_proto;
    const Drop truncated = where == Where::quoted ? Drop::icmp_inner_malformed : Drop::l4_truncated;
    Drop fault = Drop::none;  // the first
    const auto or_else = [&](Drop why) { return fault != Drop::none ? fault : why; };
    unsigned at = kIpv6Bytes;
    for (unsigned n = 0;; n++) {
        const bool known =
            next == kHopByHop || next == kDestination || next == kRouting || next == kFragment;
        if (!known && !(out.fragment && is_extension(next))) break;
        if (n == kMaxExtensionHeaders || at + 8 > kMaxChainBytes)
            return or_else(Drop::ext_header_limit);
        if (at + 8 > out.l3_bytes) return or_else(truncated);
        const std::uint8_t* h = frame.data + at;
        if (next == kFragment && !out.fragment) {
            const Drop why = read_fragment_header(frame, out, at, next, where);
            if (why != Drop::none && (why != Drop::ext_header_after_fragment || !out.first()))
                return why;
            fault = or_else(why);
            at = out.l4_at;
            if (why == Drop::none) break;
            continue;
        }
        if (next == kRouting && h[3] != 0 && fault == Drop::none) {
            fault = Drop::routing_segments_left;
            out.pointer = at + 3;
        }
        at += extension_bytes(next, h);
        next = h[0];
    }
    if (at > out.l3_bytes) return or_else(truncated);
    out.protocol = next;
    out.l4_at = at;
    return fault;
}

/// Looks for a source route and for options that run away (RFC 791 s3.1, RFC 7915 s4.1).
[[gnu::noinline]] Drop check_options(const std::uint8_t* header, unsigned header_bytes,
                                     Parsed& out) noexcept {
    for (unsigned at = kIpv4Bytes; at < header_bytes;) {
        const std::uint8_t type = header[at];
        if (type == 0) return Drop::none;
        if (type == 1) {
            at++;
            continue;
        }
        if (at + 2 > header_bytes) return Drop::ipv4_bad_options;
        const unsigned length = header[at + 1];
        if (length < 2 || at + length > header_bytes) return Drop::ipv4_bad_options;
        if (type == 131 || type == 137) {
            if (length < 3) return Drop::ipv4_bad_options;
            out.pointer = at;
            if (header[at + 2] <= length) return Drop::ipv4_source_route;
        }
        at += length;
    }
    return Drop::none;
}

}  // namespace

Drop parse_v6(Frame& frame, Parsed& out, Where where) noexcept {
    out = Parsed{};
    if (frame.len_bytes < kIpv6Bytes) return Drop::l3_truncated;
    const std::uint8_t* h = frame.data;
    if ((h[0] >> 4) != 6) return Drop::ipv6_bad_version;
    const std::uint32_t payload = load_be16(h + ipv6_at::kPayloadLength).host();
    const std::uint8_t next = h[ipv6_at::kNextHeader];
    out.declared_bytes = kIpv6Bytes + payload;
    out.hop_limit = h[ipv6_at::kHopLimit];
    if (where == Where::outer) {
        if (payload == 0 && next != ip_proto::kNoNext) return Drop::ipv6_jumbogram;
        if (out.declared_bytes > frame.len_bytes) return Drop::l3_truncated;
        frame.set_length(out.declared_bytes);
        out.l3_bytes = out.declared_bytes;
    } else {
        out.l3_bytes = out.declared_bytes < frame.len_bytes ? out.declared_bytes : frame.len_bytes;
    }
    out.protocol = next;
    out.l4_at = kIpv6Bytes;
    if (next != ip_proto::kTcp && next != ip_proto::kUdp && next != ip_proto::kIcmp6) {
        const Drop why = walk_chain(frame, out, next, where);
        if (why == Drop::routing_segments_left || why == Drop::ext_header_after_fragment) {
            const std::uint32_t pointer = out.pointer;
            (void)parse_l4(frame, out, true, where);
            out.pointer = pointer;
        }
        if (why != Drop::none) return why;
    }
    return parse_l4(frame, out, true, where);
}

Drop parse_v4(Frame& frame, Parsed& out, Where where) noexcept {
    out = Parsed{};
    if (frame.len_bytes < kIpv4Bytes) return Drop::l3_truncated;
    const std::uint8_t* h = frame.data;
    const unsigned header = (h[ipv4_at::kVersionIhl] & 0x0fU) * 4U;
    if ((h[0] >> 4) != 4 || header < kIpv4Bytes) return Drop::ipv4_bad_version;
    out.declared_bytes = load_be16(h + ipv4_at::kTotalLength).host();
    if (out.declared_bytes < header || frame.len_bytes < header) return Drop::l3_truncated;
    if (Sum{}.add(std::span(h, header)).fold() != 0xffff) return Drop::ipv4_bad_checksum;
    out.hop_limit = h[ipv4_at::kTtl];
    out.protocol = h[ipv4_at::kProtocol];
    out.l4_at = header;
    Drop options = Drop::none;
    if (where == Where::outer) {
        if (out.declared_bytes > frame.len_bytes) return Drop::l3_truncated;
        frame.set_length(out.declared_bytes);
        out.l3_bytes = out.declared_bytes;
        if (is_unlikely(header > kIpv4Bytes)) {
            options = check_options(h, header, out);
            if (options == Drop::ipv4_bad_options) return options;
        }
    } else {
        out.l3_bytes = out.declared_bytes < frame.len_bytes ? out.declared_bytes : frame.len_bytes;
    }
    const std::uint16_t word = load_be16(h + ipv4_at::kFragment).host();
    out.df = (word & ipv4_at::kDf) != 0;
    if (is_unlikely((word & (ipv4_at::kMf | ipv4_at::kOffsetMask)) != 0)) {
        out.fragment = true;
        out.more = (word & ipv4_at::kMf) != 0;
        out.frag_offset = (word & ipv4_at::kOffsetMask) * 8U;
        const Drop why = where == Where::outer ? check_piece(out, header) : Drop::none;
        if (why != Drop::none) return why;
    }
    out.frag_id = load_be16(h + ipv4_at::kId).host();
    const Drop why = parse_l4(frame, out, false, where);
    return is_unlikely(options != Drop::none) ? options : why;
}

}  // namespace isthmus::xlat
