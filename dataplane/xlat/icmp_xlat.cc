// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xlat/icmp_xlat.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "dataplane/xlat/icmp_error.h"
#include "dataplane/xlat/icmp_tables.h"
#include "dataplane/xlat/l4.h"

namespace isthmus::xlat {

namespace {

constexpr std::uint32_t kLeastOriginal =
    128;  // RFC 4884 s3: bytes of the quoted packet before an extension

/// What RFC 4884 calls the original datagram field, and the extension behind it.
struct Layout {
    std::uint32_t quoted = 0;     // bytes of the quoted packet that are kept
    std::uint32_t field = 0;      // bytes it takes, with padding
    std::uint32_t extension = 0;  // bytes
    bool has_length = false;      // the length field is not zero
};

/// The extension structure that a message shall carry; opaque but for our own.
struct Extension {
    const std::uint8_t* at = nullptr;  // nullptr: the length field is zero
    std::uint32_t bytes = 0;
};

Extension extension_of(const Frame& frame, const Quoted& q) noexcept {
    if (q.extension_at == 0) return {};
    return {frame.data + q.extension_at, q.extension_bytes};
}

/// Fits a quoted packet of `quoted` bytes and an extension into `room`; `unit` is the length
/// field's. First the quoted packet is cut, never below 128 bytes; then the extension goes as a
/// whole. `may_extend`: the new type has a length field.
Layout lay_out(std::uint32_t quoted, const Extension& ext, bool may_extend, std::uint32_t room,
               std::uint32_t unit) noexcept {
    if (ext.at == nullptr || !may_extend || kLeastOriginal + ext.bytes > room) {
        const std::uint32_t n = std::min(quoted, room);
        return {n, n, 0, false};
    }
    const std::uint32_t most = (room - ext.bytes) / unit * unit;
    const std::uint32_t wish = std::max(kLeastOriginal, (quoted + unit - 1) / unit * unit);
    const std::uint32_t field = std::min(wish, most);
    return {std::min(quoted, field), field, ext.bytes, true};
}

/// RFC 4884 s7 with one Interface Information Object: the IPv6 address of the interface upon which
/// the datagram arrived (RFC 5837 s4).
using RouterName = std::array<std::uint8_t, 28>;
RouterName name_of(const Ipv6Addr& router) noexcept {
    constexpr std::uint8_t kHasAddress = 0x04;
    RouterName e{0x20, 0, 0, 0, 0, 24, 2, kHasAddress, 0, 2, 0, 0};
    std::copy(router.octet.begin(), router.octet.end(), e.begin() + 12);
    store_raw16(e.data() + 2, Sum{}.add(std::span<const std::uint8_t>(e)).checksum());
    return e;
}

/// Gives the frame `bytes` of length by taking room from the tail, then from the head.
bool resize(Frame& frame, std::uint32_t bytes) noexcept {
    if (bytes > frame.room_bytes - frame.headroom) {
        const std::uint32_t more = bytes - (frame.room_bytes - frame.headroom);
        if (more > frame.headroom) return false;
        frame.push_front(more);
    }
    frame.set_length(bytes);
    return true;
}

/// The extension of the message at `p`, when its type may carry one and its length field says so.
Drop find_extension(const Frame& frame, const Parsed& p, bool v6, Quoted& q) noexcept {
    q.at = p.l4_at + kIcmpBytes;
    q.bytes = p.l3_bytes - q.at;
    const bool may = v6 ? p.icmp_type == 1 || p.icmp_type == 3
                        : p.icmp_type == 3 || p.icmp_type == 11 || p.icmp_type == 12;
    if (!may) return Drop::none;
    const std::uint32_t length = v6 ? frame.data[p.l4_at + 4] * 8U : frame.data[p.l4_at + 5] * 4U;
    if (length == 0) return Drop::none;
    if (length > q.bytes) return Drop::icmp_extension_malformed;
    q.extension_at = q.at + length;
    q.extension_bytes = p.l3_bytes - q.extension_at;
    q.bytes = length;
    return Drop::none;
}

Drop check_quoted(Drop parse_result, Quoted& q) noexcept {
    if (parse_result != Drop::none) return Drop::icmp_inner_malformed;
    if (q.parsed.kind == Kind::icmp_error) return Drop::icmp_inner_is_error;
    if (q.parsed.kind == Kind::icmp_other) return Drop::icmp_inner_malformed;
    // Padding before an extension is not the packet's. Without a length field all is quoted packet:
    // no guessing (RFC 4884 s5.5).
    if (q.extension_at != 0) q.bytes = q.parsed.l3_bytes;
    return Drop::none;
}

/// Ids and checksum of the quoted transport header at `l4`, `room` bytes of which are there; what
/// follows the end of the quoted packet is not its own (RFC 5508 REQ-3d).
void rewrite_quoted_l4(std::uint8_t* l4, std::uint32_t room, const Parsed& p,
                       std::array<Be16, 2> ids, std::array<Sum, 2> sums) noexcept {
    const std::uint32_t bytes = std::min(room, p.l4_bytes());
    if (!p.first() || bytes < 8) return;
    const bool no_checksum = (p.kind == Kind::tcp && bytes < tcp_at::kChecksum + 2) ||
                             (p.kind == Kind::udp && p.udp_no_checksum);
    if (no_checksum) {
        store(l4, ids[0]);
        store(l4 + 2, ids[1]);
    } else if (p.kind == Kind::tcp || p.kind == Kind::udp) {
        rewrite_ports(l4, p, ids[0], ids[1], sums);
    }
}

struct Compose {
    std::array<std::uint8_t, kMostIcmp6> bytes{};
    std::uint32_t n = 0;
};

/// Copies what is quoted, `l4` behind its own IP header, pads the field, appends the extension.
void append_quoted(Compose& out, const std::uint8_t* l4, std::uint32_t header, const Layout& lay,
                   const Extension& ext) noexcept {
    const std::uint32_t start = out.n;
    std::memcpy(out.bytes.data() + start + header, l4, lay.quoted - header);
    out.n = start + lay.field;
    if (lay.extension != 0) {
        std::memcpy(out.bytes.data() + out.n, ext.at, lay.extension);
        out.n += lay.extension;
    }
}

std::uint8_t traffic_class(const std::uint8_t* h6) noexcept {
    return static_cast<std::uint8_t>((h6[0] << 4) | (h6[1] >> 4));
}

void write_quoted_v4(std::uint8_t* h, const std::uint8_t* inner6, const Quoted& q,
                     const To4& inner) noexcept {
    const Parsed& p = q.parsed;
    const std::uint32_t total = kIpv4Bytes + (p.declared_bytes - p.l4_at);
    h[0] = 0x45;
    h[1] = traffic_class(inner6);
    store(h + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(total)});
    std::uint16_t word = total > 1260 ? ipv4_at::kDf : std::uint16_t{0};
    if (p.fragment) {
        word = static_cast<std::uint16_t>((p.frag_offset / 8) | (p.more ? ipv4_at::kMf : 0));
        store(h + ipv4_at::kId, Be16{static_cast<std::uint16_t>(p.frag_id & 0xffff)});
    }
    store(h + ipv4_at::kFragment, Be16{word});
    h[ipv4_at::kTtl] = p.hop_limit;
    h[ipv4_at::kProtocol] = p.protocol == ip_proto::kIcmp6 ? ip_proto::kIcmp : p.protocol;
    store(h + ipv4_at::kSource, inner.src);
    store(h + ipv4_at::kDestination, inner.dst);
    write_ipv4_checksum(h);
}

void write_quoted_v6(std::uint8_t* h, const std::uint8_t* inner4, const Quoted& q,
                     const To6& inner) noexcept {
    const Parsed& p = q.parsed;
    const std::uint32_t payload = p.declared_bytes - p.l4_at + (p.fragment ? kFragmentBytes : 0);
    const std::uint8_t next = p.protocol == ip_proto::kIcmp ? ip_proto::kIcmp6 : p.protocol;
    store(h, Be32{(6U << 28) | (std::uint32_t{inner4[ipv4_at::kTos]} << 20)});
    store(h + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(payload)});
    h[ipv6_at::kNextHeader] = p.fragment ? ip_proto::kFragment : next;
    h[ipv6_at::kHopLimit] = p.hop_limit;
    store(h + ipv6_at::kSource, inner.src);
    store(h + ipv6_at::kDestination, inner.dst);
    if (!p.fragment) return;
    std::uint8_t* f = h + kIpv6Bytes;
    f[0] = next;
    f[1] = 0;
    store(f + 2, Be16{static_cast<std::uint16_t>(p.frag_offset | (p.more ? 1U : 0U))});
    store(f + 4, Be32{p.frag_id});
}

/// The second word of an ICMP error: pointer, MTU, or length of the quoted packet.
Drop write_rest_64(std::uint8_t* icmp, const std::uint8_t* icmp6, const Parsed& p, const Quoted& q,
                   const Links& links) noexcept {
    if (p.icmp_type == 4 && p.icmp_code == 0) {
        const auto pointer = pointer_64(load_be32(icmp6 + 4).host());
        if (!pointer) return Drop::icmp_unsupported;
        icmp[4] = *pointer;
    } else if (p.icmp_type == 2) {
        const std::uint16_t mtu =
            mtu_64(load_be32(icmp6 + 4).host(), q.parsed.fragment, links.mtu4, links.mtu6);
        store(icmp + 6, Be16{mtu});
    }
    return Drop::none;
}

Drop write_rest_46(std::uint8_t* icmp, const std::uint8_t* icmp4, const Parsed& p, const Quoted& q,
                   const Links& links) noexcept {
    if (p.icmp_type == 12) {
        const auto pointer = pointer_46(icmp4[4]);
        if (!pointer) return Drop::icmp_unsupported;
        store(icmp + 4, Be32{*pointer});
    } else if (p.icmp_type == 3 && p.icmp_code == 2) {
        store(icmp + 4, Be32{6});
    } else if (p.icmp_type == 3 && p.icmp_code == 4) {
        const std::uint32_t mtu = load_be16(icmp4 + 6).host();
        store(icmp + 4, Be32{mtu_46(mtu, q.parsed.declared_bytes, links.mtu4, links.mtu6)});
    }
    return Drop::none;
}

Drop put_back(Frame& frame, const Compose& out) noexcept {
    if (!resize(frame, out.n)) return Drop::no_buffer;
    std::memcpy(frame.data, out.bytes.data(), out.n);
    return Drop::none;
}

std::uint8_t hops_of(const Parsed& p, const Rewrite& how) noexcept {
    return how.keep_hop_limit ? p.hop_limit : static_cast<std::uint8_t>(p.hop_limit - 1);
}

}  // namespace

Drop parse_quoted_v6(const Frame& frame, const Parsed& outer, Quoted& out) noexcept {
    if (!icmp_kind_64({outer.icmp_type, outer.icmp_code})) return Drop::icmp_unsupported;
    if (!transport_checksum_ok(frame, outer, true)) return Drop::icmp_bad_checksum;
    const Drop why = find_extension(frame, outer, true, out);
    if (why != Drop::none) return why;
    Frame inner = Frame::between(0, frame.data + out.at, out.bytes, 0);
    return check_quoted(parse_v6(inner, out.parsed, Where::quoted), out);
}

Drop parse_quoted_v4(const Frame& frame, const Parsed& outer, Quoted& out) noexcept {
    if (!icmp_kind_46({outer.icmp_type, outer.icmp_code})) return Drop::icmp_unsupported;
    if (!transport_checksum_ok(frame, outer, false)) return Drop::icmp_bad_checksum;
    const Drop why = find_extension(frame, outer, false, out);
    if (why != Drop::none) return why;
    Frame inner = Frame::between(0, frame.data + out.at, out.bytes, 0);
    return check_quoted(parse_v4(inner, out.parsed, Where::quoted), out);
}

Drop translate_error_64(Frame& frame, const Parsed& p, const Quoted& q,
                        const ErrorTo4& to) noexcept {
    const auto& [outer, inner, links, how, router] = to;
    const auto kind = icmp_kind_64({p.icmp_type, p.icmp_code});
    if (!kind) return Drop::icmp_unsupported;
    constexpr std::uint32_t kHead = kIpv4Bytes + kIcmpBytes;
    const std::uint32_t quoted = kIpv4Bytes + q.bytes - q.parsed.l4_at;
    // ICMPv4 3/4 has no length field (RFC 4884 s4.6); types 11 and 12 and the rest of 3 do.
    const bool may_extend = p.icmp_type == 1 || p.icmp_type == 3;
    const RouterName name = router != nullptr ? name_of(*router) : RouterName{};
    Extension ext = extension_of(frame, q);
    if (router != nullptr && ext.at == nullptr)
        ext = {name.data(), static_cast<std::uint32_t>(name.size())};
    const Layout lay = lay_out(quoted, ext, may_extend, kMostIcmp4 - kHead, 4);
    Compose out;
    std::uint8_t* const h = out.bytes.data();
    std::uint8_t* const icmp = h + kIpv4Bytes;
    icmp[0] = kind->type;
    icmp[1] = kind->code;
    const Drop why = write_rest_64(icmp, frame.data + p.l4_at, p, q, links);
    if (why != Drop::none) return why;
    if (lay.has_length) icmp[5] = static_cast<std::uint8_t>(lay.field / 4);
    out.n = kHead;
    const std::uint8_t* inner6 = frame.data + q.at;
    append_quoted(out, inner6 + q.parsed.l4_at, kIpv4Bytes, lay, ext);
    std::uint8_t* const l4 = h + kHead + kIpv4Bytes;
    const Sum old_sum = Sum{}
                            .add(load_ipv6(inner6 + ipv6_at::kSource))
                            .add(load_ipv6(inner6 + ipv6_at::kDestination));
    if (q.parsed.kind == Kind::echo && q.parsed.first() && lay.quoted >= kIpv4Bytes + 8) {
        Sum removed = old_sum;
        removed.v += pseudo_tail(q.parsed.declared_bytes - q.parsed.l4_at, ip_proto::kIcmp6).v;
        rewrite_echo(l4, l4[0] == 128 ? 8 : 0, l4[0] == 128 ? inner.src_id : inner.dst_id,
                     {removed, Sum{}});
    } else {
        rewrite_quoted_l4(l4, lay.quoted - kIpv4Bytes, q.parsed, {inner.src_id, inner.dst_id},
                          {old_sum, Sum{}.add(inner.src).add(inner.dst)});
    }
    write_quoted_v4(h + kHead, inner6, q, inner);
    store_raw16(icmp + icmp_at::kChecksum,
                Sum{}.add(std::span<const std::uint8_t>(icmp, out.n - kIpv4Bytes)).checksum());
    h[0] = 0x45;
    h[1] = links.params.tos_64(traffic_class(frame.data));
    store(h + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(out.n)});
    store(h + ipv4_at::kId, Be16{how.ip_id});
    h[ipv4_at::kTtl] = hops_of(p, how);
    h[ipv4_at::kProtocol] = ip_proto::kIcmp;
    store(h + ipv4_at::kSource, outer.src);
    store(h + ipv4_at::kDestination, outer.dst);
    write_ipv4_checksum(h);
    return put_back(frame, out);
}

Drop translate_error_46(Frame& frame, const Parsed& p, const Quoted& q,
                        const ErrorTo6& to) noexcept {
    const auto& [outer, inner, links, how] = to;
    const auto kind = icmp_kind_46({p.icmp_type, p.icmp_code});
    if (!kind) return Drop::icmp_unsupported;
    constexpr std::uint32_t kHead = kIpv6Bytes + kIcmpBytes;
    const std::uint32_t inner_header = kIpv6Bytes + (q.parsed.fragment ? kFragmentBytes : 0);
    const std::uint32_t quoted = inner_header + q.bytes - q.parsed.l4_at;
    // ICMPv6 types 2 and 4 have no length field: no extension (RFC 4884 s4.6).
    const bool may_extend = kind->type == 1 || kind->type == 3;
    const Extension ext = extension_of(frame, q);
    const Layout lay = lay_out(quoted, ext, may_extend, kMostIcmp6 - kHead, 8);
    Compose out;
    std::uint8_t* const h = out.bytes.data();
    std::uint8_t* const icmp = h + kIpv6Bytes;
    icmp[0] = kind->type;
    icmp[1] = kind->code;
    const Drop why = write_rest_46(icmp, frame.data + p.l4_at, p, q, links);
    if (why != Drop::none) return why;
    if (lay.has_length) icmp[4] = static_cast<std::uint8_t>(lay.field / 8);
    out.n = kHead;
    const std::uint8_t* inner4 = frame.data + q.at;
    append_quoted(out, inner4 + q.parsed.l4_at, inner_header, lay, ext);
    std::uint8_t* const l4 = h + kHead + inner_header;
    const Sum new_sum = Sum{}.add(inner.src).add(inner.dst);
    if (q.parsed.kind == Kind::echo && q.parsed.first() && lay.quoted >= inner_header + 8) {
        Sum added = new_sum;
        added.v += pseudo_tail(q.parsed.declared_bytes - q.parsed.l4_at, ip_proto::kIcmp6).v;
        rewrite_echo(l4, l4[0] == 8 ? 128 : 129, l4[0] == 8 ? inner.src_id : inner.dst_id,
                     {Sum{}, added});
    } else {
        const Sum removed = Sum{}
                                .add(load_ipv4(inner4 + ipv4_at::kSource))
                                .add(load_ipv4(inner4 + ipv4_at::kDestination));
        rewrite_quoted_l4(l4, lay.quoted - inner_header, q.parsed, {inner.src_id, inner.dst_id},
                          {removed, new_sum});
    }
    write_quoted_v6(h + kHead, inner4, q, inner);
    const std::uint32_t outer_class = links.params.class_46(frame.data[ipv4_at::kTos]);
    store(h, Be32{(6U << 28) | (outer_class << 20)});
    store(h + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(out.n - kIpv6Bytes)});
    h[ipv6_at::kNextHeader] = ip_proto::kIcmp6;
    h[ipv6_at::kHopLimit] = hops_of(p, how);
    store(h + ipv6_at::kSource, outer.src);
    store(h + ipv6_at::kDestination, outer.dst);
    Sum sum = pseudo_tail(out.n - kIpv6Bytes, ip_proto::kIcmp6);
    sum.add(outer.src).add(outer.dst).add(std::span<const std::uint8_t>(icmp, out.n - kIpv6Bytes));
    store_raw16(icmp + icmp_at::kChecksum, sum.checksum());
    return put_back(frame, out);
}

}  // namespace isthmus::xlat
