// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/policy.h"

#include <algorithm>

namespace isthmus::nat {

namespace {

void order_prefixes(Policy& p) noexcept {
    p.n_prefixes = 0;
    for (std::uint8_t i = 0; i < kPrefixesMax; i++) {
        if (p.prefix[i].live) p.prefix_order[p.n_prefixes++] = i;
    }
    std::stable_sort(p.prefix_order.begin(), p.prefix_order.begin() + p.n_prefixes,
                     [&](std::uint8_t a, std::uint8_t b) {
                         return p.prefix[a].pref.len_bits > p.prefix[b].pref.len_bits;
                     });
}

/// Whole addresses go round the workers while there are enough of them; otherwise all workers share
/// each address, in groups of 64 ports.
void share_slots(Policy& p) noexcept {
    unsigned n_used = 0;
    for (unsigned i = 0; i < p.n_slots; i++)
        n_used += p.slot[i].state != PoolSlot::State::unused ? 1 : 0;
    const bool whole = n_used >= p.n_workers;
    for (unsigned i = 0; i < p.n_slots; i++) {
        PoolSlot& s = p.slot[i];
        s.first_owner = static_cast<std::uint16_t>(whole ? i % p.n_workers : 0);
        s.n_owners = static_cast<std::uint16_t>(whole ? 1 : p.n_workers);
    }
}

}  // namespace

void finish_policy(Policy& p) noexcept {
    order_prefixes(p);
    share_slots(p);
    p.slot_hash.fill(0);
    for (unsigned i = 0; i < p.n_slots; i++) {
        if (p.slot[i].state == PoolSlot::State::unused) continue;
        std::uint32_t at = p.slot_home(p.slot[i].addr);
        while (p.slot_hash[at] != 0) at = (at + 1) % kSlotHashSize;
        p.slot_hash[at] = static_cast<std::uint16_t>(i + 1);
    }
}

}  // namespace isthmus::nat
