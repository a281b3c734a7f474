// SPDX-License-Identifier: Apache-2.0
// Where things stand in the headers on the wire, and unaligned access to them. No wire structs with
// bit-fields: offsets and loads, so that what is read was checked to be there by the line above it.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/net/addr.h"
#include "common/net/be.h"

namespace isthmus {

namespace ip_proto {
inline constexpr std::uint8_t kHopByHop = 0, kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17,
                              kRouting = 43, kFragment = 44, kEsp = 50, kAh = 51, kIcmp6 = 58,
                              kNoNext = 59, kDestination = 60, kMobility = 135, kHip = 139,
                              kShim6 = 140;
}  // namespace ip_proto

inline constexpr unsigned kIpv4Bytes = 20, kIpv6Bytes = 40, kFragmentBytes = 8, kUdpBytes = 8,
                          kTcpBytes = 20, kIcmpBytes = 8;

/// IPv4 header (RFC 791 s3.1).
namespace ipv4_at {
inline constexpr unsigned kVersionIhl = 0, kTos = 1, kTotalLength = 2, kId = 4, kFragment = 6,
                          kTtl = 8, kProtocol = 9, kChecksum = 10, kSource = 12, kDestination = 16;
inline constexpr std::uint16_t kDf = 0x4000, kMf = 0x2000, kOffsetMask = 0x1fff;
}  // namespace ipv4_at

/// IPv6 header (RFC 8200 s3).
namespace ipv6_at {
inline constexpr unsigned kVersionClass = 0, kPayloadLength = 4, kNextHeader = 6, kHopLimit = 7,
                          kSource = 8, kDestination = 24;
}  // namespace ipv6_at

namespace tcp_at {
inline constexpr unsigned kSource = 0, kDestination = 2, kSequence = 4, kAck = 8, kDataOffset = 12,
                          kFlags = 13, kWindow = 14, kChecksum = 16, kUrgent = 18;
}  // namespace tcp_at

namespace udp_at {
inline constexpr unsigned kSource = 0, kDestination = 2, kLength = 4, kChecksum = 6;
}  // namespace udp_at

namespace icmp_at {
inline constexpr unsigned kType = 0, kCode = 1, kChecksum = 2, kId = 4, kSequence = 6, kBody = 8;
}  // namespace icmp_at

[[nodiscard]] inline std::uint16_t raw16(const std::uint8_t* p) noexcept {
    std::uint16_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
[[nodiscard]] inline std::uint32_t raw32(const std::uint8_t* p) noexcept {
    std::uint32_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
[[nodiscard]] inline Be16 load_be16(const std::uint8_t* p) noexcept {
    return Be16::from_wire(raw16(p));
}
[[nodiscard]] inline Be32 load_be32(const std::uint8_t* p) noexcept {
    return Be32::from_wire(raw32(p));
}
[[nodiscard]] inline Ipv4Addr load_ipv4(const std::uint8_t* p) noexcept {
    return Ipv4Addr{load_be32(p)};
}
[[nodiscard]] inline Ipv6Addr load_ipv6(const std::uint8_t* p) noexcept {
    Ipv6Addr a;
    std::memcpy(a.octet.data(), p, 16);
    return a;
}
inline void store(std::uint8_t* p, Be16 v) noexcept {
    const std::uint16_t raw = v.wire();
    std::memcpy(p, &raw, sizeof raw);
}
inline void store(std::uint8_t* p, Be32 v) noexcept {
    const std::uint32_t raw = v.wire();
    std::memcpy(p, &raw, sizeof raw);
}
inline void store_raw16(std::uint8_t* p, std::uint16_t raw) noexcept {
    std::memcpy(p, &raw, sizeof raw);
}
inline void store_raw64(std::uint8_t* p, std::uint64_t raw) noexcept {
    std::memcpy(p, &raw, sizeof raw);
}
inline void store(std::uint8_t* p, Ipv4Addr a) noexcept { store(p, a.be); }
inline void store(std::uint8_t* p, const Ipv6Addr& a) noexcept {
    std::memcpy(p, a.octet.data(), 16);
}

}  // namespace isthmus
