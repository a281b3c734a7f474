// SPDX-License-Identifier: Apache-2.0
// What an operator decides about state, compiled into plain arrays by the agent and read by the
// engines. Immutable; part of the snapshot. Ids of prefixes and pool slots are stable: a retired
// one is used again only after every engine has completed the sweep that the retirement started
// (Engine::swept()).
#pragma once

#include <array>
#include <cstdint>

#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "common/net/tuple.h"
#include "dataplane/nat/hash.h"

namespace isthmus::nat {

inline constexpr unsigned kPrefixesMax = 16;
inline constexpr unsigned kSlotsMax = 1024;
inline constexpr unsigned kSlotHashSize = 4 * kSlotsMax;
inline constexpr unsigned kWorkersMax = 64;
inline constexpr unsigned kPortGroup = 64;  // ports change owners in groups of this many

struct PrefixSlot {
    bool live = false;
    bool well_known = false;
    Pref64 pref;
};

struct PoolSlot {
    enum class State : std::uint8_t { unused, active, draining };
    State state = State::unused;
    Ipv4Addr addr;
    std::uint16_t first_port = 1024, last_port = 65535;  // inclusive; ours to allocate
    // Owners: workers [first_owner, first_owner + n_owners) share the groups round robin.
    std::uint16_t first_owner = 0, n_owners = 1;
    friend bool operator==(const PoolSlot&, const PoolSlot&) = default;
};

struct Lifetimes {
    Tick udp = ticks_of_seconds(300);
    Tick icmp = ticks_of_seconds(60);
    Tick tcp_established = ticks_of_seconds(7440);
    Tick tcp_transitory = ticks_of_seconds(240);
    Tick port_hold = ticks_of_seconds(120);
};

struct Limits {
    std::uint32_t ports_per_subscriber = 2048;  // of each protocol
    std::uint32_t sessions_per_subscriber = 8192;
    std::uint32_t sessions_per_binding = 4096;
    std::uint32_t new_sessions_per_second = 0;  // of a subscriber; 0: no limit
};

struct Policy {
    std::uint64_t generation = 0;
    std::array<PrefixSlot, kPrefixesMax> prefix;
    std::array<std::uint8_t, kPrefixesMax> prefix_order{};  // ids, longest prefix first
    unsigned n_prefixes = 0;
    std::array<PoolSlot, kSlotsMax> slot;
    unsigned n_slots = 0;                                  // slots [0, n_slots) may be in use
    std::array<std::uint16_t, kSlotHashSize> slot_hash{};  // slot + 1, open addressing; 0: empty
    Seed seed;  // of slot_hash and of the subscribers' owners
    unsigned n_workers = 1;
    std::uint8_t subscriber_bits = 64;
    bool address_dependent_filtering = false;
    bool pooling_soft = false;
    bool preserve_parity = true;
    bool drop_external_tcp = false;
    bool v4_refresh = true;
    bool tcp_probes = true;
    bool rst_in_fin = true;
    Lifetimes lifetimes;
    Limits limits;

    /// The id of the longest Pref64 that contains `dst`, or -1.
    [[nodiscard]] int match_prefix(const Ipv6Addr& dst) const noexcept {
        for (unsigned i = 0; i < n_prefixes; i++) {
            if (prefix[prefix_order[i]].pref.contains(dst)) return prefix_order[i];
        }
        return -1;
    }
    [[nodiscard]] bool in_any_prefix(const Ipv6Addr& a) const noexcept {
        return match_prefix(a) >= 0;
    }

    /// The slot of a pool address, or -1: O(1) for any pool.
    [[nodiscard]] int slot_of(Ipv4Addr t) const noexcept {
        for (std::uint32_t i = slot_home(t);; i = (i + 1) % kSlotHashSize) {
            if (slot_hash[i] == 0) return -1;
            if (slot[slot_hash[i] - 1U].addr == t) return slot_hash[i] - 1;
        }
    }
    [[nodiscard]] std::uint32_t slot_home(Ipv4Addr t) const noexcept {
        return static_cast<std::uint32_t>(hash2(seed, t.host(), 4) % kSlotHashSize);
    }
    /// The worker that owns port or identifier `id` of a slot.
    [[nodiscard]] unsigned owner_of(unsigned slot_id, std::uint16_t id) const noexcept {
        const PoolSlot& s = slot[slot_id];
        return s.first_owner + (s.n_owners == 1 ? 0U : (id / kPortGroup) % s.n_owners);
    }
    /// The worker that keeps the slot's fragments (where a NIC would deliver the address).
    [[nodiscard]] unsigned home_of(unsigned slot_id) const noexcept {
        return slot[slot_id].first_owner;
    }
};

/// The worker that owns the subscriber of `source`.
[[nodiscard]] inline unsigned owner_of_subscriber(const Policy& p,
                                                  const Ipv6Addr& source) noexcept {
    if (p.n_workers == 1) return 0;
    return static_cast<unsigned>(hash_addr(p.seed, masked(source, p.subscriber_bits), 6) %
                                 p.n_workers);
}

/// Fills slot_hash, prefix_order and the slots' owners from the rest; call after every change.
void finish_policy(Policy& p) noexcept;

}  // namespace isthmus::nat
