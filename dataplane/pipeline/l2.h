// SPDX-License-Identifier: Apache-2.0
// Ethernet and VLAN headers: taken off on the way in, put on for the way out. One tag (802.1Q) is
// understood, in the frame or stripped by the device; frames with more are the kernel's.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/net/addr.h"
#include "common/net/be.h"
#include "common/net/frame.h"
#include "common/net/headers.h"
#include "dataplane/pipeline/burst.h"

namespace isthmus::pipeline {

inline constexpr std::uint16_t kEthernetBytes = 14;
inline constexpr std::uint16_t kVlanBytes = 4;

inline constexpr std::uint16_t kTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kTypeVlan = 0x8100;

/// What the link layer says of a frame.
struct L2 {
    std::uint32_t bytes = 0;  // of headers in the frame, before the IP header
    std::uint16_t type = 0;   // of the payload, host order
    std::uint16_t vlan = 0;   // 0: untagged
};

inline void store_be16(std::uint8_t* p, std::uint16_t host) noexcept {
    const std::uint16_t raw = Be16{host}.wire();
    std::memcpy(p, &raw, sizeof raw);
}

/// Reads the link layer of `p`; false when it is cut short.
[[nodiscard]] inline bool read_l2(const Packet& p, L2& out) noexcept {
    if (p.frame.len_bytes < kEthernetBytes) return false;
    out.bytes = kEthernetBytes;
    out.type = load_be16(p.frame.data + 12).host();
    out.vlan = p.vlan;
    if (out.type != kTypeVlan) return true;
    if (p.frame.len_bytes < kEthernetBytes + kVlanBytes) return false;
    out.bytes += kVlanBytes;
    // A priority tag (id 0) means untagged (IEEE 802.1Q).
    out.vlan = static_cast<std::uint16_t>(load_be16(p.frame.data + 14).host() & 0x0fff);
    out.type = load_be16(p.frame.data + 16).host();
    return true;
}

/// Puts a link header before the IP packet in `frame` (headroom: at least 18 bytes).
inline void write_l2(Frame& frame, const MacAddr& dst, const MacAddr& src,
                     std::uint16_t vlan) noexcept {
    const std::uint16_t type = (frame.data[0] >> 4) == 6 ? kTypeIpv6 : kTypeIpv4;
    if (vlan == 0) {
        frame.push_front(kEthernetBytes);
    } else {
        frame.push_front(kEthernetBytes + kVlanBytes);
        store_be16(frame.data + 12, kTypeVlan);
        store_be16(frame.data + 14, vlan);
    }
    std::memcpy(frame.data, dst.octet.data(), 6);
    std::memcpy(frame.data + 6, src.octet.data(), 6);
    store_be16(frame.data + (vlan == 0 ? 12 : 16), type);
}

}  // namespace isthmus::pipeline
