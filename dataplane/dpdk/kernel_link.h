// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a device that a port sits on (veth, tap): drivers such as net_af_packet
// call the link up whatever it is.
#pragma once

#include <string>

namespace isthmus::dpdk {

enum class KernelLink : unsigned char { up, down, gone };

/// Up is: with carrier. Asked in the namespace that this thread was in at the first call.
[[nodiscard]] KernelLink kernel_link(const std::string& iface) noexcept;

/// Queues that net_af_xdp can have of a device: its combined channels, or one where it has none.
[[nodiscard]] unsigned combined_channels(const std::string& iface) noexcept;

}  // namespace isthmus::dpdk
