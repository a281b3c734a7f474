// SPDX-License-Identifier: Apache-2.0
#include "control/cli/packet_text.h"

#include <cstdio>
#include <ctime>

#include "common/net/headers.h"

namespace isthmus::cli {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kVlan = 0x8100, kArp = 0x0806;

std::string number(unsigned n) { return std::to_string(n); }

std::string transport_text(std::uint8_t protocol, Bytes b) {
    const auto ports = [&](const char* name) {
        if (b.size() < 4) return std::string(name) + " (cut short)";
        return std::string(name) + " " + number(load_be16(b.data()).host()) + " -> " +
               number(load_be16(b.data() + 2).host());
    };
    switch (protocol) {
        case ip_proto::kTcp: {
            std::string text = ports("tcp");
            if (b.size() <= tcp_at::kFlags) return text;
            constexpr const char* kName[] = {"FIN", "SYN", "RST", "PSH", "ACK"};
            for (unsigned i = 0; i < 5; i++) {
                if ((b[tcp_at::kFlags] >> i & 1) != 0) text += std::string(" ") + kName[i];
            }
            return text;
        }
        case ip_proto::kUdp:
            return ports("udp");
        case ip_proto::kIcmp:
        case ip_proto::kIcmp6: {
            const std::string name = protocol == ip_proto::kIcmp ? "icmp" : "icmpv6";
            if (b.size() < 2) return name + " (cut short)";
            return name + " type " + number(b[0]) + " code " + number(b[1]);
        }
        default:
            return "protocol " + number(protocol);
    }
}

std::string ip6_text(Bytes b) {
    if (b.size() < kIpv6Bytes) return "IPv6, cut short";
    const std::string text = load_ipv6(b.data() + ipv6_at::kSource).text() + " -> " +
                             load_ipv6(b.data() + ipv6_at::kDestination).text() + " ";
    std::uint8_t next = b[ipv6_at::kNextHeader];
    Bytes rest = b.subspan(kIpv6Bytes);
    if (next != ip_proto::kFragment) return text + transport_text(next, rest);
    if (rest.size() < kFragmentBytes) return text + "fragment, cut short";
    const unsigned offset = load_be16(rest.data() + 2).host() & 0xfff8U;
    next = rest[0];
    if (offset != 0) return text + "fragment at " + number(offset);
    return text + "first fragment, " + transport_text(next, rest.subspan(kFragmentBytes));
}

std::string ip4_text(Bytes b) {
    if (b.size() < kIpv4Bytes) return "IPv4, cut short";
    const std::string text = load_ipv4(b.data() + ipv4_at::kSource).text() + " -> " +
                             load_ipv4(b.data() + ipv4_at::kDestination).text() + " ";
    const unsigned header = (b[0] & 0xfU) * 4U;
    const unsigned fragment = load_be16(b.data() + ipv4_at::kFragment).host();
    const unsigned offset = (fragment & ipv4_at::kOffsetMask) * 8U;
    if (offset != 0) return text + "fragment at " + number(offset);
    if (header < kIpv4Bytes || b.size() < header) return text + "header damaged";
    const std::string first = (fragment & ipv4_at::kMf) != 0 ? "first fragment, " : "";
    return text + first + transport_text(b[ipv4_at::kProtocol], b.subspan(header));
}

}  // namespace

std::string packet_text(Bytes b, bool at_link) {
    std::uint16_t type = 0;
    if (at_link) {
        constexpr std::size_t kEthernet = 14, kTag = 4;
        if (b.size() < kEthernet)
            return "frame of " + number(static_cast<unsigned>(b.size())) + " bytes";
        type = load_be16(b.data() + 12).host();
        b = b.subspan(kEthernet);
        if (type == kVlan && b.size() >= kTag) {
            type = load_be16(b.data() + 2).host();
            b = b.subspan(kTag);
        }
    } else if (!b.empty()) {
        type = (b[0] >> 4) == 6 ? kIpv6 : kIpv4;
    }
    if (type == kIpv6) return ip6_text(b);
    if (type == kIpv4) return ip4_text(b);
    if (type == kArp) return "ARP";
    char text[24];
    std::snprintf(text, sizeof text, "ethertype 0x%04x", type);
    return text;
}

std::string precise_time_text(std::int64_t unix_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::time_t seconds = unix_ns / kSecond;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char day[32], all[64];
    std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(all, sizeof all, "%s.%09ldZ", day, static_cast<long>(unix_ns % kSecond));
    return all;
}

}  // namespace isthmus::cli
