// SPDX-License-Identifier: Apache-2.0
// DNS over UDP as Ethernet frames, for AF_XDP (docs/decisions/0032): what the kernel's IP and UDP
// would check before a socket has the datagram, and what they would write before an answer leaves.
//
// Pure functions of bytes. No VLAN tag, IP option, extension header or fragment: such frames never
// come here, the filter leaves them to the kernel (xdp_program.h); if one came, it is refused.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/net/headers.h"
#include "dns64/socket.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

inline constexpr unsigned kEthernetBytes = 14;
using Mac = std::array<std::uint8_t, 6>;

/// What the answer to a frame needs of it: it goes back to the MAC address that it came from, from
/// the addresses that were asked.
struct FrameReturn {
    Mac peer_mac{}, own_mac{};
    Be16 own_port{};
    std::array<std::uint8_t, 16> own{};  // an IPv4 address is the first four
};

struct FrameQuery {
    SocketAddress peer;
    FrameReturn back;
    Bytes message;
};

/// False: the kernel would have given it to no socket. A checksum that is the pseudo-header's alone
/// is good: a virtual device has left the rest of the sum to hardware that is not there.
[[nodiscard]] bool read_frame(Bytes frame, FrameQuery& out) noexcept;

/// Octets before the message in a frame.
[[nodiscard]] constexpr std::size_t frame_head(bool is_v6) noexcept {
    return kEthernetBytes + (is_v6 ? kIpv6Bytes : kIpv4Bytes) + kUdpBytes;
}

/// Writes the headers of a frame whose message, of `size` octets, lies behind them already.
void write_frame_head(std::span<std::uint8_t> frame, const SocketAddress& to,
                      const FrameReturn& back, std::size_t size) noexcept;

}  // namespace isthmus::dns64
