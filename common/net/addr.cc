// SPDX-License-Identifier: Apache-2.0
#include "common/net/addr.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>

namespace isthmus {

namespace {

/// A decimal octet without sign or leading zero.
std::optional<unsigned> parse_octet(std::string_view text) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > 255)
        return std::nullopt;
    return value;
}

}  // namespace

std::optional<Ipv4Addr> Ipv4Addr::parse(std::string_view text) {
    std::uint32_t host = 0;
    for (int i = 0; i < 4; i++) {
        const std::size_t dot = text.find('.');
        if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
        const auto octet = parse_octet(text.substr(0, dot));
        if (!octet) return std::nullopt;
        host = (host << 8) | *octet;
        if (i < 3) text.remove_prefix(dot + 1);
    }
    return from_host(host);
}

std::string Ipv4Addr::text() const {
    const auto o = octets();
    std::array<char, 16> buffer{};
    const int n =
        std::snprintf(buffer.data(), buffer.size(), "%u.%u.%u.%u", o[0], o[1], o[2], o[3]);
    return {buffer.data(), static_cast<std::size_t>(n)};
}

std::optional<Ipv6Addr> Ipv6Addr::parse(std::string_view text) {
    // inet_pton wants a terminated string and accepts exactly RFC 4291 (no zone, no brackets).
    if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    text.copy(buffer.data(), text.size());
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    Ipv6Addr out;
    if (inet_pton(AF_INET6, buffer.data(), out.octet.data()) != 1) return std::nullopt;
    return out;
}

std::string Ipv6Addr::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(AF_INET6, octet.data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::optional<MacAddr> MacAddr::parse(std::string_view text) {
    if (text.size() != 17) return std::nullopt;
    MacAddr out;
    for (unsigned i = 0; i < 6; i++) {
        if (i > 0 && text[3 * i - 1] != ':') return std::nullopt;
        const char* first = text.data() + std::size_t{3} * i;
        const auto [end, error] = std::from_chars(first, first + 2, out.octet[i], 16);
        if (error != std::errc{} || end != first + 2) return std::nullopt;
    }
    return out;
}

std::string MacAddr::text() const {
    std::array<char, 18> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%02x:%02x:%02x:%02x:%02x:%02x", octet[0], octet[1],
                  octet[2], octet[3], octet[4], octet[5]);
    return buffer.data();
}

}  // namespace isthmus
