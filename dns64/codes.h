// SPDX-License-Identifier: Apache-2.0
// Numbers of the DNS protocol (IANA "Domain Name System Parameters") that the code speaks of. Types
// are plain integers, because any other number may come too (RFC 3597).
#pragma once

#include <cstdint>

namespace isthmus::dns64 {

// The registries' own names, not ours.
// NOLINTBEGIN(readability-identifier-naming)
using RrType = std::uint16_t;
namespace rr {
inline constexpr RrType a = 1, ns = 2, md = 3, mf = 4, cname = 5, soa = 6, mb = 7, mg = 8, mr = 9,
                        ptr = 12, hinfo = 13, minfo = 14, mx = 15, txt = 16, rp = 17, afsdb = 18,
                        rt = 21, sig = 24, px = 26, aaaa = 28, nxt = 30, srv = 33, naptr = 35,
                        kx = 36, dname = 39, opt = 41, ds = 43, rrsig = 46, nsec = 47, dnskey = 48,
                        nsec3 = 50, svcb = 64, https = 65, tkey = 249, tsig = 250, ixfr = 251,
                        axfr = 252, mailb = 253, maila = 254, any = 255;
}  // namespace rr

using RrClass = std::uint16_t;
inline constexpr RrClass kClassIn = 1, kClassAny = 255;

enum class Rcode : std::uint16_t {
    noerror = 0,
    formerr = 1,
    servfail = 2,
    nxdomain = 3,
    notimp = 4,
    refused = 5,
    yxdomain = 6,
    notauth = 9,
    badvers = 16,
    badcookie = 23,
};

enum class Opcode : std::uint8_t { query = 0, iquery = 1, status = 2, notify = 4, update = 5 };

/// Header flags, as in the 16 bits behind the ID (RFC 1035 s4.1.1, RFC 4035 s3.1.6, s3.2.2).
namespace flag {
inline constexpr std::uint16_t qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080,
                               z = 0x0040, ad = 0x0020, cd = 0x0010;
inline constexpr std::uint16_t opcode_mask = 0x7800, rcode_mask = 0x000f;
}  // namespace flag
[[nodiscard]] constexpr Opcode opcode_of(std::uint16_t flags) {
    return static_cast<Opcode>((flags & flag::opcode_mask) >> 11);
}

/// EDNS option codes (RFC 6891 s9).
namespace option {
inline constexpr std::uint16_t nsid = 3, client_subnet = 8, cookie = 10, tcp_keepalive = 11,
                               padding = 12, ede = 15;
}

/// Extended DNS Errors (RFC 8914 s4; 29 by the IANA registry).
enum class Ede : std::uint16_t {
    other = 0,
    stale_answer = 3,
    dnssec_bogus = 6,
    cached_error = 13,
    not_ready = 14,
    prohibited = 18,
    stale_nxdomain = 19,
    not_authoritative = 20,
    not_supported = 21,
    no_reachable_authority = 22,
    network_error = 23,
    invalid_data = 24,
    synthesized = 29,
    none = 0xffff,
};

inline constexpr std::uint32_t kTtlMost = 604800;  // seconds, RFC 8767 s4: seven days

/// A TTL as it may be used: the top bit set counts as huge (RFC 8767 s4).
[[nodiscard]] constexpr std::uint32_t capped_ttl(std::uint32_t ttl) {
    return ttl > kTtlMost ? kTtlMost : ttl;
}

// NOLINTEND(readability-identifier-naming)
}  // namespace isthmus::dns64
