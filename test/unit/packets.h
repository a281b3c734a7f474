// SPDX-License-Identifier: Apache-2.0
// Packets for tests, built field by field with checksums computed by a plain loop of their own: not
// by the code under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "common/net/addr.h"

namespace packets {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& b, std::size_t at, unsigned v) {
    b[at] = static_cast<std::uint8_t>(v >> 8);
    b[at + 1] = static_cast<std::uint8_t>(v & 0xff);
}
inline unsigned get16(const Bytes& b, std::size_t at) {
    const unsigned high = b[at], low = b[at + 1];
    return high << 8 | low;
}
inline std::uint32_t get32(const Bytes& b, std::size_t at) {
    return (get16(b, at) << 16) | get16(b, at + 2);
}

/// RFC 1071, sixteen bits at a time.
inline unsigned sum16(std::span<const std::uint8_t> b, std::uint32_t start = 0) {
    std::uint64_t s = start;
    for (std::size_t i = 0; i < b.size(); i += 2) {
        const unsigned high = b[i], low = i + 1 < b.size() ? b[i + 1] : 0;
        s += high << 8 | low;
    }
    while (s >> 16) s = (s & 0xffff) + (s >> 16);
    return static_cast<unsigned>(s);
}

inline Bytes pattern(std::size_t n, std::size_t from = 0) {
    Bytes b(n);
    for (std::size_t i = 0; i < n; i++) b[i] = static_cast<std::uint8_t>((i + from) * 7 + 3);
    return b;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline Bytes udp(unsigned sport, unsigned dport, const Bytes& data) {
    Bytes b(8);
    put16(b, 0, sport);
    put16(b, 2, dport);
    put16(b, 4, static_cast<unsigned>(8 + data.size()));
    return b + data;
}
inline Bytes tcp(unsigned sport, unsigned dport, unsigned flags, const Bytes& data = {},
                 const Bytes& options = {}) {
    Bytes b(20);
    put16(b, 0, sport);
    put16(b, 2, dport);
    b[7] = 1;
    b[12] = static_cast<std::uint8_t>((5 + options.size() / 4) << 4);
    b[13] = static_cast<std::uint8_t>(flags);
    put16(b, 14, 65000);
    return b + options + data;
}
inline Bytes icmp(unsigned type, unsigned code, std::uint32_t rest, const Bytes& data = {}) {
    Bytes b(8);
    b[0] = static_cast<std::uint8_t>(type);
    b[1] = static_cast<std::uint8_t>(code);
    put16(b, 4, rest >> 16);
    put16(b, 6, rest & 0xffff);
    return b + data;
}

/// Where a transport's checksum field is; 0: none.
inline std::size_t checksum_at(unsigned protocol) {
    return protocol == 6 ? 16 : protocol == 17 ? 6 : protocol == 1 || protocol == 58 ? 2 : 0;
}

inline unsigned pseudo(std::span<const std::uint8_t> addresses, std::size_t length,
                       unsigned protocol) {
    return sum16(addresses, static_cast<std::uint32_t>(length + protocol));
}

struct Ip4 {
    const char* src;
    const char* dst;
    unsigned ttl = 64, tos = 0, id = 0x1234, fragment = 0;  // the flags and offset word
    Bytes options = {};
};
struct Ip6 {
    const char* src;
    const char* dst;
    unsigned hops = 64, traffic_class = 0, flow = 0;
};

/// The packet; the transport's checksum is filled in when it is zero and `fill`.
inline Bytes make(const Ip4& h, unsigned protocol, Bytes l4, bool fill = true) {
    Bytes b(20);
    const auto src = isthmus::Ipv4Addr::parse(h.src)->octets();
    const auto dst = isthmus::Ipv4Addr::parse(h.dst)->octets();
    std::memcpy(&b[12], src.data(), 4);
    std::memcpy(&b[16], dst.data(), 4);
    if (fill && checksum_at(protocol) != 0) {
        const unsigned start = protocol == 1 ? 0 : pseudo({&b[12], 8}, l4.size(), protocol);
        unsigned sum = ~sum16(l4, start) & 0xffff;
        if (sum == 0 && protocol == 17) sum = 0xffff;
        put16(l4, checksum_at(protocol), sum);
    }
    b.insert(b.end(), h.options.begin(), h.options.end());
    const std::size_t header = b.size();
    b[0] = static_cast<std::uint8_t>(0x40 | (header / 4));
    b[1] = static_cast<std::uint8_t>(h.tos);
    put16(b, 2, static_cast<unsigned>(header + l4.size()));
    put16(b, 4, h.id);
    put16(b, 6, h.fragment);
    b[8] = static_cast<std::uint8_t>(h.ttl);
    b[9] = static_cast<std::uint8_t>(protocol);
    put16(b, 10, ~sum16({b.data(), header}) & 0xffff);
    return b + l4;
}

/// Headers between the IPv6 header and the transport, of which the first is `next`.
struct Extension {
    Bytes bytes;
    unsigned next = 0;
};

inline Bytes make(const Ip6& h, unsigned protocol, Bytes l4, bool fill = true,
                  const Extension& extension = {}) {
    Bytes b(40);
    const auto src = isthmus::Ipv6Addr::parse(h.src)->octet;
    const auto dst = isthmus::Ipv6Addr::parse(h.dst)->octet;
    std::memcpy(&b[8], src.data(), 16);
    std::memcpy(&b[24], dst.data(), 16);
    if (fill && checksum_at(protocol) != 0) {
        unsigned sum = ~sum16(l4, pseudo({&b[8], 32}, l4.size(), protocol)) & 0xffff;
        if (sum == 0 && protocol == 17) sum = 0xffff;
        put16(l4, checksum_at(protocol), sum);
    }
    b[0] = static_cast<std::uint8_t>(0x60 | (h.traffic_class >> 4));
    b[1] = static_cast<std::uint8_t>((h.traffic_class << 4) | (h.flow >> 16));
    put16(b, 2, h.flow & 0xffff);
    put16(b, 4, static_cast<unsigned>(extension.bytes.size() + l4.size()));
    b[6] = static_cast<std::uint8_t>(extension.bytes.empty() ? protocol : extension.next);
    b[7] = static_cast<std::uint8_t>(h.hops);
    return b + extension.bytes + l4;
}

inline Bytes fragment_header(unsigned next, unsigned offset, bool more, std::uint32_t id) {
    Bytes b(8);
    b[0] = static_cast<std::uint8_t>(next);
    put16(b, 2, offset | (more ? 1U : 0U));
    put16(b, 4, id >> 16);
    put16(b, 6, id & 0xffff);
    return b;
}

/// True when header and transport checksum of a whole packet are right.
inline bool checksums_ok(const Bytes& p) {
    if ((p[0] >> 4) == 4) {
        const std::size_t header = (p[0] & 15U) * 4U;
        if (sum16({p.data(), header}) != 0xffff || get16(p, 2) != p.size()) return false;
        const std::span<const std::uint8_t> l4{p.data() + header, p.size() - header};
        if ((get16(p, 6) & 0x3fff) != 0) return true;
        if (p[9] == 17 && get16(p, header + 6) == 0) return true;
        return sum16(l4, p[9] == 1 ? 0 : pseudo({&p[12], 8}, l4.size(), p[9])) == 0xffff;
    }
    std::size_t at = 40;
    unsigned protocol = p[6];
    if (get16(p, 4) + 40 != p.size()) return false;
    if (protocol == 44) {
        if (get16(p, 42) != 0) return true;
        protocol = p[40];
        at = 48;
    }
    const std::span<const std::uint8_t> l4{p.data() + at, p.size() - at};
    return sum16(l4, pseudo({&p[8], 32}, l4.size(), protocol)) == 0xffff;
}

inline std::string source_of(const Bytes& p) {
    if ((p[0] >> 4) == 4) return isthmus::Ipv4Addr::of(p[12], p[13], p[14], p[15]).text();
    isthmus::Ipv6Addr a;
    std::memcpy(a.octet.data(), &p[8], 16);
    return a.text();
}
inline std::string destination_of(const Bytes& p) {
    if ((p[0] >> 4) == 4) return isthmus::Ipv4Addr::of(p[16], p[17], p[18], p[19]).text();
    isthmus::Ipv6Addr a;
    std::memcpy(a.octet.data(), &p[24], 16);
    return a.text();
}

}  // namespace packets
