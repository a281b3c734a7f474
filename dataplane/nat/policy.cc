// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/policy.h"

#include <algorithm>

namespace isthmus::nat {

namespace {

void order_prefixes(Policy& p) noexcept {
    std::array<std::uint8_t, kPrefixesMax> longest_first{};
    p.n_prefixes = 0;
    for (std::uint8_t i = 0; i < kPrefixesMax; i++) {
        if (p.prefix[i].live) longest_first[p.n_prefixes++] = i;
    }
    p.prefix_by_rank = longest_first;
    const auto sort = [&](auto& ids, auto&& before) {
        std::stable_sort(
            ids.begin(), ids.begin() + p.n_prefixes,
            [&](std::uint8_t a, std::uint8_t b) { return before(p.prefix[a], p.prefix[b]); });
    };
    sort(p.prefix_by_rank,
         [](const PrefixSlot& a, const PrefixSlot& b) { return a.rank < b.rank; });
    sort(longest_first, [](const PrefixSlot& a, const PrefixSlot& b) {
        return a.pref.len_bits > b.pref.len_bits;
    });
    for (unsigned i = 0; i < p.n_prefixes; i++) {
        const std::uint8_t id = longest_first[i];
        const Pref64& pref = p.prefix[id].pref;
        p.prefix_key[i] = {pref.addr.words(), mask6(pref.len_bits), id, pref.len_bits};
    }
}

/// New addresses of a pool go to the workers where they arrive, as long as each gets as many; those
/// too many at one worker make up for what another lacks; the rest is shared by all, in groups of
/// ports. So every worker owns as many ports of each pool as any other.
void decide_owners(Policy& p, std::uint8_t group) noexcept {
    std::array<std::uint16_t, kSlotsMax> fresh;
    unsigned n_fresh = 0;
    for (unsigned i = 0; i < p.n_slots; i++) {
        PoolSlot& s = p.slot[i];
        if (s.state == PoolSlot::State::unused || s.n_owners != 0 || s.group != group) continue;
        s.home = static_cast<std::uint16_t>(p.steering.is_on() ? p.steering.worker_of(s.addr)
                                                               : n_fresh % p.n_workers);
        fresh[n_fresh++] = static_cast<std::uint16_t>(i);
    }
    const unsigned quota = n_fresh / p.n_workers;
    std::array<unsigned, kWorkersMax> got{};
    const auto give = [&](PoolSlot& s, unsigned worker) {
        s.first_owner = static_cast<std::uint16_t>(worker);
        s.n_owners = 1;
        got[worker]++;
    };
    for (unsigned k = 0; k < n_fresh; k++) {
        PoolSlot& s = p.slot[fresh[k]];
        if (got[s.home] < quota) give(s, s.home);
    }
    unsigned poor = 0;
    for (unsigned k = 0; k < n_fresh; k++) {
        PoolSlot& s = p.slot[fresh[k]];
        if (s.n_owners != 0) continue;
        while (poor < p.n_workers && got[poor] >= quota) poor++;
        if (poor < p.n_workers) {
            give(s, poor);
        } else {
            s.first_owner = 0;
            s.n_owners = static_cast<std::uint16_t>(p.n_workers);
        }
    }
}

void find_runs(Policy& p) noexcept {
    p.n_runs = 0;
    for (unsigned i = 0; i < p.n_slots; i++) {
        if (p.slot[i].state == PoolSlot::State::unused) continue;
        const std::uint32_t addr = p.slot[i].addr.host();
        SlotRun* last = p.n_runs == 0 ? nullptr : &p.run[p.n_runs - 1];
        if (last != nullptr && last->slot + last->n == i && last->first + last->n == addr) {
            last->n++;
            continue;
        }
        if (p.n_runs++ >= kRunsMax) return;
        p.run[p.n_runs - 1] = SlotRun{addr, 1, i};
    }
}

std::uint32_t home_of_t(const Policy& p, unsigned slot, std::uint16_t id, Proto proto) noexcept {
    const std::uint64_t key = (std::uint64_t{slot} << 32) | (std::uint64_t{id} << 8);
    return static_cast<std::uint32_t>(hash2(p.seed, key | static_cast<unsigned>(proto), 8) %
                                      kStaticHashSize);
}

std::uint32_t home_of_x(const Policy& p, const Endpoint6& x, Proto proto) noexcept {
    const std::uint64_t more = (std::uint64_t{x.id.wire()} << 8) | static_cast<unsigned>(proto);
    return static_cast<std::uint32_t>(hash_addr(p.seed, x.addr, more) % kStaticHashSize);
}

void index_static(Policy& p) noexcept {
    p.fixed_by_x.fill(0);
    p.fixed_by_t.fill(0);
    for (unsigned i = 0; i < p.n_slots; i++) {
        p.slot[i].has_static = false;
        p.slot[i].static_digest = 0;
    }
    const auto put = [](auto& table, std::uint32_t at, unsigned i) {
        while (table[at] != 0) at = (at + 1) % kStaticHashSize;
        table[at] = static_cast<std::uint16_t>(i + 1);
    };
    for (unsigned i = 0; i < p.n_static; i++) {
        const StaticEntry& e = p.fixed[i];
        put(p.fixed_by_t, home_of_t(p, e.slot, e.t.id.host(), e.proto), i);
        put(p.fixed_by_x, home_of_x(p, e.x, e.proto), i);
        PoolSlot& s = p.slot[e.slot];
        s.has_static = true;
        const std::uint64_t key =
            (std::uint64_t{e.t.id.wire()} << 8) | static_cast<unsigned>(e.proto);
        s.static_digest += static_cast<std::uint32_t>(hash_addr(p.seed, e.x.addr, key));
    }
}

}  // namespace

void finish_policy(Policy& p) noexcept {
    order_prefixes(p);
    for (unsigned g = 0; g < kGroupsMax; g++) decide_owners(p, static_cast<std::uint8_t>(g));
    decide_owners(p, kStaticGroup);
    std::stable_sort(p.rule.begin(), p.rule.begin() + p.n_rules, [](const Rule& a, const Rule& b) {
        return a.source.len_bits > b.source.len_bits;
    });
    find_runs(p);
    p.slot_hash.fill(0);
    for (unsigned i = 0; i < p.n_slots; i++) {
        if (p.slot[i].state == PoolSlot::State::unused) continue;
        std::uint32_t at = p.slot_home(p.slot[i].addr);
        while (p.slot_hash[at] != 0) at = (at + 1) % kSlotHashSize;
        p.slot_hash[at] = static_cast<std::uint16_t>(i + 1);
        p.slot[i].det_order = 0;
    }
    for (unsigned k = 0; p.deterministic.on && k < p.deterministic.n_slots; k++) {
        p.slot[p.deterministic.slot[k]].det_order = static_cast<std::uint16_t>(k + 1);
    }
    index_static(p);
}

const StaticEntry* Policy::static_of_t(unsigned slot_id, std::uint16_t id,
                                       Proto proto) const noexcept {
    if (n_static == 0) return nullptr;
    for (std::uint32_t at = home_of_t(*this, slot_id, id, proto); fixed_by_t[at] != 0;
         at = (at + 1) % kStaticHashSize) {
        const StaticEntry& e = fixed[fixed_by_t[at] - 1U];
        if (e.slot == slot_id && e.t.id.host() == id && e.proto == proto) return &e;
    }
    return nullptr;
}

const StaticEntry* Policy::static_of_x(const Endpoint6& x, Proto proto) const noexcept {
    if (n_static == 0) return nullptr;
    for (std::uint32_t at = home_of_x(*this, x, proto); fixed_by_x[at] != 0;
         at = (at + 1) % kStaticHashSize) {
        const StaticEntry& e = fixed[fixed_by_x[at] - 1U];
        if (e.x == x && e.proto == proto) return &e;
    }
    return nullptr;
}

std::uint8_t Policy::group_of(const Ipv6Addr& subscriber) const noexcept {
    for (unsigned i = 0; i < n_rules; i++) {
        if (rule[i].source.contains(subscriber)) return rule[i].group;
    }
    return 0;
}

unsigned Policy::special_owner(unsigned slot_id, std::uint16_t id, Proto proto) const noexcept {
    if (const StaticEntry* e = static_of_t(slot_id, id, proto); e != nullptr) {
        return owner_of_subscriber(*this, e->x.addr);
    }
    if (const auto s = deterministic_subscriber(*this, slot_id, id); s) {
        return owner_of_subscriber(*this, *s);
    }
    return shared_owner(slot[slot_id], id);
}

// RFC 7422 s2, algorithm 0 (sequential). Subscriber n: bits [inside.len, subscriber_bits) of the
// address.

std::uint32_t dynamic_from(const Deterministic& d) noexcept {
    return d.first_port + d.ports_each * d.per_address;
}

namespace {

std::uint64_t number_of(const Policy& p, const Ipv6Addr& x) noexcept {
    const unsigned first = p.deterministic.inside.len_bits, end = p.subscriber_bits;
    if (first >= end) return 0;
    const auto w = x.words();
    const Uint128 whole = Uint128{Be<std::uint64_t>::from_wire(w[0]).host()} << 64 |
                          Be<std::uint64_t>::from_wire(w[1]).host();
    return static_cast<std::uint64_t>(whole << first >> (128 - (end - first)));
}

}  // namespace

std::optional<PortRange> deterministic_range(const Policy& p, const Ipv6Addr& x) noexcept {
    const Deterministic& d = p.deterministic;
    if (!d.on || d.per_address == 0 || !d.inside.contains(x)) return std::nullopt;
    const std::uint64_t n = number_of(p, x);
    if (n / d.per_address >= d.n_slots) return std::nullopt;
    const auto first = static_cast<std::uint32_t>(d.first_port + n % d.per_address * d.ports_each);
    return PortRange{d.slot[n / d.per_address], static_cast<std::uint16_t>(first),
                     static_cast<std::uint16_t>(first + d.ports_each - 1)};
}

std::optional<Ipv6Addr> deterministic_subscriber(const Policy& p, unsigned slot,
                                                 std::uint16_t port) noexcept {
    const Deterministic& d = p.deterministic;
    const std::uint32_t order = p.slot[slot].det_order;
    if (!d.on || order == 0 || port < d.first_port || port >= dynamic_from(d)) return std::nullopt;
    std::uint64_t n =
        std::uint64_t{order - 1} * d.per_address + (port - d.first_port) / d.ports_each;
    Ipv6Addr x = d.inside.addr;
    for (unsigned bit = p.subscriber_bits; bit > d.inside.len_bits; bit--, n >>= 1) {
        if ((n & 1) != 0)
            x.octet[(bit - 1) / 8] |= static_cast<std::uint8_t>(0x80U >> ((bit - 1) % 8));
    }
    return n == 0 ? std::optional(x) : std::nullopt;
}

}  // namespace isthmus::nat
