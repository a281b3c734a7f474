// SPDX-License-Identifier: Apache-2.0
// Server cookies (RFC 7873) in the interoperable form of RFC 9018: version, time, and a SipHash-2-4
// of them, the client's cookie and his address, keyed with a secret.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace isthmus::dns64 {

using CookieSecret = std::array<std::uint8_t, 16>;
inline constexpr unsigned kClientCookie = 8, kWholeCookie = 24;

[[nodiscard]] std::uint64_t siphash24(std::span<const std::uint8_t> bytes,
                                      const CookieSecret& key) noexcept;

enum class CookieVerdict : std::uint8_t {
    client_only,  // no server cookie, or one that is not ours
    good,
};

/// `cookie`: client and server part as they came; `address`: 4 or 16 octets; `now_s`: of the wall
/// clock. `previous` is accepted too, while a secret is being replaced (RFC 9018 s5).
[[nodiscard]] CookieVerdict check_cookie(std::span<const std::uint8_t> cookie,
                                         std::span<const std::uint8_t> address, std::uint32_t now_s,
                                         const CookieSecret& secret,
                                         const CookieSecret* previous) noexcept;

/// The 24 octets to send back: the same again while it is younger than 30 minutes and was made with
/// `secret`, else a new one (RFC 9018 s4.3).
[[nodiscard]] std::array<std::uint8_t, kWholeCookie> answer_cookie(
    std::span<const std::uint8_t> cookie, std::span<const std::uint8_t> address,
    std::uint32_t now_s, const CookieSecret& secret) noexcept;

}  // namespace isthmus::dns64
