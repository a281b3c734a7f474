// SPDX-License-Identifier: Apache-2.0
#include "dns64/cookie.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/net/addr.h"

using namespace isthmus;
using namespace isthmus::dns64;

namespace {

std::vector<std::uint8_t> octets(const std::string& hex) {
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
    return out;
}

CookieSecret secret(const std::string& hex) {
    CookieSecret out{};
    const auto o = octets(hex);
    std::copy(o.begin(), o.end(), out.begin());
    return out;
}

std::string hex(std::span<const std::uint8_t> bytes) {
    std::string out;
    for (const std::uint8_t b : bytes) {
        out += "0123456789abcdef"[b >> 4];
        out += "0123456789abcdef"[b & 15];
    }
    return out;
}

std::vector<std::uint8_t> address4(const char* text) {
    const auto o = Ipv4Addr::parse(text)->octets();
    return {o.begin(), o.end()};
}

const CookieSecret kSecret = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");

}  // namespace

TEST_CASE("T-6147-sec-033: the four examples of RFC 9018 appendix A") {
    const auto client = address4("198.51.100.100");
    // A.1: a first cookie
    const auto learned = answer_cookie(octets("2464c4abcf10c957"), client, 1559731985, kSecret);
    CHECK(hex(learned) == "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    // A.2: the same client 40 minutes later: good, and renewed
    CHECK(check_cookie(learned, client, 1559734385, kSecret, nullptr) == CookieVerdict::good);
    CHECK(hex(answer_cookie(learned, client, 1559734385, kSecret)) ==
          "2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    // A.3: reserved octets are not enforced, and zero in ours
    const auto other = address4("203.0.113.203");
    const auto odd = octets("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    CHECK(check_cookie(odd, other, 1559728000, kSecret, nullptr) == CookieVerdict::good);
    CHECK(hex(answer_cookie(octets("fc93fc62807ddb86"), other, 1559734700, kSecret)) ==
          "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
    // A.4: IPv6, and a secret that was replaced
    const auto v6 = Ipv6Addr::parse("2001:db8:220:1:59de:d0f4:8769:82b8")->octet;
    const CookieSecret old = secret("dd3bdf9344b678b185a6f5cb60fca715");
    const CookieSecret now = secret("445536bcd2513298075a5d379663c962");
    const auto before = octets("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
    CHECK(check_cookie(before, v6, 1559741961, now, nullptr) == CookieVerdict::client_only);
    CHECK(check_cookie(before, v6, 1559741961, now, &old) == CookieVerdict::good);
    CHECK(hex(answer_cookie(before, v6, 1559741961, now)) ==
          "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
}

TEST_CASE("T-6147-sec-033: one hour back, five minutes ahead, also across the wrap of the clock") {
    const auto client = address4("198.51.100.100");
    for (const std::uint32_t made : {1559731985U, 0xfffffff0U, 5U}) {
        const auto c = answer_cookie(octets("2464c4abcf10c957"), client, made, kSecret);
        const auto verdict = [&](std::uint32_t now) {
            return check_cookie(c, client, now, kSecret, nullptr);
        };
        CHECK(verdict(made + 3600) == CookieVerdict::good);
        CHECK(verdict(made + 3601) == CookieVerdict::client_only);
        CHECK(verdict(made - 300) == CookieVerdict::good);
        CHECK(verdict(made - 301) == CookieVerdict::client_only);
        CHECK(answer_cookie(c, client, made + 1800, kSecret) == c);
        CHECK(answer_cookie(c, client, made + 1801, kSecret) != c);
    }
}

TEST_CASE("T-6147-sec-033: another length, version, address, client cookie or hash is not ours") {
    const auto client = address4("198.51.100.100");
    const auto made = answer_cookie(octets("2464c4abcf10c957"), client, 1000, kSecret);
    const std::vector<std::uint8_t> good(made.begin(), made.end());
    const auto verdict = [&](const std::vector<std::uint8_t>& c) {
        return check_cookie(c, client, 1000, kSecret, nullptr);
    };
    CHECK(verdict(good) == CookieVerdict::good);
    for (std::size_t i = 0; i < good.size(); i++) {
        auto bad = good;
        bad[i] ^= 1;
        INFO(i);
        CHECK(verdict(bad) == CookieVerdict::client_only);
    }
    auto longer = good;
    longer.push_back(0);
    CHECK(verdict(longer) == CookieVerdict::client_only);
    CHECK(verdict({good.begin(), good.begin() + 8}) == CookieVerdict::client_only);
    CHECK(check_cookie(good, address4("198.51.100.101"), 1000, kSecret, nullptr) ==
          CookieVerdict::client_only);
}
