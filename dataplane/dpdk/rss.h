// SPDX-License-Identifier: Apache-2.0
// Making devices deliver packets to their owners: the RSS key and redirection table of the worker's
// steering (dataplane/nat/steering.h), from what each device says that it can do.
//
// A device that cannot (no RSS, a key that may not be set, a table of odd size) is no error: its
// packets are handed over. What a device says after it was configured is read back and tried in
// software on test packets; the result is shown, and a device that leads them elsewhere is told so.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "dataplane/nat/steering.h"

namespace isthmus::dpdk {

struct RssAbility {
    std::uint16_t entries = 0;  // of the redirection table
    std::uint8_t key_bytes = 0;
    std::uint64_t hash_types = 0;
    std::string why_not;  // empty: it can

    [[nodiscard]] bool usable() const { return why_not.empty(); }
    [[nodiscard]] unsigned bits() const;  // R: log2 of entries
};

[[nodiscard]] RssAbility rss_ability(const rte_eth_dev_info& info);

/// R of the smallest table of the devices that can; 7 when none can.
[[nodiscard]] unsigned least_bits(const std::vector<RssAbility>& ports);

/// Fills the RSS part of `conf`; `key` must outlive rte_eth_dev_configure().
void ask_for_rss(rte_eth_conf& conf, const RssAbility& ability, nat::RssKey& key);

/// Writes the table: the entry's owner, by queue (queue q is polled by worker q % n_workers). The
/// device is started.
[[nodiscard]] Status write_table(std::uint16_t port, const RssAbility& ability,
                                 const nat::Steering& steering, unsigned n_queues);

/// Reads key and table back and asks where they lead test packets of both families: a sentence for
/// people; `ok` when all reach their owners.
struct RssVerdict {
    bool ok = false;
    std::string text;
};
[[nodiscard]] RssVerdict verify_rss(std::uint16_t port, const RssAbility& ability,
                                    const nat::Steering& steering, unsigned n_queues,
                                    unsigned n_workers);

/// Where a key and a table lead the packets to `a` (an IPv4 destination, or an IPv6 source), by
/// DPDK's own arithmetic; ports and the far end are made up from `noise`. For tests too.
[[nodiscard]] std::uint32_t softrss_of(const Ipv4Addr& a, std::uint32_t noise,
                                       const std::uint8_t* key);
[[nodiscard]] std::uint32_t softrss_of(const Ipv6Addr& a, std::uint32_t noise,
                                       const std::uint8_t* key);

}  // namespace isthmus::dpdk
