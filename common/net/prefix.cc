// SPDX-License-Identifier: Apache-2.0
#include "common/net/prefix.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace isthmus {

namespace {

struct Halves {
    std::string_view addr;
    std::optional<std::string_view> len;
};

Halves split(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return {text, std::nullopt};
    return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string quoted(std::string_view text) {
    std::string out(1, '"');
    out += text;
    return out += '"';
}

/// A decimal length from 0 to `most`, without sign or leading zero.
Expected<std::uint8_t> parse_length(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || value > most) {
        return Error{"", "prefix length " + quoted(text) + " is not a number from 0 to " +
                             std::to_string(most)};
    }
    if (text.size() > 1 && text[0] == '0') {
        return Error{"", "prefix length " + quoted(text) + " has a leading zero; write /" +
                             std::to_string(value)};
    }
    return static_cast<std::uint8_t>(value);
}

Expected<std::uint8_t> length_of(const Halves& h, std::string_view text, unsigned most,
                                 bool bare_allowed) {
    if (h.len) return parse_length(*h.len, most);
    if (bare_allowed) return static_cast<std::uint8_t>(most);
    return Error{"", quoted(text) + " has no prefix length; write for example " +
                         std::string(text) + "/" + std::to_string(most)};
}

}  // namespace

Expected<Prefix4> Prefix4::parse(std::string_view text, Bare bare) {
    const Halves h = split(text);
    const auto addr = Ipv4Addr::parse(h.addr);
    if (!addr)
        return Error{
            "", quoted(h.addr) + " is not an IPv4 address (four decimal octets, no leading zeros)"};
    const auto len = length_of(h, text, 32, bare == Bare::allow);
    if (!len) return len.error();
    const Prefix4 out{*addr, *len};
    if ((addr->host() & ~out.mask()) != 0) {
        const Prefix4 fixed{Ipv4Addr::from_host(addr->host() & out.mask()), *len};
        return Error{
            "", quoted(text) + " has bits set past its length; did you mean " + fixed.text() + "?"};
    }
    return out;
}

std::string Prefix4::text() const { return addr.text() + "/" + std::to_string(len_bits); }

Expected<Prefix6> Prefix6::parse(std::string_view text, Bare bare) {
    const Halves h = split(text);
    const auto addr = Ipv6Addr::parse(h.addr);
    if (!addr) return Error{"", quoted(h.addr) + " is not an IPv6 address"};
    const auto len = length_of(h, text, 128, bare == Bare::allow);
    if (!len) return len.error();
    const Prefix6 out{masked(*addr, *len), *len};
    if (out.addr != *addr) {
        return Error{
            "", quoted(text) + " has bits set past its length; did you mean " + out.text() + "?"};
    }
    return out;
}

std::string Prefix6::text() const { return addr.text() + "/" + std::to_string(len_bits); }

Expected<Pref64> Pref64::parse(std::string_view text, Octet8 rule) {
    const auto prefix = Prefix6::parse(text);
    if (!prefix) return prefix.error();
    constexpr std::array<std::uint8_t, 6> kLegal{32, 40, 48, 56, 64, 96};
    if (std::find(kLegal.begin(), kLegal.end(), prefix->len_bits) == kLegal.end()) {
        return Error{
            "", "a NAT64 prefix has length 32, 40, 48, 56, 64 or 96 (RFC 6052 section 2.2), not " +
                    std::to_string(prefix->len_bits)};
    }
    if (prefix->addr == kWellKnownPrefix.addr && prefix->len_bits != kWellKnownPrefix.len_bits) {
        return Error{
            "", "64:ff9b:: is the well-known prefix only as 64:ff9b::/96 (RFC 6052 section 2.1)"};
    }
    if (prefix->len_bits == 96 && prefix->addr.octet[8] != 0 && rule == Octet8::must_be_zero) {
        return Error{"",
                     "bits 64 to 71 of a /96 NAT64 prefix must be zero (RFC 6052 section 2.2); " +
                         quoted(text) + " has them set"};
    }
    if (prefix->addr.octet[0] == 0xff) {
        return Error{
            "", quoted(text) + " is multicast; a NAT64 prefix is unicast (RFC 6146 section 3)"};
    }
    const auto w = prefix->addr.words();
    const bool link_local = prefix->addr.octet[0] == 0xfe && (prefix->addr.octet[1] & 0xc0) == 0x80;
    const bool mapped = prefix->addr == Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0xffff, 0, 0});
    if (link_local || mapped || (w[0] == 0 && w[1] == 0)) {
        return Error{"", quoted(text) +
                             " is not a prefix that can be routed: use one of your own, or "
                             "64:ff9b::/96 (RFC 6052 section 3)"};
    }
    return Pref64{prefix->addr, prefix->len_bits};
}

}  // namespace isthmus
