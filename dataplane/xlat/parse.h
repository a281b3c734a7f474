// SPDX-License-Identifier: Apache-2.0
// From bytes to what a packet is: family, kind, ids, fragment, lengths. Every length is checked
// before anything behind it is read; what a device or a peer claims is believed only as far as the
// frame goes.
//
// Both parsers take a frame that stands at its IP header and leave it there, cut to the packet's
// own length (link padding goes). Nothing is changed in the bytes.
//
// The common packet (no options, no extension headers, not a fragment; TCP, UDP or echo) takes a
// straight line; everything else is out of line.
#pragma once

#include <cstdint>

#include "common/net/frame.h"
#include "common/net/tuple.h"
#include "common/stats/drop.h"

namespace isthmus::xlat {

enum class Kind : std::uint8_t {
    udp,
    tcp,
    echo,            // request or reply, of the packet's family
    icmp_error,      // types that quote a packet
    icmp_other,      // not to be translated
    other_protocol,  // behind the IP header is something else
};

/// The protocol whose sessions it belongs to.
[[nodiscard]] constexpr Proto proto_of(Kind k) noexcept {
    return k == Kind::tcp ? Proto::tcp : k == Kind::udp ? Proto::udp : Proto::icmp;
}

struct Parsed {
    Kind kind = Kind::other_protocol;
    std::uint8_t protocol = 0;   // of the payload at l4_at, IANA number of the packet's own family
    std::uint8_t hop_limit = 0;  // or TTL
    std::uint8_t icmp_type = 0, icmp_code = 0;
    TcpFlags flags;
    bool df = false;                   // IPv4 only
    bool fragment = false;             // has a Fragment Header (IPv6), or MF or an offset (IPv4)
    bool more = false;                 // more fragments follow
    bool ragged = false;               // they do, and this one is no multiple of eight octets
    bool udp_no_checksum = false;      // UDP whose checksum field is zero
    bool checksum_missing_l4 = false;  // the quoted packet ends before its checksum field
    std::uint32_t frag_id = 0;         // host order
    std::uint32_t frag_offset = 0;     // bytes
    std::uint32_t l3_bytes = 0;        // of the whole packet in the frame
    std::uint32_t declared_bytes =
        0;  // what the header says; differs from l3_bytes in quoted packets only
    std::uint32_t l4_at =
        0;  // from the IP header's first octet; the fragment's payload in later fragments
    std::uint32_t frag_at = 0;  // IPv6: where the Fragment Header is
    std::uint32_t pointer = 0;  // of the fault, for Parameter Problem
    Be16 src_id, dst_id;        // zero in later fragments

    [[nodiscard]] bool first() const { return frag_offset == 0; }
    /// It begins with ports, or an identifier, of a session.
    [[nodiscard]] bool has_ids() const {
        return first() && (kind == Kind::tcp || kind == Kind::udp || kind == Kind::echo);
    }
    /// A fragment that is a whole packet (RFC 6946).
    [[nodiscard]] bool atomic() const { return fragment && frag_offset == 0 && !more; }
    /// A piece of something larger.
    [[nodiscard]] bool is_piece() const { return fragment && !atomic(); }
    [[nodiscard]] std::uint32_t l4_bytes() const { return l3_bytes - l4_at; }
};

/// How a packet stands before us: received, or quoted in an ICMP error (cut short, no checks that
/// need its end).
enum class Where : std::uint8_t { outer, quoted };

/// RFC 8200, RFC 7915 s5.1. On a drop `out.pointer` says where the fault is. Of a fragment whose
/// datagram is ICMP, kind says echo or error only when it is the first.
[[nodiscard]] Drop parse_v6(Frame& frame, Parsed& out, Where where = Where::outer) noexcept;

/// RFC 791, RFC 1812 s5.2.2, RFC 7915 s4.1. Verifies the header checksum, of a quoted packet too
/// (RFC 5508 REQ-3b).
[[nodiscard]] Drop parse_v4(Frame& frame, Parsed& out, Where where = Where::outer) noexcept;

}  // namespace isthmus::xlat
