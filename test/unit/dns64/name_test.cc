// SPDX-License-Identifier: Apache-2.0
#include "dns64/name.h"

#include <catch2/catch.hpp>
#include <random>

using namespace isthmus::dns64;

namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

}  // namespace

TEST_CASE("names are read and written as in zone files") {
    CHECK(name_text(name("www.example.com")) == "www.example.com.");
    CHECK(name_text(name(".")) == ".");
    CHECK(name_text(name("a\\.b.\\000\\255.x.")) == "a\\.b.\\000\\255.x.");
    for (const char* bad : {"", "..", "a..b", ".a", "a\\", "a\\25", "a\\999"}) {
        INFO(bad);
        CHECK_FALSE(Name::parse(bad));
    }
    CHECK(Name::parse(std::string(63, 'x') + ".com"));
    CHECK_FALSE(Name::parse(std::string(64, 'x') + ".com"));
}

TEST_CASE("T-6147-sec-018: names compare without case and keep it") {
    CHECK(same_name(name("WWW.eXample.com"), name("www.example.COM")));
    CHECK_FALSE(same_name(name("www.example.com"), name("www.example.con")));
    // Octets beside the letters are not folded: '@' and '`', '[' and '{' (RFC 4343 s3).
    CHECK_FALSE(same_name(name("\\064"), name("`")));
    CHECK_FALSE(same_name(name("["), name("{")));
    CHECK_FALSE(same_name(name("\\193"), name("\\225")));
    CHECK(name_text(name("WwW.example")) == "WwW.example.");
}

TEST_CASE("the hash of a name does not see its case, over all octets and lengths") {
    std::mt19937 random(7);
    for (int i = 0; i < 2000; i++) {
        Name a, b;
        for (auto labels = random() % 6; labels > 0; labels--) {
            std::array<std::uint8_t, 40> x{}, y{};
            const std::size_t n = 1 + random() % 40;
            for (std::size_t k = 0; k < n; k++) {
                x[k] = y[k] = static_cast<std::uint8_t>(random());
                const bool letter = (x[k] | 0x20) >= 'a' && (x[k] | 0x20) <= 'z';
                if (letter && random() % 2 == 0) y[k] ^= 0x20;
            }
            a.append_label({x.data(), n});
            b.append_label({y.data(), n});
        }
        REQUIRE(same_name(a, b));
        REQUIRE(name_hash(a, 42) == name_hash(b, 42));
        a.fold();
        REQUIRE(name_hash(a, 42) == name_hash(b, 42));
    }
    CHECK(name_hash(name("a.b"), 1) != name_hash(name("a.b"), 2));
    CHECK(name_hash(name("a.b"), 1) != name_hash(name("ab"), 1));
}

TEST_CASE("a name is at or below a zone by whole labels") {
    CHECK(at_or_below(name("a.ipv4only.arpa"), name("IPv4only.arpa")));
    CHECK(at_or_below(name("ipv4only.arpa"), name("ipv4only.arpa")));
    CHECK_FALSE(at_or_below(name("xipv4only.arpa"), name("ipv4only.arpa")));
    CHECK_FALSE(at_or_below(name("arpa"), name("ipv4only.arpa")));
    CHECK(at_or_below(name("arpa"), name(".")));
    CHECK(label_count(name("a.b.c")) == 3);
    CHECK(name_text(without_labels(name("a.b.c"), 2)) == "c.");
}

TEST_CASE("T-6147-sec-040: a name has at most 255 octets") {
    Name n;
    const std::string label(62, 'x');
    const std::span<const std::uint8_t> l{reinterpret_cast<const std::uint8_t*>(label.data()), 62};
    for (int i = 0; i < 4; i++) REQUIRE(n.append_label(l));  // 4 * 63 + 1 = 253
    CHECK_FALSE(n.append_label(l));
    CHECK_FALSE(n.append_label(l.first(2)));
    CHECK(n.append_label(l.first(1)));
    CHECK(n.view().size() == 255);
}

TEST_CASE("folding is octet by octet, whatever the length, also in place") {
    std::array<std::uint8_t, 64> from{};
    for (std::size_t i = 0; i < from.size(); i++) from[i] = static_cast<std::uint8_t>('8' + i);
    for (std::size_t n = 1; n <= from.size(); n++) {
        INFO(n << " octets");
        std::array<std::uint8_t, 65> to{};
        to.fill(0xee);
        fold_into(NameView(from).first(n), to);
        std::array<std::uint8_t, 64> same = from;
        fold_into(NameView(same).first(n), same);
        bool good = to[n] == 0xee;
        for (std::size_t i = 0; i < n; i++)
            good = good && to[i] == folded(from[i]) && same[i] == folded(from[i]);
        CHECK(good);
    }
}
