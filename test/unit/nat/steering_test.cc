// SPDX-License-Identifier: Apache-2.0
// Steering: the fast sum is Toeplitz, depends on what it may depend on only, and spreads.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "test/unit/nat/box.h"

using namespace box;

namespace {

/// Toeplitz as its definition says, bit by bit.
std::uint32_t toeplitz(const std::vector<std::uint8_t>& input, const RssKey& key) {
    std::uint32_t hash = 0;
    for (unsigned i = 0; i < 8 * input.size(); i++) {
        if ((input[i / 8] >> (7 - i % 8) & 1) == 0) continue;
        std::uint32_t window = 0;
        for (unsigned b = 0; b < 32; b++) window = window << 1 | (key.bit(i + b) ? 1U : 0U);
        hash ^= window;
    }
    return hash;
}

std::vector<std::uint8_t> bytes_of(std::mt19937& random, std::size_t n) {
    std::vector<std::uint8_t> out(n);
    for (auto& b : out) b = static_cast<std::uint8_t>(random());
    return out;
}

}  // namespace

TEST_CASE(
    "a packet's entry is the lowest bits of its Toeplitz hash, ports and far end regardless") {
    std::mt19937 random(3);
    for (const unsigned bits : {6U, 7U, 9U, 11U}) {
        for (const bool by_host : {false, true}) {
            const Steering s(static_cast<std::uint32_t>(random()), bits, 3, by_host);
            for (unsigned i = 0; i < 200; i++) {
                // Source, destination, ports.
                const auto v6 = bytes_of(random, 36), v4 = bytes_of(random, 12);
                Ipv6Addr source;
                std::copy_n(v6.begin(), 16, source.octet.begin());
                const Ipv4Addr to = Ipv4Addr::of(v4[4], v4[5], v4[6], v4[7]);
                for (const unsigned device : {bits, 11U}) {
                    const RssKey key = s.key_for(device);
                    const auto entry = [&](const std::vector<std::uint8_t>& input) {
                        return (toeplitz(input, key) & ((1U << device) - 1)) >> (device - bits);
                    };
                    if (entry(v6) != s.entry_of(source)) FAIL("IPv6, " << bits << " " << device);
                    if (entry(v4) != s.entry_of(to)) FAIL("IPv4, " << bits << " " << device);
                }
            }
        }
    }
}

TEST_CASE("one subscriber is one worker's, whatever his hosts; consecutive ones fall evenly") {
    std::vector<Ipv4Addr> pool;
    for (unsigned i = 0; i < 16; i++) pool.push_back(Ipv4Addr::of(203, 0, 113, 16 + i));
    for (const unsigned workers : {2U, 3U, 4U, 8U}) {
        const Steering s = choose_steering({7, workers, false, pool.data(), 16}, 42, 256);
        INFO(workers << " workers: " << unevenness(s, workers, pool.data(), 16));
        CHECK(unevenness(s, workers, pool.data(), 16) < 2.0);
        std::vector<unsigned> got(workers);
        for (unsigned i = 0; i < 4096; i++) {
            Ipv6Addr a = *Ipv6Addr::parse("2001:db8:aa00::1");
            a.octet[6] = static_cast<std::uint8_t>(i >> 8);
            a.octet[7] = static_cast<std::uint8_t>(i);
            Ipv6Addr other = a;
            other.octet[15] = 77;
            REQUIRE(s.worker_of(a) == s.worker_of(other));
            got[s.worker_of(a)]++;
        }
        for (const unsigned n : got) CHECK(n * workers >= 4096 * 0.9);
    }
}

TEST_CASE("subscribers of /128 in one /64 are spread over the workers") {
    const Steering s = choose_steering({7, 2, true, nullptr, 0}, 7, 64);
    std::set<unsigned> seen;
    for (unsigned i = 1; i < 64; i++) {
        Ipv6Addr a = *Ipv6Addr::parse("2001:db8::");
        a.octet[15] = static_cast<std::uint8_t>(i);
        seen.insert(s.worker_of(a));
    }
    CHECK(seen.size() == 2);
}

TEST_CASE("addresses go to the workers where they arrive, as many ports to each") {
    auto p = std::make_unique<Policy>();
    p->n_workers = 2;
    p->steering = choose_steering({7, 2, false, nullptr, 0}, 5, 64);
    p->n_slots = 9;
    for (unsigned i = 0; i < 9; i++) {
        p->slot[i].state = PoolSlot::State::active;
        p->slot[i].addr = Ipv4Addr::of(192, 0, 2, 7 * i + 1);
    }
    finish_policy(*p);
    unsigned whole[2] = {}, at_home = 0, split = 0;
    for (unsigned i = 0; i < 9; i++) {
        const PoolSlot& s = p->slot[i];
        CHECK(p->home_of(i) == p->steering.worker_of(s.addr));
        if (s.n_owners == 1) {
            whole[s.first_owner]++;
            at_home += s.first_owner == p->home_of(i) ? 1U : 0U;
        } else {
            split++;
        }
    }
    CHECK(whole[0] == 4);
    CHECK(whole[1] == 4);
    CHECK(split == 1);
    CHECK(at_home >= 5);
    // Whose a binding is never changes, also when addresses come.
    p->n_slots = 10;
    const PoolSlot before = p->slot[3];
    p->slot[9].state = PoolSlot::State::active;
    p->slot[9].addr = Ipv4Addr::of(192, 0, 2, 99);
    finish_policy(*p);
    CHECK(p->slot[3] == before);
}

TEST_CASE("a pool of fewer addresses than workers: the ports are shared, each by one worker") {
    auto p = std::make_unique<Policy>();
    p->n_workers = 4;
    p->steering = choose_steering({7, 4, false, nullptr, 0}, 5, 64);
    p->n_slots = 1;
    p->slot[0].state = PoolSlot::State::active;
    p->slot[0].addr = Ipv4Addr::of(192, 0, 2, 1);
    finish_policy(*p);
    unsigned ports[4] = {};
    for (unsigned id = 0; id < 65536; id++)
        ports[p->owner_of(0, static_cast<std::uint16_t>(id), Proto::udp)]++;
    for (const unsigned n : ports) CHECK(n == 16384);
}
