// SPDX-License-Identifier: Apache-2.0
#include "common/net/pref64_option.h"

#include <catch2/catch.hpp>

using namespace isthmus;

TEST_CASE("T-8781-001: type 38, length 2, lifetime in units of 8 s, code, 96 bits of the prefix") {
    const auto option = pref64_option(Pref64::parse("2001:db8:64::/96").value(), 1800);
    // 1800 / 8 = 225 = 0xe1; shifted by the code's three bits 0x0708.
    const std::array<std::uint8_t, 16> want{38,   2,    0x07, 0x08, 0x20, 0x01, 0x0d, 0xb8,
                                            0x00, 0x64, 0,    0,    0,    0,    0,    0};
    CHECK(option == want);
    // Bits behind the prefix's length are zero in it already, whatever the length.
    const auto short_one = pref64_option(Pref64::parse("2001:db8::/32").value(), 8);
    CHECK(short_one[3] == ((1 << 3) | 5));
    CHECK(short_one[8] == 0);
}

TEST_CASE("T-8781-002: codes 0 to 5 are 96, 64, 56, 48, 40 and 32; other lengths have none") {
    const std::array<unsigned, 6> lengths{96, 64, 56, 48, 40, 32};
    for (unsigned i = 0; i < lengths.size(); i++) CHECK(prefix_length_code(lengths[i]) == i);
    for (unsigned n = 0; n <= 128; n++) {
        const bool known = std::find(lengths.begin(), lengths.end(), n) != lengths.end();
        CHECK(prefix_length_code(n).has_value() == known);
    }
    // Nor can such a prefix be configured.
    CHECK(!Pref64::parse("2001:db8:64::/60"));
}

TEST_CASE("T-8781-003: lifetimes are rounded up to 8 s; 0 withdraws; 65528 s is the most") {
    CHECK(scaled_lifetime(0) == 0);
    CHECK(scaled_lifetime(1) == 1);
    CHECK(scaled_lifetime(7) == 1);
    CHECK(scaled_lifetime(8) == 1);
    CHECK(scaled_lifetime(9) == 2);
    CHECK(scaled_lifetime(65528) == 8191);
    CHECK(scaled_lifetime(65535) == 8191);
}

TEST_CASE("T-8781-004: without a lifetime it is three times MaxRtrAdvInterval, at most 65528 s") {
    CHECK(default_pref64_lifetime(600) == 1800);
    CHECK(scaled_lifetime(default_pref64_lifetime(600)) == 225);
    CHECK(default_pref64_lifetime(65535) == 65528);
}
