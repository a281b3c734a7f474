// SPDX-License-Identifier: Apache-2.0
#include "common/net/lpm.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <vector>

using isthmus::Lpm;

namespace {

struct Rng {
    explicit Rng(unsigned seed) : from(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(from()); }
    std::mt19937 from;
};

using Key = std::array<std::uint8_t, 16>;

Key masked(Key k, unsigned len) {
    for (unsigned i = 0; i < 16; i++) {
        const unsigned keep = len >= (i + 1) * 8 ? 8 : len > i * 8 ? len - i * 8 : 0;
        k[i] = static_cast<std::uint8_t>(k[i] & (0xff00U >> keep));
    }
    return k;
}

/// The same routes as a plain map: what the trie is compared with.
struct Plain {
    std::map<std::pair<unsigned, Key>, std::uint32_t> route;
    std::pair<std::uint32_t, unsigned> best(const Key& k, unsigned below) const {
        for (unsigned len = below; len-- > 0;) {
            const auto r = route.find({len, masked(k, len)});
            if (r != route.end()) return {r->second, len};
        }
        return {0, 0};
    }
};

/// Few different octets, so that prefixes nest and share nodes.
Key random_key(Rng& rng) {
    Key k{};
    for (auto& o : k) o = static_cast<std::uint8_t>((rng() % 3) * 0x55);
    return k;
}

}  // namespace

TEST_CASE("lpm: as a plain table through any order of changes, and empty at the end") {
    std::vector<std::uint32_t> memory(Lpm::words(4096));
    Lpm trie(memory);
    Plain plain;
    Rng rng(7);
    unsigned wrong = 0;
    const auto remove = [&](unsigned len, const Key& k) {
        plain.route.erase({len, k});
        const auto [value, cover] = plain.best(k, len);
        const auto gone = trie.remove(k.data(), len, value, cover);
        for (unsigned i = 0; i < gone.n; i++) trie.give_back(gone.node[i]);
    };
    for (int i = 0; i < 40000; i++) {
        const unsigned len = rng() % 129;
        const Key k = masked(random_key(rng), len);
        if (plain.route.size() < 300 && rng() % 2 == 0) {
            const std::uint32_t value = 1 + rng() % 1000;
            REQUIRE(trie.insert(k.data(), len, value));
            plain.route[{len, k}] = value;
        } else if (!plain.route.empty()) {
            auto r = plain.route.lower_bound({len, k});
            if (r == plain.route.end()) r = plain.route.begin();
            remove(r->first.first, Key(r->first.second));
        }
        const Key ask = random_key(rng);
        if (trie.find(ask.data()) != plain.best(ask, 129).first) wrong++;
    }
    CHECK(wrong == 0);
    while (!plain.route.empty())
        remove(plain.route.begin()->first.first, Key(plain.route.begin()->first.second));
    CHECK(trie.nodes_used() == 0);
}

TEST_CASE("lpm: an insertion that does not fit changes nothing") {
    std::vector<std::uint32_t> memory(Lpm::words(3));
    Lpm trie(memory);
    const Key a{0x20, 1, 2, 3, 4}, b{0x20, 2, 2, 3, 4};
    REQUIRE(trie.insert(a.data(), 40, 5));
    CHECK(trie.nodes_used() == 3);
    CHECK_FALSE(trie.insert(b.data(), 24, 6));
    CHECK(trie.insert(a.data(), 32, 6));
    CHECK(trie.find(a.data()) == 5);
    CHECK(trie.find(b.data()) == 0);
    (void)trie.remove(a.data(), 40, 6, 32);
    const auto gone = trie.remove(a.data(), 32, 0, 0);
    CHECK(gone.n + trie.nodes_used() >= 3);
}
