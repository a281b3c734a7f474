// SPDX-License-Identifier: Apache-2.0
// The cache as a table: what was put in is found, whatever its size, until the ring comes round.
#include "dns64/cache.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <tuple>
#include <vector>

using namespace isthmus::dns64;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::unique_ptr<Cache> make(std::size_t memory) {
    auto c = Cache::create(memory, 42);
    REQUIRE(c);
    return std::move(*c);
}

std::vector<std::uint8_t> wire(const std::string& label) {
    std::string out(1, static_cast<char>(label.size()));
    out += label;
    out += "\7example";
    return {out.c_str(), out.c_str() + out.size() + 1};  // the string's end is the root
}

struct Kept {
    std::vector<std::uint8_t> name, body;
    std::vector<std::uint16_t> ttls;
    NewEntry entry;

    Kept(const std::string& label, std::uint16_t type, std::size_t body_bytes, unsigned records)
        : name(wire(label)), body(body_bytes), ttls(records) {
        for (std::size_t i = 0; i < body.size(); i++) body[i] = static_cast<std::uint8_t>(i * 7);
        entry.name = name;
        entry.type = type;
        entry.serves = serves_resolution;
        entry.ttl_s = 300;
        entry.n_answer = static_cast<std::uint16_t>(records);
        entry.ttl_offsets = ttls;
        entry.body = body;
    }
    // The entry refers to the vectors, whose memory moves along.
    Kept(Kept&&) = default;
    Kept(const Kept&) = delete;
};

CacheEntry* find(Cache& c, const Kept& k) {
    return c.find(c.hash(k.name, k.entry.type), k.name, k.entry.type, 0, serves_resolution);
}

bool holds(const CacheEntry& e, const Kept& k) {
    return std::equal(e.body().begin(), e.body().end(), k.body.begin(), k.body.end()) &&
           std::equal(e.name().begin(), e.name().end(), k.name.begin(), k.name.end()) &&
           e.n_ttl() == k.ttls.size() && e.ttl_s == k.entry.ttl_s;
}

}  // namespace

TEST_CASE("cache: an entry comes back as it was put in, and an entry for the same replaces it") {
    auto c = make(kMiB);
    Kept one("one", 28, 100, 3), other("one", 28, 60, 1);
    REQUIRE(c->insert(one.entry, 1000));
    REQUIRE(find(*c, one) != nullptr);
    CHECK(holds(*find(*c, one), one));
    REQUIRE(c->insert(other.entry, 1001));
    CHECK(holds(*find(*c, one), other));
    CHECK(c->stats().entries == 1);
    CHECK_FALSE(find(*c, one)->is_fresh(1301));
    CHECK(find(*c, one)->is_fresh(1300));
}

TEST_CASE("cache: tens of thousands of entries of all sizes are found while the index grows") {
    auto c = make(64 * kMiB);
    std::mt19937 random(7);
    std::vector<Kept> all;
    for (unsigned i = 0; i < 30000; i++)
        all.emplace_back("n" + std::to_string(i), i % 2 == 0 ? 1 : 28, random() % 700,
                         random() % 9);
    for (const Kept& k : all) REQUIRE(c->insert(k.entry, 5));
    CHECK(c->stats().entries == all.size());
    unsigned wrong = 0;
    for (const Kept& k : all) {
        const CacheEntry* e = find(*c, k);
        wrong += e == nullptr || !holds(*e, k);
    }
    CHECK(wrong == 0);
    // Every third is taken out; nothing else is lost with it.
    for (std::size_t i = 0; i < all.size(); i += 3) c->erase(*find(*c, all[i]));
    wrong = 0;
    for (std::size_t i = 0; i < all.size(); i++)
        wrong += (find(*c, all[i]) == nullptr) != (i % 3 == 0);
    CHECK(wrong == 0);
}

TEST_CASE(
    "cache: the ring goes round; the newest are there, what was used stays, and all is bounded") {
    auto c = make(kMiB);
    std::mt19937 random(11);
    const Kept popular("popular", 1, 64, 2);
    REQUIRE(c->insert(popular.entry, 0));
    std::vector<Kept> recent;
    for (unsigned i = 0; i < 60000; i++) {
        // Now and then one that leaves a gap at the ring's end.
        Kept k("r" + std::to_string(i), 28, i % 97 == 0 ? 9000 + random() % 3000 : random() % 300,
               1);
        REQUIRE(c->insert(k.entry, 1));
        if (i % 500 == 0) REQUIRE(find(*c, popular) != nullptr);
        if (i >= 59900) recent.push_back(std::move(k));
    }
    for (const Kept& k : recent) {
        const CacheEntry* e = find(*c, k);
        REQUIRE(e != nullptr);
        REQUIRE(holds(*e, k));
    }
    CHECK(c->stats().evicted > 10000);
    CHECK(c->stats().kept > 0);
    CHECK(c->stats().bytes <= kMiB);
}

TEST_CASE("cache: what its header cannot count is refused, a TTL beyond it is shortened") {
    auto c = make(16 * kMiB);
    CHECK(c->insert(Kept("most", 1, 65535, 4095).entry, 0));
    CHECK_FALSE(c->insert(Kept("more", 1, 65535, 4096).entry, 0));
    CHECK_FALSE(c->insert(Kept("long", 1, 65536, 1).entry, 0));
    Kept k("years", 1, 16, 1);
    k.entry.ttl_s = 0x7fffffff;
    REQUIRE(c->insert(k.entry, 0));
    CHECK(find(*c, k)->ttl_s == CacheEntry::kTtlMost);
}

TEST_CASE(
    "cache: a name without AAAA, its A record and the synthetic answer take 300 bytes at most") {
    // Of 21 octets; SOA of 50, A of 16, AAAA of 28 (docs/performance/dns64.md measures the
    // process).
    auto c = make(256 * kMiB);
    const std::size_t n = 50000;
    for (std::size_t i = 0; i < n; i++) {
        const std::string label = "name" + std::to_string(100000000 + i).substr(1);
        for (const auto& [type, bytes, serves] :
             {std::tuple{28, 50, serves_resolution}, std::tuple{1, 16, serves_resolution},
              std::tuple{28, 28, serves_plain}}) {
            Kept k(label, static_cast<std::uint16_t>(type), static_cast<std::size_t>(bytes), 1);
            k.entry.serves = serves;
            k.entry.view_tag = serves == serves_plain ? 77 : kAllViews;
            REQUIRE(c->insert(k.entry, 0));
        }
    }
    CHECK(c->stats().entries == 3 * n);
    CHECK((c->stats().bytes + c->index_bytes()) / n <= 300);
}
