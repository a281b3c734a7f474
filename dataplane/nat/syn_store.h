// SPDX-License-Identifier: Apache-2.0
// SYNs from the IPv4 side that nobody expects yet (RFC 6146 s3.5.2.2, TCP_INCOMING_SYN): held for
// six seconds, because the IPv6 host may be opening towards the same peer (simultaneous open, RFC
// 5382 REQ-4). Then either a SYN of that host has matched, and the stored one is dropped silently,
// or the time is over and the sender is told.
//
// Bounded in number and, by a table of small counters that sources share by hash (a collision only
// refuses sooner), for each source. All entries live equally long: the list is in order of expiry.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/units.h"
#include "common/net/tuple.h"
#include "common/stats/drop.h"
#include "dataplane/nat/chain_table.h"
#include "dataplane/nat/hash.h"

namespace isthmus::nat {

class SynStore {
public:
    static constexpr std::uint32_t kPacketMost = 256;  // bytes kept of the SYN, for the error
    static constexpr Tick kLife = ticks_of_seconds(6);

    struct Entry {
        Endpoint4 t, z;
        std::uint16_t slot = 0;
        std::uint16_t bytes = 0;
        std::uint32_t until = 0;  // Tick
        std::uint16_t port = 0;   // it arrived on
        std::uint8_t hairpin = 0;
        std::uint32_t live = 0;
        Index next = kNone;                    // in its hash chain
        Index older = kNone, younger = kNone;  // in order of arrival
        std::array<std::uint8_t, kPacketMost> packet{};
    };
    SynStore(Arena& arena, std::uint32_t entries, const Seed& seed) noexcept;

    /// What a SYN says of itself; `packet` from its IP header on.
    struct Syn {
        std::uint16_t slot = 0, port = 0;
        bool hairpin = false;
        Endpoint4 t, z;
        std::span<const std::uint8_t> packet;
    };
    /// Drop::tcp_syn_stored: held now or already (the clock is not set again); else
    /// tcp_syn_store_full.
    [[nodiscard]] Drop hold(const Syn& syn, const StoredSyns& limits, Now now) noexcept;

    /// What hold() would say.
    [[nodiscard]] Drop would_hold(const Endpoint4& t, const Endpoint4& z,
                                  const StoredSyns& limits) const noexcept;

    [[nodiscard]] bool empty() const noexcept { return n_ == 0; }
    [[nodiscard]] std::uint32_t size() const noexcept { return n_; }
    /// Forgets the SYN (Z,z) -> (T,t); false: there is none.
    bool forget(const Endpoint4& t, const Endpoint4& z) noexcept;
    /// Some (T,t) that a SYN of (Z,z) is held for, or nullptr.
    [[nodiscard]] const Entry* waiting_from(const Endpoint4& z) const noexcept;

    /// fn(const Entry&) for each whose time is over, at most `budget` of them.
    template <typename Fn>
    void expire(Now now, unsigned budget, Fn&& fn) noexcept {
        while (oldest_ != kNone && budget-- > 0 && entries_[oldest_].until <= now.tick.v) {
            const Index i = oldest_;
            const Entry e = entries_[i];
            remove(i);
            fn(e);
        }
    }

private:
    static constexpr unsigned kSources = 4096;
    [[nodiscard]] std::uint64_t hash_of(const Endpoint4& z) const noexcept {
        return hash2(seed_, z.addr.host(), z.id.host());
    }
    [[nodiscard]] std::uint8_t& count_of(Ipv4Addr z) const noexcept {
        return source_[hash2(seed_, z.host(), 9) % kSources];
    }
    [[nodiscard]] bool holds(const Endpoint4& t, const Endpoint4& z) const noexcept {
        return entries_.find(hash_of(z), [&](const Entry& e) { return e.z == z && e.t == t; }) !=
               kNone;
    }
    void remove(Index i) noexcept;

    Seed seed_;
    ChainTable<Entry> entries_;
    std::span<std::uint8_t> source_;
    Index oldest_ = kNone, youngest_ = kNone;
    std::uint32_t n_ = 0;
};

}  // namespace isthmus::nat
