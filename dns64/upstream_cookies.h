// SPDX-License-Identifier: Apache-2.0
// Cookies towards one upstream server (RFC 7873 s5.3, RFC 9018 s3): we show him a cookie of ours,
// and his own once he has given us one; an answer without ours is somebody else's.
//
// The client cookie is random, another one for each server and for each address of ours, and is
// dropped when the server turns out to know nothing of cookies; he is asked without for a while.
#pragma once

#include <array>
#include <cstdint>

#include "dns64/cookie.h"
#include "dns64/random.h"
#include "dns64/wire.h"

namespace isthmus::dns64 {

inline constexpr std::size_t kCookieMost = 40;  // octets, of client and server

/// The COOKIE option of one query.
struct SentCookie {
    std::array<std::uint8_t, kCookieMost> octets{};
    std::uint8_t size = 0;  // 0: none was sent
    [[nodiscard]] Bytes bytes() const noexcept { return {octets.data(), size}; }
};

class UpstreamCookie {
public:
    /// `own_address`: anything that differs when the address differs from which we ask.
    [[nodiscard]] SentCookie for_query(std::uint64_t own_address, std::uint64_t now_ms,
                                       Random& random);

    enum class Verdict : std::uint8_t {
        good,     // his, as far as cookies tell
        again,    // BADCOOKIE: ask with the cookie that he gave
        discard,  // a wrong cookie, or none where one was to be expected
    };
    [[nodiscard]] Verdict check(const SentCookie& sent, const Message& m, std::uint64_t now_ms);

private:
    void forget(std::uint64_t now_ms);
    static constexpr std::uint64_t kWithoutMs = 300'000;  // RFC 9018 s3: five minutes
    static constexpr unsigned kMissingMost = 3;

    SentCookie cookie_;
    std::uint64_t own_address_ = 0, without_until_ms_ = 0;
    bool answers_ = false;  // he has shown one before
    unsigned missing_ = 0;  // answers in a row without one, though he had
};

}  // namespace isthmus::dns64
