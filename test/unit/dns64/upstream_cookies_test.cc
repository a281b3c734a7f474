// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_cookies.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace isthmus::dns64;

namespace {

using Octets = std::vector<std::uint8_t>;
using Verdict = UpstreamCookie::Verdict;

/// An answer with the COOKIE option given; `bad`: BADCOOKIE.
struct Reply {
    explicit Reply(const Octets* cookie, bool bad = false) : bytes(512) {
        Writer w(bytes);
        w.header(1, static_cast<std::uint16_t>(flag::qr | (bad ? 7 : 0)));  // 23 = 16 + 7
        w.u8(0);
        w.u16(rr::opt);
        w.u16(1232);
        w.u32(bad ? 0x01000000U : 0U);
        const std::size_t mark = w.size();
        w.u16(0);
        if (cookie != nullptr) {
            w.u16(option::cookie);
            w.u16(static_cast<unsigned>(cookie->size()));
            w.bytes(*cookie);
        }
        w.end_record(mark);
        w.count(Section::additional);
        bytes.resize(w.size());
        REQUIRE(Message::parse(bytes, message) == Fault::none);
    }
    Octets bytes;
    Message message;
};

Octets with_server(const SentCookie& c, std::size_t n) {
    Octets out(c.octets.begin(), c.octets.begin() + kClientCookie);
    out.resize(kClientCookie + n, 0x55);
    return out;
}

}  // namespace

TEST_CASE("T-6147-sec-034: a cookie is learned, shown again, and expected from then on") {
    Random random;
    UpstreamCookie c;
    const SentCookie first = c.for_query(1, 0, random);
    CHECK(first.size == 8);
    const Octets whole = with_server(first, 16);
    CHECK(c.check(first, Reply(&whole).message, 10) == Verdict::good);
    const SentCookie second = c.for_query(1, 20, random);
    CHECK(Octets(second.bytes().begin(), second.bytes().end()) == whole);
    CHECK(c.check(second, Reply(nullptr).message, 30) == Verdict::discard);
    // a query that was on its way before the cookie was learned
    CHECK(c.check(first, Reply(&whole).message, 30) == Verdict::good);
    for (const std::size_t n : {0U, 7U, 33U, 40U}) {
        const Octets ill = with_server(first, n);
        CHECK(c.check(second, Reply(&ill).message, 30) == Verdict::discard);
    }
    Octets other = whole;
    other[3] ^= 1;
    CHECK(c.check(second, Reply(&other).message, 30) == Verdict::discard);
    CHECK(c.check(second, Reply(&whole, true).message, 30) == Verdict::again);
}

TEST_CASE("T-6147-sec-034: another address of ours, another server: another cookie") {
    Random random;
    UpstreamCookie c, d;
    const SentCookie one = c.for_query(1, 0, random);
    CHECK(c.for_query(1, 0, random).octets == one.octets);
    const Octets whole = with_server(one, 8);
    CHECK(c.check(one, Reply(&whole).message, 1) == Verdict::good);
    const SentCookie two = c.for_query(2, 2, random);
    CHECK(two.size == 8);
    CHECK(two.octets != one.octets);
    CHECK(d.for_query(1, 0, random).octets != one.octets);
}

TEST_CASE("T-6147-sec-034: a server without cookies gets none for five minutes, then a new one") {
    Random random;
    UpstreamCookie c;
    const SentCookie one = c.for_query(1, 0, random);
    CHECK(c.check(one, Reply(nullptr).message, 1000) == Verdict::good);
    CHECK(c.for_query(1, 2000, random).size == 0);
    CHECK(c.for_query(1, 300999, random).size == 0);
    const SentCookie two = c.for_query(1, 301000, random);
    CHECK(two.size == 8);
    CHECK(two.octets != one.octets);
    // one that had cookies and lost them in a restart
    const Octets whole = with_server(two, 16);
    CHECK(c.check(two, Reply(&whole).message, 301001) == Verdict::good);
    const SentCookie three = c.for_query(1, 301002, random);
    for (int i = 0; i < 3; i++)
        CHECK(c.check(three, Reply(nullptr).message, 301003) == Verdict::discard);
    CHECK(c.for_query(1, 301004, random).size == 0);
}
