// SPDX-License-Identifier: Apache-2.0
// Addresses without state (RFC 7915 s6): an EAM entry (RFC 7757) decides, and where there is none
// the prefix of RFC 6052. Pure functions of the snapshot; each address is mapped on its own.
//
// Which packets are translated this way follows from their addresses alone (docs/decisions/0023):
//   IPv6: destination in an EAM entry or a stateless prefix; or behind any NAT64 prefix, from a
//         source that has an EAM entry
//   IPv4: destination in an EAM entry, or in the list of what stands for hosts behind the prefixes
#pragma once

#include "dataplane/pipeline/snapshot.h"

namespace isthmus::pipeline {

/// How an address came by its counterpart. `forbidden`: only by the well-known prefix, behind which
/// it may not stand (RFC 6052 s3.1).
enum class Mapped : std::uint8_t { none, forbidden, eam, prefix, well_known };

struct In4 {
    Mapped how = Mapped::none;
    Ipv4Addr addr;
};
struct In6 {
    Mapped how = Mapped::none;
    Ipv6Addr addr;
};

[[nodiscard]] constexpr bool is_mapped(Mapped how) noexcept { return how >= Mapped::eam; }

/// Prefixes of which modes count.
enum class Behind : std::uint8_t { stateless_prefixes, any_prefix };
/// Whether EAM entries count (RFC 7757 s4.2.1 says where they must not).
enum class UseEam : bool { no, yes };

/// The IPv4 address that an IPv6 one stands for.
[[nodiscard]] In4 to4(const Snapshot& cfg, const Ipv6Addr& a, Behind which) noexcept;
/// The IPv6 address that stands for an IPv4 one; without an entry behind the first prefix that may
/// be used.
[[nodiscard]] In6 to6(const Snapshot& cfg, Ipv4Addr a, UseEam eam) noexcept;

/// True when `a` is behind a stateless prefix.
[[nodiscard]] bool in_stateless_prefix(const Snapshot& cfg, const Ipv6Addr& a) noexcept;
/// True when an IPv4 destination stands for an IPv6 host without state.
[[nodiscard]] bool has_host(const Snapshot& cfg, Ipv4Addr a) noexcept;
/// True when an IPv4 destination, wherever the packet comes from, leads back to us: to a host as
/// above, or by way of the pool. A list that says "all of IPv4" does not count.
[[nodiscard]] bool leads_back(const Snapshot& cfg, Ipv4Addr a) noexcept;
/// True when an IPv6 packet is translated without state. `prefix`: the stateful one that `dst` is
/// behind, or -1.
[[nodiscard]] bool goes_without_state(const Snapshot& cfg, const Ipv6Addr& src, const Ipv6Addr& dst,
                                      int prefix) noexcept;

}  // namespace isthmus::pipeline
