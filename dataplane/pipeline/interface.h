// SPDX-License-Identifier: Apache-2.0
// What the workers must know of the ports and their VLAN sub-interfaces: link address, MTU, and the
// addresses that ICMP errors are sent from. The agent learns these from the kernel (netlink on the
// punt interfaces) and puts them into each snapshot; they change rarely.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/limits.h"
#include "common/base/prefetch.h"
#include "common/net/addr.h"
#include "common/net/headers.h"

namespace isthmus::pipeline {

inline constexpr unsigned kPortsMax = limits::kPorts;
inline constexpr unsigned kInterfacesMax = limits::kInterfaces;
inline constexpr unsigned kExtraMacsMax = 8;

struct Port {
    bool present = false;
    MacAddr mac;
    std::uint8_t n_extra_macs = 0;  // VRRP and the like, besides `mac`
    std::array<MacAddr, kExtraMacsMax> extra_mac;

    /// True when the link address at `octets` is one of ours.
    [[nodiscard]] bool is_mine(const std::uint8_t* octets) const noexcept {
        return is_likely(is(mac, octets)) || (n_extra_macs != 0 && is_extra(octets));
    }

private:
    static bool is(const MacAddr& m, const std::uint8_t* octets) noexcept {
        const std::uint8_t* const ours = m.octet.data();
        return ((raw32(ours) ^ raw32(octets)) | (raw16(ours + 4) ^ raw16(octets + 4))) == 0;
    }
    [[gnu::noinline]] bool is_extra(const std::uint8_t* octets) const noexcept {
        for (unsigned i = 0; i < n_extra_macs; i++) {
            if (is(extra_mac[i], octets)) return true;
        }
        return false;
    }
};

/// A port, or a VLAN on it.
struct Interface {
    std::uint16_t port = 0;
    std::uint16_t vlan = 0;  // 0: untagged
    std::uint16_t mtu = 1500;
    bool has_v4 = false, has_v6 = false;  // has a global address to send ICMP errors from
    Ipv4Addr source4;
    Ipv6Addr source6;
};

struct Interfaces {
    std::array<Port, kPortsMax> port;
    unsigned n = 0;
    std::array<Interface, kInterfacesMax> item;

    [[nodiscard]] const Interface* find(std::uint16_t port_id, std::uint16_t vlan) const noexcept {
        for (unsigned i = 0; i < n; i++) {
            if (item[i].port == port_id && item[i].vlan == vlan) return &item[i];
        }
        return nullptr;
    }
};

}  // namespace isthmus::pipeline
