// SPDX-License-Identifier: Apache-2.0
// Punt interfaces: one TAP for each port, persistent, so that the addresses and routes that an
// operator or a routing daemon put on it outlive a crash of the dataplane. A clean stop removes
// them.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/expected.h"
#include "common/net/addr.h"

namespace isthmus::agent {

struct Tap {
    int fd = -1;
    std::uint16_t port = 0, vlan = 0;  // vlan 0: the port itself
    std::string name;
    unsigned ifindex = 0;
    bool was_there = false;  // left by a dataplane that died
};

/// Opens or takes over the TAP `name` in the current namespace and gives it the port's address and
/// MTU; up.
[[nodiscard]] Expected<Tap> open_tap(const std::string& name, MacAddr mac, std::uint16_t mtu);
/// Sets the carrier, as the port's link is.
void set_carrier(const Tap& tap, bool up);
/// Removes the interface and closes it.
void remove_tap(Tap& tap);
/// One sysctl of the current namespace; false when it cannot be written.
bool write_sysctl(const std::string& path, const std::string& value);
/// Makes a kernel device that a port sits on keep quiet: no ARP, no IPv6, no answers (traps of
/// virtual ports).
[[nodiscard]] Status quieten_device(const std::string& name);

}  // namespace isthmus::agent
