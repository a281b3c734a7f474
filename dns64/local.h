// SPDX-License-Identifier: Apache-2.0
// What is answered here, whatever upstream would say: ipv4only.arpa (RFC 8880), special-use names
// (RFC 6761, 6762, 7686), reverse zones of addresses that mean nothing elsewhere (RFC 6303), and
// the part of ip6.arpa below a Pref64 (RFC 6147 s5.3.1).
#pragma once

#include "dns64/policy.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

inline constexpr std::uint32_t kLocalTtl = 600;  // seconds

/// How a name of ip6.arpa lies to the configured prefixes.
struct Reverse {
    enum class Kind : std::uint8_t {
        elsewhere,   // outside every prefix, or above one
        inside,      // an empty non-terminal: fewer than 32 nibbles
        impossible,  // no such name can be: too many labels, not hexadecimal, u octet not zero
        well_known,  // of 192.0.0.170 or .171
        mapped,
    };
    Kind kind = Kind::elsewhere;
    Ipv4Addr v4{};
    NameView zone;  // the part of the name that stands for the prefix
};
[[nodiscard]] Reverse reverse_of(const Policy& policy, NameView qname) noexcept;
/// 192.0.2.33 -> "33.2.0.192.in-addr.arpa."
[[nodiscard]] Name in_addr_arpa(Ipv4Addr a) noexcept;

struct LocalAnswer {
    enum class Kind : std::uint8_t { none, nodata, nxdomain, ipv4only, loopback, pointer, apex };
    Kind kind = Kind::none;
    Why why = Why::none;
    NameView zone;  // owner of the SOA of a negative answer: a tail of the question's name
};
/// `own_reverse`: Pref64s are looked at; off for clients that want everything unchanged.
[[nodiscard]] LocalAnswer local_answer(const Policy& policy, const View& view, NameView qname,
                                       RrType qtype, bool own_reverse) noexcept;

struct LocalQuestion {
    NameView name;
    RrType type = 0;
};
/// Question, answer and, for negative ones, SOA; the header is the caller's.
void write_local(Writer& w, const LocalAnswer& what, const Policy& policy, const View& view,
                 const LocalQuestion& q) noexcept;
/// SOA of a zone that nobody serves but we (RFC 2308 s3).
void write_local_soa(Writer& w, NameView zone, std::uint32_t ttl) noexcept;
[[nodiscard]] constexpr Rcode rcode_of(const LocalAnswer& a) {
    return a.kind == LocalAnswer::Kind::nxdomain ? Rcode::nxdomain : Rcode::noerror;
}

}  // namespace isthmus::dns64
