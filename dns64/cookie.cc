// SPDX-License-Identifier: Apache-2.0
#include "dns64/cookie.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace isthmus::dns64 {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::int32_t kOldMost = 3600, kAheadMost = 300, kRenewAfter = 1800;  // seconds

struct Sip {
    std::uint64_t v0, v1, v2, v3;
    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
};

std::uint64_t load64(const std::uint8_t* p) {
    std::uint64_t v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

std::uint32_t time_of(std::span<const std::uint8_t> cookie) {
    return (std::uint32_t{cookie[12]} << 24) | (std::uint32_t{cookie[13]} << 16) |
           (std::uint32_t{cookie[14]} << 8) | cookie[15];
}

std::uint64_t tag_of(std::span<const std::uint8_t> first16, std::span<const std::uint8_t> address,
                     const CookieSecret& secret) {
    std::array<std::uint8_t, 32> in{};
    std::copy_n(first16.begin(), 16, in.begin());
    std::copy(address.begin(), address.end(), in.begin() + 16);
    return siphash24({in.data(), 16 + address.size()}, secret);
}

bool is_ours(std::span<const std::uint8_t> cookie, std::span<const std::uint8_t> address,
             const CookieSecret& secret) {
    const std::uint64_t tag = tag_of(cookie.first(16), address, secret);
    return tag == load64(cookie.data() + 16);
}

}  // namespace

std::uint64_t siphash24(std::span<const std::uint8_t> bytes, const CookieSecret& key) noexcept {
    const std::uint64_t k0 = load64(key.data()), k1 = load64(key.data() + 8);
    Sip s{k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL, k0 ^ 0x6c7967656e657261ULL,
          k1 ^ 0x7465646279746573ULL};
    const std::uint8_t* p = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, p += 8) {
        const std::uint64_t m = load64(p);
        s.v3 ^= m;
        s.round();
        s.round();
        s.v0 ^= m;
    }
    std::uint64_t last = std::uint64_t{bytes.size()} << 56;
    for (std::size_t i = 0; i < left; i++) last |= std::uint64_t{p[i]} << (8 * i);
    s.v3 ^= last;
    s.round();
    s.round();
    s.v0 ^= last;
    s.v2 ^= 0xff;
    for (unsigned i = 0; i < 4; i++) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

CookieVerdict check_cookie(std::span<const std::uint8_t> cookie,
                           std::span<const std::uint8_t> address, std::uint32_t now_s,
                           const CookieSecret& secret, const CookieSecret* previous) noexcept {
    if (cookie.size() != kWholeCookie || cookie[8] != kVersion) return CookieVerdict::client_only;
    // Serial arithmetic (RFC 9018 s4.3): the difference is right across the wrap of 32 bits.
    const auto age = static_cast<std::int32_t>(now_s - time_of(cookie));
    if (age > kOldMost || age < -kAheadMost) return CookieVerdict::client_only;
    const bool good = is_ours(cookie, address, secret) ||
                      (previous != nullptr && is_ours(cookie, address, *previous));
    return good ? CookieVerdict::good : CookieVerdict::client_only;
}

std::array<std::uint8_t, kWholeCookie> answer_cookie(std::span<const std::uint8_t> cookie,
                                                     std::span<const std::uint8_t> address,
                                                     std::uint32_t now_s,
                                                     const CookieSecret& secret) noexcept {
    std::array<std::uint8_t, kWholeCookie> out{};
    if (check_cookie(cookie, address, now_s, secret, nullptr) == CookieVerdict::good &&
        static_cast<std::int32_t>(now_s - time_of(cookie)) <= kRenewAfter) {
        std::copy(cookie.begin(), cookie.end(), out.begin());
        return out;
    }
    std::copy_n(cookie.begin(), kClientCookie, out.begin());
    out[8] = kVersion;  // 9 to 11: reserved, zero
    for (unsigned i = 0; i < 4; i++) out[12 + i] = static_cast<std::uint8_t>(now_s >> (24 - 8 * i));
    const std::uint64_t tag = tag_of({out.data(), 16}, address, secret);
    std::memcpy(out.data() + 16, &tag, sizeof tag);
    return out;
}

}  // namespace isthmus::dns64
