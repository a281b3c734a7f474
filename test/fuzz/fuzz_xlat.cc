// SPDX-License-Identifier: Apache-2.0
// The translator on one packet. Input: one octet of choices, then an IP packet. Nothing outside the
// packet is read (the heap block is exact); what is translated is well-formed: version, lengths,
// header checksum; a transport checksum that was right is right; an ICMP error's always is.
#include <cstring>
#include <memory>

#include "common/net/checksum.h"
#include "common/net/headers.h"
#include "dataplane/xlat/fragment.h"
#include "dataplane/xlat/icmp_error.h"
#include "dataplane/xlat/icmp_xlat.h"
#include "dataplane/xlat/rewrite.h"
#include "test/fuzz/fuzz.h"

namespace {

using namespace isthmus;
using namespace isthmus::xlat;
using fuzz::require;

constexpr std::uint32_t kHead = 64;

struct Memory {
    std::unique_ptr<std::uint8_t[]> heap;
    Frame frame;
};

Memory exact(const std::uint8_t* data, std::size_t size, std::uint32_t tail) {
    Memory m{std::unique_ptr<std::uint8_t[]>(new std::uint8_t[kHead + size + tail]), {}};
    std::memcpy(m.heap.get() + kHead, data, size);
    m.frame = Frame::between(kHead, m.heap.get() + kHead, static_cast<std::uint32_t>(size), tail);
    return m;
}

void check_header(const Frame& f, bool v6) {
    if (v6) {
        require(f.len_bytes >= kIpv6Bytes && (f.data[0] >> 4) == 6, "IPv6 header");
        require(load_be16(f.data + ipv6_at::kPayloadLength).host() + kIpv6Bytes == f.len_bytes,
                "IPv6 length");
        return;
    }
    require(f.len_bytes >= kIpv4Bytes && f.data[0] == 0x45, "IPv4 header");
    require(load_be16(f.data + ipv4_at::kTotalLength).host() == f.len_bytes, "IPv4 length");
    require(Sum{}.add(std::span<const std::uint8_t>(f.data, kIpv4Bytes)).fold() == 0xffff,
            "IPv4 checksum");
}

/// The result must be a packet that we would accept, with a transport checksum that is right.
void check_result(Frame f, bool v6, bool want_checksum) {
    check_header(f, v6);
    Parsed p;
    const Drop why = v6 ? parse_v6(f, p) : parse_v4(f, p);
    require(why == Drop::none, "the result does not parse");
    if (want_checksum) require(transport_checksum_ok(f, p, v6), "transport checksum");
}

void check_pieces(const Frame& whole, bool v6, std::uint32_t mtu) {
    Cutter cutter(whole, mtu);
    while (!cutter.done()) {
        const std::uint32_t bytes = cutter.next_bytes();
        require(bytes <= mtu, "a piece larger than the link");
        Memory m = exact(whole.data, 0, bytes);
        require(cutter.next(m.frame), "a piece that was not made");
        check_header(m.frame, v6);
    }
}

void translate_error(Frame& f, const Parsed& p, bool v6, const XlatParams& params) {
    Quoted q;
    if ((v6 ? parse_quoted_v6(f, p, q) : parse_quoted_v4(f, p, q)) != Drop::none) return;
    const To4 a4{Ipv4Addr::of(198, 51, 100, 1), Ipv4Addr::of(203, 0, 113, 9), Be16{5000}, Be16{53}};
    const To6 a6{Ipv6Addr::from_groups({0x2001, 0xdb8, 0x64, 0, 0, 0, 0xcb00, 0x7109}),
                 Ipv6Addr::from_groups({0x2001, 0xdb8, 1, 0, 0, 0, 0, 5}), Be16{53}, Be16{1234}};
    const Links links{1500, 1500, params};
    const Drop why = v6 ? translate_error_64(f, p, q, {a4, a4, links, {}})
                        : translate_error_46(f, p, q, {a6, a6, links, {}});
    if (why != Drop::none) return;
    require(f.len_bytes <= (v6 ? 576U : 1280U), "an error too long");
    check_result(f, !v6, true);
}

void translate(Frame& f, const Parsed& p, bool v6, const XlatParams& params) {
    const bool whole = !p.is_piece();
    const bool none = p.kind == Kind::udp && p.udp_no_checksum;
    const bool good = whole && p.kind != Kind::other_protocol && transport_checksum_ok(f, p, v6);
    const To4 a4{Ipv4Addr::of(198, 51, 100, 1), Ipv4Addr::of(203, 0, 113, 9), Be16{5000}, Be16{53}};
    const To6 a6{Ipv6Addr::from_groups({0x2001, 0xdb8, 0x64, 0, 0, 0, 0xcb00, 0x7109}),
                 Ipv6Addr::from_groups({0x2001, 0xdb8, 1, 0, 0, 0, 0, 5}), Be16{53}, Be16{1234}};
    Rewrite how;
    const Fit fit = v6 ? fit_64(p, 1280) : fit_46(p, 1280, params);
    how.fragment_header = !v6 && fit.what == Fit::Do::cut;
    const Drop why = v6 ? rewrite_64(f, p, a4, params, how) : rewrite_46(f, p, a6, params, how);
    if (why != Drop::none) return;
    check_header(f, !v6);
    if (whole && p.kind != Kind::other_protocol) check_result(f, !v6, good && !(v6 && none));
    if (fit.what == Fit::Do::cut) check_pieces(f, !v6, fit.mtu);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 70000) return 0;
    const std::uint8_t choice = data[0];
    XlatParams params;
    params.mss_clamp_64 = params.mss_clamp_46 = (choice & 1) != 0 ? 1000 : 0;
    params.ipv6_zero_checksum = (choice & 2) != 0;
    Memory m = exact(data + 1, size - 1, (choice & 4) != 0 ? 1300 : 0);
    Frame& f = m.frame;
    const bool v6 = (f.data[0] >> 4) == 6;
    Parsed p;
    const Drop why = v6 ? parse_v6(f, p) : parse_v4(f, p);
    if ((choice & 8) != 0) {  // an error of our own about it, whatever it is
        if (f.len_bytes < (v6 ? kIpv6Bytes : kIpv4Bytes) || !may_answer(f, p, v6, false)) return 0;
        const bool built = v6 ? build_error_v6(f, {4, 0}, {1280, p.pointer, 0}, Ipv6Addr{})
                              : build_error_v4(f, {3, 4}, {1280, 0, 7}, Ipv4Addr{});
        if (built) check_result(f, v6, true);
        return 0;
    }
    if (why != Drop::none) return 0;
    if (p.kind == Kind::icmp_other) return 0;
    if (p.kind == Kind::icmp_error) {
        if (!p.is_piece()) translate_error(f, p, v6, params);
        return 0;
    }
    translate(f, p, v6, params);
    return 0;
}
