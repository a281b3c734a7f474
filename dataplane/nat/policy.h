// SPDX-License-Identifier: Apache-2.0
// What an operator decides about state, compiled into plain arrays by the agent and read by the
// engines. Immutable; part of the snapshot. Ids of prefixes and pool slots are stable: a retired
// one is used again only after every engine has completed the sweep that the retirement started
// (Engine::swept()).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/limits.h"
#include "common/base/prefetch.h"
#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "common/net/tuple.h"
#include "dataplane/nat/hash.h"
#include "dataplane/nat/log_switch.h"
#include "dataplane/nat/steering.h"

namespace isthmus::nat {

inline constexpr unsigned kPrefixesMax = limits::kPrefixes;
inline constexpr unsigned kSlotsMax = limits::kPoolAddresses;
inline constexpr unsigned kSlotHashSize = 4 * kSlotsMax;
inline constexpr unsigned kWorkersMax = limits::kWorkers;
inline constexpr unsigned kGroupsMax = limits::kPools;
inline constexpr unsigned kRulesMax = limits::kRules;  // source prefix -> pool
inline constexpr unsigned kStaticMax = limits::kStaticPorts;
inline constexpr unsigned kStaticHashSize = 2 * kStaticMax;
inline constexpr unsigned kExcludedMax = limits::kExclusions;
inline constexpr unsigned kUdpTimersMax = limits::kUdpTimers;
inline constexpr unsigned kBlocksMost = 16;         // port blocks of one subscriber
inline constexpr std::uint8_t kStaticGroup = 0xff;  // addresses that serve static bindings only

struct PrefixSlot {
    bool live = false;
    bool well_known = false;
    Pref64 pref;
    std::uint64_t retired = 0;  // generation that took it out of use; 0: never used
    std::uint8_t rank = 0;      // its place in the configuration
};

struct PoolSlot {
    enum class State : std::uint8_t { unused, active, draining };
    State state = State::unused;
    Ipv4Addr addr;
    std::uint16_t first_port = 1024, last_port = 65535;  // inclusive; ours to allocate
    std::uint8_t group = 0;                              // the pool it belongs to
    bool has_static = false;                             // some port is bound statically
    std::uint16_t det_order = 0;  // place among the deterministic addresses, plus 1; 0: none
    // Owners: workers [first_owner, first_owner + n_owners) share groups of ports round robin. They
    // are decided once, when the address comes (n_owners 0), and stay: a binding's owner never
    // changes.
    std::uint16_t first_owner = 0, n_owners = 0;
    std::uint16_t home = 0;           // the worker where its packets arrive, and its fragments wait
    std::uint32_t static_digest = 0;  // changes when the static ports of this address do
    std::uint64_t retired = 0;        // generation that took it out of use; 0: in use, or never
    friend bool operator==(const PoolSlot&, const PoolSlot&) = default;
};

/// Consecutive addresses in consecutive slots.
struct SlotRun {
    std::uint32_t first = 0, n = 0;  // address, host order
    std::uint32_t slot = 0;
};
inline constexpr unsigned kRunsMax = 4;

struct Lifetimes {
    Tick udp = ticks_of_seconds(300);
    Tick icmp = ticks_of_seconds(60);
    Tick tcp_established = ticks_of_seconds(7440);
    Tick tcp_transitory = ticks_of_seconds(240);
    Tick tcp_half_open = ticks_of_seconds(240);  // RFC 7857 s2.1
    Tick port_hold = ticks_of_seconds(120);
};

struct Limits {
    std::uint32_t ports_per_subscriber = 2048;  // of each protocol
    std::uint32_t sessions_per_subscriber = 8192;
    std::uint32_t sessions_per_binding = 4096;
    std::uint32_t new_sessions_per_second = 0;     // of a subscriber; 0: no limit
    std::uint32_t ports_held = 0;                  // at rest in a worker; 0: as many as bindings
    std::uint32_t ports_per_subscriber_alarm = 0;  // told to the logs; 0: never
};

/// Subscribers in `source` get their addresses from pool `group`; the longest prefix decides.
struct Rule {
    Prefix6 source;
    std::uint8_t group = 0;
};

/// (X',x) <-> (T,t) by the operator's word (RFC 6146 s3.1); `slot` is T's.
struct StaticEntry {
    Endpoint6 x;
    Endpoint4 t;
    std::uint16_t slot = 0;
    Proto proto = Proto::udp;
};

/// A destination that is not translated (RFC 6888 REQ-6); ports 0-65535: any, and ICMP too.
struct Excluded {
    Prefix4 destination;
    std::uint16_t first_port = 0, last_port = 65535;
};

/// Lifetime of UDP sessions to one destination port (RFC 4787 REQ-5a; 500 and 4500 for IPsec).
struct UdpTimer {
    Be16 port;
    Tick life;
};

/// Ports given to subscribers in blocks of 1 << bits (RFC 6888 REQ-14); bits 0: off. Start-only.
struct PortBlocks {
    std::uint8_t bits = 0;
    std::uint8_t most = 8;  // of one subscriber
    Tick hold = ticks_of_seconds(120);
    [[nodiscard]] bool on() const noexcept { return bits != 0; }
};

/// RFC 7422: subscriber n of `inside` has the n-th range of ports, by calculation alone. The ranges
/// of an address are `per_address` times `ports_each` from `first_port` on; what is above them is
/// the dynamic part, given out in blocks.
struct Deterministic {
    bool on = false;
    Prefix6 inside;
    std::uint16_t first_port = 1024;
    std::uint32_t ports_each = 0;
    std::uint32_t per_address = 0;  // C, the compression ratio
    std::uint8_t dynamic = 0;       // D: 0: no dynamic part
    std::uint8_t most_blocks = 0;   // M
    unsigned n_slots = 0;
    std::array<std::uint16_t, kSlotsMax> slot{};  // in order
};

/// SYNs of the IPv4 side held for a simultaneous open, of one worker.
struct StoredSyns {
    std::uint32_t all = 1024, per_source = 4;
};

struct Policy {
    std::uint64_t generation = 0;
    LogSwitch log;
    std::array<PrefixSlot, kPrefixesMax> prefix;
    std::array<std::uint8_t, kPrefixesMax> prefix_by_rank{};  // ids, as the operator wrote them
    struct PrefixKey {                                        // ready for comparing
        std::array<std::uint64_t, 2> prefix{}, mask{};
        std::uint8_t id = 0, len_bits = 0;
    };
    std::array<PrefixKey, kPrefixesMax> prefix_key{};  // those that are live, longest first
    unsigned n_prefixes = 0;
    std::array<PoolSlot, kSlotsMax> slot;
    unsigned n_slots = 0;                                  // slots [0, n_slots) may be in use
    std::array<std::uint16_t, kSlotHashSize> slot_hash{};  // slot + 1, open addressing; 0: empty
    unsigned n_runs = 0;                                   // above kRunsMax: too many, use the hash
    std::array<SlotRun, kRunsMax> run;
    Seed seed;          // of slot_hash and of the subscribers' owners
    Steering steering;  // off (as in tests): by hash, addresses in turn
    unsigned n_workers = 1;
    std::uint8_t subscriber_bits = 64;
    bool address_dependent_filtering = false;
    bool pooling_soft = false;
    bool preserve_parity = true;
    bool drop_external_tcp = false;
    bool v4_refresh = true;
    bool tcp_probes = true;
    bool rst_in_fin = true;
    bool drop_tcp_strays = false;  // segments without SYN that have a binding but no session
    Lifetimes lifetimes;
    Limits limits;
    unsigned n_udp_timers = 0;
    std::array<UdpTimer, kUdpTimersMax> udp_timer;
    unsigned n_rules = 0;
    std::array<Rule, kRulesMax> rule;  // longest source prefix first
    unsigned n_excluded = 0;
    std::array<Excluded, kExcludedMax> excluded;
    PortBlocks blocks;
    StoredSyns stored_syns;
    Deterministic deterministic;
    unsigned n_static = 0;
    std::array<StaticEntry, kStaticMax> fixed;
    std::array<std::uint16_t, kStaticHashSize> fixed_by_x{}, fixed_by_t{};  // index + 1; 0: empty

    /// The longest Pref64 that contains `dst`, or nullptr.
    [[nodiscard]] const PrefixKey* find_prefix(const Ipv6Addr& dst) const noexcept {
        const auto w = dst.words();
        for (unsigned i = 0; i < n_prefixes; i++) {
            const PrefixKey& p = prefix_key[i];
            const std::uint64_t differs =
                ((w[0] ^ p.prefix[0]) & p.mask[0]) | ((w[1] ^ p.prefix[1]) & p.mask[1]);
            if (is_likely(differs == 0)) return &p;
        }
        return nullptr;
    }
    /// Its id, or -1.
    [[nodiscard]] int match_prefix(const Ipv6Addr& dst) const noexcept {
        const PrefixKey* const p = find_prefix(dst);
        return p == nullptr ? -1 : p->id;
    }
    [[nodiscard]] bool in_any_prefix(const Ipv6Addr& a) const noexcept {
        return match_prefix(a) >= 0;
    }

    /// The slot of a pool address, or -1: O(1) for any pool, and without touching memory when the
    /// pool is a few runs of consecutive addresses.
    [[nodiscard]] int slot_of(Ipv4Addr t) const noexcept {
        if (is_unlikely(n_runs > kRunsMax)) return slot_by_hash(t);
        for (unsigned i = 0; i < n_runs; i++) {
            const std::uint32_t offset = t.host() - run[i].first;
            if (offset < run[i].n) return static_cast<int>(run[i].slot + offset);
        }
        return -1;
    }
    [[nodiscard]] int slot_by_hash(Ipv4Addr t) const noexcept {
        for (std::uint32_t i = slot_home(t);; i = (i + 1) % kSlotHashSize) {
            if (slot_hash[i] == 0) return -1;
            if (slot[slot_hash[i] - 1U].addr == t) return slot_hash[i] - 1;
        }
    }
    [[nodiscard]] std::uint32_t slot_home(Ipv4Addr t) const noexcept {
        return static_cast<std::uint32_t>(hash2(seed, t.host(), 4) % kSlotHashSize);
    }
    /// The worker that owns port or identifier `id` of a slot.
    [[nodiscard]] unsigned owner_of(unsigned slot_id, std::uint16_t id,
                                    Proto proto) const noexcept {
        const PoolSlot& s = slot[slot_id];
        if (is_unlikely(s.has_static || s.det_order != 0)) return special_owner(slot_id, id, proto);
        return shared_owner(s, id);
    }
    /// Groups of ports change owners no finer than a cache line of the array, or a block.
    [[nodiscard]] unsigned group_bits() const noexcept { return blocks.bits > 6 ? blocks.bits : 6; }
    [[nodiscard]] unsigned shared_owner(const PoolSlot& s, std::uint16_t id) const noexcept {
        return s.first_owner + (s.n_owners <= 1 ? 0U : (id >> group_bits()) % s.n_owners);
    }
    /// The static binding of (T,t) or of (X',x), or nullptr.
    [[nodiscard]] const StaticEntry* static_of_t(unsigned slot_id, std::uint16_t id,
                                                 Proto proto) const noexcept;
    [[nodiscard]] const StaticEntry* static_of_x(const Endpoint6& x, Proto proto) const noexcept;
    /// The pool that a subscriber takes addresses from.
    [[nodiscard]] std::uint8_t group_of(const Ipv6Addr& subscriber) const noexcept;
    /// RFC 6888 REQ-6. `id`: the destination port; of ICMP none.
    [[nodiscard]] bool is_excluded(const Endpoint4& z, Proto proto) const noexcept {
        for (unsigned i = 0; i < n_excluded; i++) {
            const Excluded& e = excluded[i];
            if (!e.destination.contains(z.addr)) continue;
            if (e.first_port == 0 && e.last_port == 65535) return true;
            if (proto == Proto::icmp) continue;
            if (z.id.host() >= e.first_port && z.id.host() <= e.last_port) return true;
        }
        return false;
    }
    [[nodiscard]] std::uint32_t udp_life(Be16 z_port) const noexcept {
        for (unsigned i = 0; i < n_udp_timers; i++) {
            if (udp_timer[i].port == z_port) return udp_timer[i].life.v;
        }
        return lifetimes.udp.v;
    }
    [[nodiscard]] unsigned home_of(unsigned slot_id) const noexcept { return slot[slot_id].home; }

private:
    [[nodiscard]] unsigned special_owner(unsigned slot_id, std::uint16_t id,
                                         Proto proto) const noexcept;
};

/// The worker that owns the subscriber of `source`.
[[nodiscard]] inline unsigned owner_of_subscriber(const Policy& p,
                                                  const Ipv6Addr& source) noexcept {
    if (p.n_workers == 1) return 0;
    // Of a shorter prefix the entry would depend on bits that are the subscriber's to choose.
    if (p.steering.is_on() && p.subscriber_bits >= 64) return p.steering.worker_of(source);
    return static_cast<unsigned>(hash_addr(p.seed, masked(source, p.subscriber_bits), 6) %
                                 p.n_workers);
}

/// Ports `first` to `last` of a slot.
struct PortRange {
    std::uint16_t slot = 0, first = 0, last = 0;
};
/// RFC 7422 s2: the range of the subscriber of `x`; nothing: not a deterministic subscriber.
[[nodiscard]] std::optional<PortRange> deterministic_range(const Policy& p,
                                                           const Ipv6Addr& x) noexcept;
/// And the way back: the subscriber's prefix of a port in the deterministic part.
[[nodiscard]] std::optional<Ipv6Addr> deterministic_subscriber(const Policy& p, unsigned slot,
                                                               std::uint16_t port) noexcept;
/// First port of the dynamic part of a deterministic address.
[[nodiscard]] std::uint32_t dynamic_from(const Deterministic& d) noexcept;

/// Fills the hashes, the orders of prefixes and rules, and new slots' owners from the rest; call
/// after every change.
void finish_policy(Policy& p) noexcept;

}  // namespace isthmus::nat
