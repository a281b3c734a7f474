// SPDX-License-Identifier: Apache-2.0
// Translating ICMP errors, and the packet quoted inside them (RFC 7915 s4.2-4.3, s5.2-5.3, RFC
// 4884).
//
// The caller parses the outer packet, calls parse_quoted() to learn whose packet is quoted, finds
// the addresses for both headers in its tables, and calls translate_error_64() or _46(). The
// message is composed anew in a small buffer and copied back, so nothing can run out of the frame:
// an ICMPv6 message is cut to 1,280 bytes (RFC 4443 s2.4(c)), an ICMPv4 one to 576 (RFC 1812
// s4.3.2.3).
#pragma once

#include "common/net/frame.h"
#include "common/net/tuple.h"
#include "common/stats/drop.h"
#include "dataplane/xlat/parse.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::xlat {

/// The packet that an ICMP error quotes.
struct Quoted {
    Parsed parsed;
    std::uint32_t at = 0;            // of its IP header, from the outer IP header
    std::uint32_t bytes = 0;         // of it that are present, padding and extension not counted
    std::uint32_t extension_at = 0;  // RFC 4884; 0: the length field is zero
    std::uint32_t extension_bytes = 0;
};

/// Checks the message (checksum, RFC 5508 REQ-3; type known; extension within the message) and
/// reads the quoted packet. Kinds other than tcp, udp, echo in the quoted packet are drops on the
/// stateful path.
[[nodiscard]] Drop parse_quoted_v6(const Frame& frame, const Parsed& outer, Quoted& out) noexcept;
[[nodiscard]] Drop parse_quoted_v4(const Frame& frame, const Parsed& outer, Quoted& out) noexcept;

/// What surrounds a message: the links on both sides, for the MTU of "too big", and the operator's
/// choices.
struct Links {
    std::uint32_t mtu4 = 1500, mtu6 = 1500;
    const XlatParams& params;
};

/// What an error becomes: addresses and ids of the result, outside and in the quoted packet.
struct ErrorTo4 {
    To4 outer, inner;
    Links links;
    Rewrite how;
    /// When set: the router that `outer.src` stands in for, added to a message that may carry an
    /// extension and has none (RFC 6791 s4, RFC 5837).
    const Ipv6Addr* router = nullptr;
};
struct ErrorTo6 {
    To6 outer, inner;
    Links links;
    Rewrite how;
};

/// ICMPv6 error to ICMPv4.
[[nodiscard]] Drop translate_error_64(Frame& frame, const Parsed& p, const Quoted& q,
                                      const ErrorTo4& to) noexcept;
/// ICMPv4 error to ICMPv6. Needs 1,280 bytes of room in the frame, head- and tailroom counted.
[[nodiscard]] Drop translate_error_46(Frame& frame, const Parsed& p, const Quoted& q,
                                      const ErrorTo6& to) noexcept;

}  // namespace isthmus::xlat
