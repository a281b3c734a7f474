// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_cookies.h"

#include <algorithm>

namespace isthmus::dns64 {

namespace {

constexpr std::size_t kServerLeast = 8;  // octets, RFC 7873 s4

/// The first COOKIE option; `present`: there is one, of whatever length.
Bytes cookie_in(const Message& m, bool& present) {
    Bytes found;
    present = false;
    m.each_option([&](std::uint16_t code, Bytes value) {
        if (code != option::cookie) return true;
        present = true;
        found = value;
        return false;
    });
    return found;
}

}  // namespace

SentCookie UpstreamCookie::for_query(std::uint64_t own_address, std::uint64_t now_ms,
                                     Random& random) {
    if (now_ms < without_until_ms_) return {};
    if (cookie_.size == 0 || own_address != own_address_) {
        const std::uint64_t drawn = random.u64();
        for (unsigned i = 0; i < kClientCookie; i++)
            cookie_.octets[i] = static_cast<std::uint8_t>(drawn >> (8 * i));
        cookie_.size = kClientCookie;
        own_address_ = own_address;
        answers_ = false;
        missing_ = 0;
    }
    return cookie_;
}

void UpstreamCookie::forget(std::uint64_t now_ms) {
    cookie_.size = 0;
    answers_ = false;
    missing_ = 0;
    without_until_ms_ = now_ms + kWithoutMs;
}

UpstreamCookie::Verdict UpstreamCookie::check(const SentCookie& sent, const Message& m,
                                              std::uint64_t now_ms) {
    if (sent.size == 0) return Verdict::good;
    const bool current =
        cookie_.size != 0 && std::equal(sent.octets.begin(), sent.octets.begin() + kClientCookie,
                                        cookie_.octets.begin());
    bool present = false;
    const Bytes got = cookie_in(m, present);
    if (!present) {
        if (!current) return Verdict::good;
        if (!answers_) {
            forget(now_ms);
            return Verdict::good;
        }
        // He may have lost his cookies in a restart: not for ever.
        if (++missing_ >= kMissingMost) forget(now_ms);
        return Verdict::discard;
    }
    const bool good =
        got.size() >= kClientCookie + kServerLeast && got.size() <= kCookieMost &&
        std::equal(sent.octets.begin(), sent.octets.begin() + kClientCookie, got.begin());
    if (!good) return Verdict::discard;
    if (current) {
        std::copy(got.begin(), got.end(), cookie_.octets.begin());
        cookie_.size = static_cast<std::uint8_t>(got.size());
        answers_ = true;
        missing_ = 0;
    }
    return m.rcode() == Rcode::badcookie ? Verdict::again : Verdict::good;
}

}  // namespace isthmus::dns64
