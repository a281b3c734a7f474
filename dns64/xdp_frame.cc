// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_frame.h"

#include <algorithm>

#include "common/net/checksum.h"

namespace isthmus::dns64 {

namespace {

constexpr unsigned kPeerMacAt = 6, kTypeAt = 12;  // of Ethernet
constexpr Be16 kTypeIpv4{0x0800}, kTypeIpv6{0x86dd};
constexpr std::uint8_t kHops = 64;
constexpr std::uint16_t kGoodSum = 0xffff;  // of what holds its own checksum

/// Addresses that nobody asks from: the kernel calls them martians.
bool is_martian(Ipv4Addr a) noexcept {
    const std::uint32_t h = a.host(), net = h >> 24;
    return net == 0 || net == 127 || (net >= 224 && net < 240) || h == 0xffffffffU;
}
bool is_martian(const Ipv6Addr& a) noexcept {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const auto& o = a.octet;
    const bool high_is_zero = std::all_of(o.begin(), o.end() - 1, [](auto b) { return b == 0; });
    return o[0] == 0xff || (high_is_zero && o[15] <= 1) ||
           std::equal(std::begin(kMapped), std::end(kMapped), o.begin());
}

Sum pseudo_header(Sum addresses, std::size_t udp_bytes) noexcept {
    return addresses.add(Be16{static_cast<std::uint16_t>(udp_bytes)}).add(Be16{ip_proto::kUdp});
}

/// The UDP header and what it carries; `most`: octets from there to the packet's end.
bool read_udp(const std::uint8_t* udp, std::size_t most, Sum addresses, bool may_be_zero,
              Bytes& message) noexcept {
    const std::size_t n = load_be16(udp + udp_at::kLength).host();
    if (n < kUdpBytes || n > most || raw16(udp + udp_at::kSource) == 0) return false;
    message = {udp + kUdpBytes, n - kUdpBytes};
    const std::uint16_t sum = raw16(udp + udp_at::kChecksum);
    if (sum == 0) return may_be_zero;
    Sum whole = pseudo_header(addresses, n);
    if (sum == whole.fold()) return true;  // unfinished
    return whole.add({udp, n}).fold() == kGoodSum;
}

bool read_v4(Bytes frame, FrameQuery& out) noexcept {
    if (frame.size() < frame_head(false)) return false;
    const std::uint8_t* ip = frame.data() + kEthernetBytes;
    const std::uint8_t* udp = ip + kIpv4Bytes;
    const std::size_t total = load_be16(ip + ipv4_at::kTotalLength).host();
    constexpr unsigned kPart = ipv4_at::kMf | ipv4_at::kOffsetMask;
    const bool plain = ip[0] == 0x45 && ip[ipv4_at::kProtocol] == ip_proto::kUdp &&
                       (load_be16(ip + ipv4_at::kFragment).host() & kPart) == 0;
    if (!plain || total < kIpv4Bytes + kUdpBytes || total > frame.size() - kEthernetBytes ||
        Sum{}.add({ip, kIpv4Bytes}).fold() != kGoodSum)
        return false;
    const Ipv4Addr source = load_ipv4(ip + ipv4_at::kSource);
    const Ipv4Addr own = load_ipv4(ip + ipv4_at::kDestination);
    if (is_martian(source) || source == own) return false;
    if (!read_udp(udp, total - kIpv4Bytes, Sum{}.add(source).add(own), true, out.message))
        return false;
    out.peer = SocketAddress::of(source, load_be16(udp + udp_at::kSource).host());
    std::memcpy(out.back.own.data(), ip + ipv4_at::kDestination, 4);
    return true;
}

bool read_v6(Bytes frame, FrameQuery& out) noexcept {
    if (frame.size() < frame_head(true)) return false;
    const std::uint8_t* ip = frame.data() + kEthernetBytes;
    const std::uint8_t* udp = ip + kIpv6Bytes;
    const std::size_t payload = load_be16(ip + ipv6_at::kPayloadLength).host();
    const bool plain = ip[0] >> 4 == 6 && ip[ipv6_at::kNextHeader] == ip_proto::kUdp;
    if (!plain || payload < kUdpBytes || payload > frame.size() - kEthernetBytes - kIpv6Bytes)
        return false;
    const Ipv6Addr source = load_ipv6(ip + ipv6_at::kSource);
    const Ipv6Addr own = load_ipv6(ip + ipv6_at::kDestination);
    if (is_martian(source) || source == own) return false;
    if (!read_udp(udp, payload, Sum{}.add(source).add(own), false, out.message)) return false;
    out.peer = SocketAddress::of(source, load_be16(udp + udp_at::kSource).host());
    out.back.own = own.octet;
    return true;
}

/// IPv4 with DF: what nobody cuts into fragments needs no identification (RFC 6864 s4.1).
void write_v4(std::uint8_t* ip, const SocketAddress& to, const FrameReturn& back,
              std::size_t udp_bytes) noexcept {
    const auto total = static_cast<std::uint16_t>(kIpv4Bytes + udp_bytes);
    std::memset(ip, 0, kIpv4Bytes);
    ip[0] = 0x45;
    store(ip + ipv4_at::kTotalLength, Be16{total});
    store(ip + ipv4_at::kFragment, Be16{ipv4_at::kDf});
    ip[ipv4_at::kTtl] = kHops;
    ip[ipv4_at::kProtocol] = ip_proto::kUdp;
    std::memcpy(ip + ipv4_at::kSource, back.own.data(), 4);
    store(ip + ipv4_at::kDestination, to.v4());
    store_raw16(ip + ipv4_at::kChecksum, Sum{}.add({ip, kIpv4Bytes}).checksum());
}

void write_v6(std::uint8_t* ip, const SocketAddress& to, const FrameReturn& back,
              std::size_t udp_bytes) noexcept {
    std::memset(ip, 0, ipv6_at::kPayloadLength);
    ip[0] = 0x60;
    store(ip + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(udp_bytes)});
    ip[ipv6_at::kNextHeader] = ip_proto::kUdp;
    ip[ipv6_at::kHopLimit] = kHops;
    std::memcpy(ip + ipv6_at::kSource, back.own.data(), 16);
    store(ip + ipv6_at::kDestination, to.v6());
}

}  // namespace

bool read_frame(Bytes frame, FrameQuery& out) noexcept {
    if (frame.size() < kEthernetBytes) return false;
    const std::uint8_t* f = frame.data();
    std::memcpy(out.back.own_mac.data(), f, 6);
    std::memcpy(out.back.peer_mac.data(), f + kPeerMacAt, 6);
    const Be16 type = load_be16(f + kTypeAt);
    const bool good =
        type == kTypeIpv6 ? read_v6(frame, out) : type == kTypeIpv4 && read_v4(frame, out);
    if (!good) return false;
    out.back.own_port = load_be16(out.message.data() - kUdpBytes + udp_at::kDestination);
    return true;
}

void write_frame_head(std::span<std::uint8_t> frame, const SocketAddress& to,
                      const FrameReturn& back, std::size_t size) noexcept {
    std::uint8_t* f = frame.data();
    std::uint8_t* ip = f + kEthernetBytes;
    const std::size_t udp_bytes = kUdpBytes + size;
    std::memcpy(f, back.peer_mac.data(), 6);
    std::memcpy(f + kPeerMacAt, back.own_mac.data(), 6);
    store(f + kTypeAt, to.is_v6() ? kTypeIpv6 : kTypeIpv4);
    to.is_v6() ? write_v6(ip, to, back, udp_bytes) : write_v4(ip, to, back, udp_bytes);
    std::uint8_t* udp = f + frame_head(to.is_v6()) - kUdpBytes;
    store(udp + udp_at::kSource, back.own_port);
    store(udp + udp_at::kDestination, Be16{to.port()});
    store(udp + udp_at::kLength, Be16{static_cast<std::uint16_t>(udp_bytes)});
    store_raw16(udp + udp_at::kChecksum, 0);
    // Source and destination stand side by side in either header.
    const Bytes addresses =
        to.is_v6() ? Bytes{ip + ipv6_at::kSource, 32} : Bytes{ip + ipv4_at::kSource, 8};
    const std::uint16_t sum =
        pseudo_header(Sum{}.add(addresses), udp_bytes).add({udp, udp_bytes}).checksum();
    store_raw16(udp + udp_at::kChecksum, sum == 0 ? kGoodSum : sum);  // 0 would say: none
}

}  // namespace isthmus::dns64
