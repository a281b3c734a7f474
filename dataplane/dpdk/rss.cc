// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/rss.h"

#include <rte_errno.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

namespace isthmus::dpdk {
namespace {

constexpr std::uint8_t kUsualKeyBytes = 40;
constexpr unsigned kTestPackets = 512;  // of each family
constexpr std::uint16_t kMostEntries = 1U << nat::Steering::kMostBits;

// Ports do not count in our key, so types that hash them too are welcome: without them some devices
// leave TCP and UDP unhashed.
constexpr std::uint64_t kWantedTypes =
    RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
    RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_IPV6 |
    RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |
    RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_IPV6_EX;

/// What a driver does with a type is not always what its name says.
struct DriverTypes {
    std::string_view driver;
    std::uint64_t unwanted;
};
constexpr auto kDriverTypes = std::to_array<DriverTypes>({
    // The fragment type hashes the IPv4 identification as well; plain IPv4 takes fragments then.
    {"net_ice", RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_FRAG_IPV6},
    {"net_iavf", RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_FRAG_IPV6},
});

std::uint64_t types_for(const rte_eth_dev_info& info) {
    std::uint64_t types = info.flow_type_rss_offloads & kWantedTypes;
    for (const DriverTypes& d : kDriverTypes) {
        if (info.driver_name != nullptr && d.driver == info.driver_name) types &= ~d.unwanted;
    }
    return types;
}

using Table = std::vector<rte_eth_rss_reta_entry64>;

Table empty_table(std::uint16_t entries) {
    Table t((entries + RTE_ETH_RETA_GROUP_SIZE - 1U) / RTE_ETH_RETA_GROUP_SIZE);
    for (auto& group : t) {
        std::memset(&group, 0, sizeof group);
        group.mask = ~std::uint64_t{0};
    }
    if (entries % RTE_ETH_RETA_GROUP_SIZE != 0)
        t.back().mask = (std::uint64_t{1} << (entries % RTE_ETH_RETA_GROUP_SIZE)) - 1;
    return t;
}

std::uint16_t& cell(Table& t, unsigned entry) {
    return t[entry / RTE_ETH_RETA_GROUP_SIZE].reta[entry % RTE_ETH_RETA_GROUP_SIZE];
}

std::uint32_t noise_of(std::uint32_t i) { return (i + 1) * 0x9e3779b1U; }

/// What a device says of itself; rte_softrss reads a key as far as the input goes.
struct Told {
    std::array<std::uint8_t, nat::RssKey::kBytes> key{};
    Table table;
    unsigned entries;
};

/// How many of the test packets of one family reach a queue of another worker.
template <typename Make>
unsigned astray(Told& told, const nat::Steering& steering, unsigned n_workers, Make&& make) {
    unsigned n = 0;
    for (std::uint32_t i = 0; i < kTestPackets; i++) {
        const auto a = make(noise_of(i), i);
        const std::uint32_t hash = softrss_of(a, noise_of(~i), told.key.data());
        const unsigned queue = cell(told.table, hash & (told.entries - 1));
        n += queue % n_workers != steering.worker_of(a) ? 1U : 0U;
    }
    return n;
}

}  // namespace

unsigned RssAbility::bits() const {
    return static_cast<unsigned>(std::bit_width(std::uint32_t{entries})) - 1;
}

RssAbility rss_ability(const rte_eth_dev_info& info) {
    RssAbility a;
    a.entries = info.reta_size;
    a.hash_types = types_for(info);
    // Devices that do not say take the usual 40; what they made of it is read back.
    a.key_bytes = info.hash_key_size == 0 ? kUsualKeyBytes : info.hash_key_size;
    constexpr std::uint64_t kBoth = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
    if (info.max_rx_queues < 2) {
        a.why_not = "the device has one queue";
    } else if ((a.hash_types & kBoth) != kBoth) {
        a.why_not = "the device does not hash addresses of both families";
    } else if (a.key_bytes < kUsualKeyBytes || a.key_bytes > nat::RssKey::kBytes) {
        a.why_not = "the key of the device cannot be set";
    } else if (!std::has_single_bit(a.entries) || a.entries < 2 || a.entries > kMostEntries) {
        a.why_not = "a table of " + std::to_string(a.entries) + " entries";
    }
    return a;
}

unsigned least_bits(const std::vector<RssAbility>& ports) {
    unsigned least = 0;
    for (const RssAbility& a : ports) {
        if (a.usable() && (least == 0 || a.bits() < least)) least = a.bits();
    }
    return least == 0 ? 7 : least;
}

void ask_for_rss(rte_eth_conf& conf, const RssAbility& ability, nat::RssKey& key) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    auto& rss = conf.rx_adv_conf.rss_conf;
    rss.rss_key = key.octet.data();
    rss.rss_key_len = ability.key_bytes;
    rss.rss_hf = ability.hash_types;
}

Status write_table(std::uint16_t port, const RssAbility& ability, const nat::Steering& steering,
                   unsigned n_queues) {
    // Again, for devices that take the key only now; the verdict tells whether they did.
    nat::RssKey key = steering.key_for(ability.bits());
    rte_eth_rss_conf conf{};
    conf.rss_key = key.octet.data();
    conf.rss_key_len = ability.key_bytes;
    conf.rss_hf = ability.hash_types;
    (void)rte_eth_dev_rss_hash_update(port, &conf);
    Table t = empty_table(ability.entries);
    for (unsigned i = 0; i < ability.entries; i++)
        cell(t, i) =
            static_cast<std::uint16_t>(steering.worker_of_device(i, ability.bits()) % n_queues);
    const int rc = rte_eth_dev_rss_reta_update(port, t.data(), ability.entries);
    if (rc != 0) return Error{"port", std::string("redirection table: ") + rte_strerror(-rc)};
    return Done{};
}

std::uint32_t softrss_of(const Ipv4Addr& a, std::uint32_t noise, const std::uint8_t* key) {
    // Source, destination, ports: a device that hashes ports must not be led astray by them.
    std::array<std::uint32_t, 3> tuple{noise, a.host(), noise * 31};
    return rte_softrss(tuple.data(), tuple.size(), key);
}

std::uint32_t softrss_of(const Ipv6Addr& a, std::uint32_t noise, const std::uint8_t* key) {
    std::array<std::uint32_t, 9> tuple{};
    for (unsigned w = 0; w < 4; w++) {
        std::uint32_t raw = 0;
        std::memcpy(&raw, a.octet.data() + 4 * w, 4);
        tuple[w] = rte_be_to_cpu_32(raw);
        tuple[4 + w] = noise * (w + 3);
    }
    tuple[8] = noise * 31;
    return rte_softrss(tuple.data(), tuple.size(), key);
}

RssVerdict verify_rss(std::uint16_t port, const RssAbility& ability, const nat::Steering& steering,
                      unsigned n_queues, unsigned n_workers) {
    Told told{{}, empty_table(ability.entries), ability.entries};
    rte_eth_rss_conf conf{};
    conf.rss_key = told.key.data();
    conf.rss_key_len = ability.key_bytes;
    if (rte_eth_dev_rss_hash_conf_get(port, &conf) != 0 ||
        rte_eth_dev_rss_reta_query(port, told.table.data(), ability.entries) != 0)
        return {false, "rss, not verified: the device does not tell its key and table"};
    for (unsigned i = 0; i < ability.entries; i++) {
        if (cell(told.table, i) >= n_queues)
            return {false, "rss, refused: the table names no queue"};
    }
    const unsigned v4 = astray(told, steering, n_workers, [](std::uint32_t r, std::uint32_t) {
        return Ipv4Addr::from_host(r);
    });
    const unsigned v6 = astray(told, steering, n_workers, [](std::uint32_t r, std::uint32_t i) {
        Ipv6Addr a = Ipv6Addr::from_groups({0x2001, 0xdb8, 0, 0, 0, 0, 0, 0});
        std::memcpy(a.octet.data() + 4, &r, 4);
        std::memcpy(a.octet.data() + 12, &i, 4);
        return a;
    });
    std::string text = "rss, key of " + std::to_string(ability.key_bytes) + " bytes, table of " +
                       std::to_string(ability.entries);
    if (v4 + v6 == 0) return {true, text + ", verified"};
    return {false, text + "; leads " + std::to_string(v6) + " of " + std::to_string(kTestPackets) +
                       " IPv6 and " + std::to_string(v4) +
                       " of as many IPv4 test packets elsewhere"};
}

}  // namespace isthmus::dpdk
