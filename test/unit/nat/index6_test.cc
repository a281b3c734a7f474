// SPDX-License-Identifier: Apache-2.0
// The IPv6-side index under churn: what overflowed is given back, so that a table that is used for
// long has the room that it began with.
#include "dataplane/nat/index6.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "test/unit/nat/box.h"

using namespace box;

TEST_CASE("the index keeps what it holds through a long churn, and no overflow bucket for ever") {
    constexpr std::uint32_t kEntries = 4096;
    Arena count{{}};
    const Index6 sizer(count, kEntries);
    const std::unique_ptr<Block[]> memory(new Block[count.used() / 64 + 1]());
    Arena arena{std::span(memory[0].b, count.used())};
    Index6 index(arena, kEntries);
    Random random{std::mt19937(6)};
    std::vector<std::pair<std::uint64_t, Index>> held;
    std::uint64_t next = 1;
    const auto found = [&](const std::pair<std::uint64_t, Index>& e) {
        return index.find(e.first, [&](Index i) { return i == e.second; }) == e.second;
    };
    for (unsigned round = 0; round < 40; round++) {
        while (held.size() < kEntries) {
            const std::uint64_t hash = hash2(Seed{}, next, 3);
            if (!index.insert(hash, static_cast<Index>(next))) FAIL("no room in round " << round);
            held.emplace_back(hash, static_cast<Index>(next++));
        }
        CHECK(index.overflow_in_use() > 0);
        for (unsigned n = 0; n < 2 * kEntries; n++) {  // one goes, one comes, at full load
            auto& e = held[random() % held.size()];
            if (!index.erase(e.first, e.second)) FAIL("an entry was lost in round " << round);
            e = {hash2(Seed{}, next, 3), static_cast<Index>(next)};
            next++;
            if (!index.insert(e.first, e.second)) FAIL("no room in round " << round);
        }
        for (const auto& e : held) {
            if (!found(e)) FAIL("an entry is not found in round " << round);
        }
        while (held.size() > kEntries * (round % 4) / 4) {
            const std::size_t i = random() % held.size();
            if (!index.erase(held[i].first, held[i].second)) FAIL("an entry was lost");
            if (found(held[i])) FAIL("an erased entry is found");
            held[i] = held.back();
            held.pop_back();
        }
        if (held.empty()) CHECK(index.overflow_in_use() == 0);
    }
}
