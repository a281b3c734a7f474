// SPDX-License-Identifier: Apache-2.0
// What an operator may choose about translation itself, and the environment of one packet.
#pragma once

#include <cstdint>

namespace isthmus::xlat {

struct XlatParams {
    std::uint32_t lowest_ipv6_mtu = 1280;  // RFC 7915 s4.1: DF=0 packets are cut to it
    std::uint16_t mss_clamp_64 = 0;        // bytes; 0: off; never raises
    std::uint16_t mss_clamp_46 = 0;
    bool copy_traffic_class = true;    // 6->4; false: override_tos
    std::uint8_t override_tos = 0;     // RFC 7915 s5.1
    bool reset_traffic_class = false;  // 4->6: Traffic Class 0 (RFC 7915 s4.1)
    bool ipv6_zero_checksum = false;   // forward IPv6 UDP that has no checksum (RFC 6935)
    bool remap_frag_id = false;        // 6->4: identifications of our own for fragments (RFC 7857)

    /// TOS of an IPv4 packet made of an IPv6 one, and back (RFC 7915 s4.1, s5.1).
    [[nodiscard]] constexpr std::uint8_t tos_64(std::uint8_t traffic_class) const noexcept {
        return copy_traffic_class ? traffic_class : override_tos;
    }
    [[nodiscard]] constexpr std::uint8_t class_46(std::uint8_t tos) const noexcept {
        return reset_traffic_class ? std::uint8_t{0} : tos;
    }
};

}  // namespace isthmus::xlat
