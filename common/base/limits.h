// SPDX-License-Identifier: Apache-2.0
// How much of each thing a gateway can have. The configuration is checked against these numbers,
// and the dataplane's tables have as many places: one list, so that nothing that was accepted is
// left out in silence.
#pragma once

namespace isthmus::limits {

inline constexpr unsigned kWorkers = 64;
inline constexpr unsigned kPorts = 32;
inline constexpr unsigned kInterfaces = 256;  // ports and their VLANs: punt interfaces
inline constexpr unsigned kPrefixes = 16;     // NAT64 prefixes; stateless ones of each family
inline constexpr unsigned kPoolAddresses = 1024;
inline constexpr unsigned kPools = 32;  // the one without a name, and the others
inline constexpr unsigned kRules = 64;
inline constexpr unsigned kStaticPorts = 4096;  // of all static bindings
inline constexpr unsigned kExclusions = 64;
inline constexpr unsigned kUdpTimers = 16;
inline constexpr unsigned kNonGlobal = 64;  // prefixes of nat64.non_global
inline constexpr unsigned kEamEntries = 4096;
inline constexpr unsigned kErrorSources = 64;  // addresses of nat64.icmp.rfc6791_pool

}  // namespace isthmus::limits
