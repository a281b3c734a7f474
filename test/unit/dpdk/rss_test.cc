// SPDX-License-Identifier: Apache-2.0
// The steering against DPDK's own Toeplitz, and what is made of devices' abilities.
#include "dataplane/dpdk/rss.h"

#include <rte_thash.h>

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::dpdk;

namespace {

rte_eth_dev_info device(std::uint16_t entries, std::uint8_t key_bytes) {
    rte_eth_dev_info info{};
    info.max_rx_queues = 8;
    info.reta_size = entries;
    info.hash_key_size = key_bytes;
    info.flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
    info.driver_name = "net_mlx5";
    return info;
}

}  // namespace

TEST_CASE("rte_softrss leads where the steering says, for every size of table") {
    for (const unsigned bits : {6U, 7U, 9U, 11U}) {
        const auto s = nat::choose_steering({bits, 4, false, nullptr, 0}, bits, 16);
        const nat::RssKey key = s.key_for(bits);
        for (std::uint32_t i = 1; i < 2000; i++) {
            const Ipv4Addr to = Ipv4Addr::from_host(i * 0x9e3779b1U);
            Ipv6Addr from = *Ipv6Addr::parse("2001:db8::5");
            from.octet[5] = static_cast<std::uint8_t>(i);
            from.octet[7] = static_cast<std::uint8_t>(i >> 3);
            from.octet[13] = static_cast<std::uint8_t>(i * 7);
            const std::uint32_t mask = (1U << bits) - 1;
            REQUIRE((softrss_of(to, i, key.octet.data()) & mask) == s.entry_of(to));
            REQUIRE((softrss_of(from, i, key.octet.data()) & mask) == s.entry_of(from));
        }
    }
}

TEST_CASE("ports with tables of different sizes agree about every owner") {
    const auto small = rss_ability(device(128, 40)), large = rss_ability(device(2048, 52));
    CHECK(least_bits({large, small, rss_ability(device(100, 40))}) == 7);
    CHECK(least_bits({}) == 7);
    const auto s = nat::choose_steering({7, 3, false, nullptr, 0}, 1, 16);
    const nat::RssKey key7 = s.key_for(7), key11 = s.key_for(11);
    for (std::uint32_t i = 0; i < 5000; i++) {
        const Ipv4Addr a = Ipv4Addr::from_host(i * 2654435761U);
        const std::uint32_t on_small = softrss_of(a, i, key7.octet.data()) & 127;
        const std::uint32_t on_large = softrss_of(a, i, key11.octet.data()) & 2047;
        REQUIRE(s.worker_of_device(on_small, 7) == s.worker_of(a));
        REQUIRE(s.worker_of_device(on_large, 11) == s.worker_of(a));
    }
}

TEST_CASE("a device that cannot is told why, and its packets are handed over") {
    CHECK(rss_ability(device(128, 40)).usable());
    CHECK(rss_ability(device(100, 40)).why_not == "a table of 100 entries");
    CHECK(rss_ability(device(128, 16)).why_not == "the key of the device cannot be set");
    CHECK(rss_ability(device(128, 0)).key_bytes == 40);
    auto one = device(128, 40);
    one.max_rx_queues = 1;
    CHECK(rss_ability(one).why_not == "the device has one queue");
    auto v4_only = device(128, 40);
    v4_only.flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
    CHECK_FALSE(rss_ability(v4_only).usable());
    auto ice = device(512, 52);
    ice.driver_name = "net_ice";
    CHECK((rss_ability(ice).hash_types & RTE_ETH_RSS_FRAG_IPV4) == 0);
    CHECK((rss_ability(device(512, 52)).hash_types & RTE_ETH_RSS_FRAG_IPV4) != 0);
}
