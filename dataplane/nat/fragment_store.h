// SPDX-License-Identifier: Apache-2.0
// Fragments of datagrams whose ids are not known yet, and those that must be put together (RFC 6146
// s3.4).
//
// A datagram is an entry, found by (source, destination, protocol, identification). Its first
// fragment tells the ids, and later ones are then translated as they come. What comes before the
// first one is copied here and held for the hold time (2 s); the first one releases it in order of
// arrival. Datagrams that must be whole before their checksum can be made (ICMP; IPv4 UDP without
// checksum) are held until complete. A datagram whose last octet has gone on ends at once. Memory
// is fixed: a number of entries, a number of cells of 2 KiB, one piece in each; no source (an IPv6
// subscriber, an IPv4 address) has more than a sixteenth of either. Who begins more datagrams than
// that loses his own oldest; when many sources fill the table, an old one of any goes: a flood
// stops nobody else's fragments. Overlapping pieces spoil the datagram (RFC 5722), also where some
// of them are long gone: the ranges of the first 64 are remembered. Exact duplicates are no overlap
// (RFC 8200 s4.5).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/stats/drop.h"
#include "dataplane/nat/arena.h"
#include "dataplane/nat/chain_table.h"
#include "dataplane/nat/hash.h"

namespace isthmus::nat {

class FragmentStore {
public:
    static constexpr unsigned kCellBytes = 2048;
    static constexpr unsigned kPiecesMost = 64;  // of one datagram

    struct Key {
        Ipv6Addr src, dst;  // IPv4: in the first four octets
        std::uint32_t id = 0;
        std::uint8_t protocol = 0, family = 6;
        friend bool operator==(const Key&, const Key&) = default;
    };
    /// One fragment: the whole IP packet is kept; offset and bytes are of its payload.
    struct Piece {
        std::span<const std::uint8_t> packet;
        std::uint32_t payload_at = 0, offset = 0, bytes = 0;
        bool more = false;
        std::uint16_t port = 0;
    };
    /// Octets [first, end) of a datagram's payload, of the piece that ends it or of another.
    struct Range {
        std::uint32_t first = 0, end = 0;
        bool last = false;
        friend bool operator==(const Range&, const Range&) = default;
    };
    struct Ids {
        bool known = false;
        Be16 src, dst;
        std::uint16_t ip_id = 0;  // of our own for this datagram
    };

    [[nodiscard]] static std::size_t bytes_needed(std::uint32_t entries,
                                                  std::uint32_t cells) noexcept;
    FragmentStore(std::span<std::byte> memory, std::uint32_t entries, std::uint32_t cells,
                  const Seed& seed) noexcept;

    /// The ids of the datagram, when its first fragment has been here. One that is complete is
    /// over: what comes with its identification is of another.
    [[nodiscard]] Ids ids_of(const Key& key, Now now) noexcept;
    /// The first fragment came, with these ids; from now on ids_of() answers. A datagram that was
    /// complete, or had other ids, is over: its identification is used anew. The ids that count:
    /// those of a duplicate's original; these when the table is full.
    Ids note_first(const Key& key, const Ids& ids, Now now) noexcept;
    /// A fragment of a known datagram is going on: `range` of its payload. Drop::fragment_overlap:
    /// it must not, nor may any other of this datagram.
    Drop note_passing(const Key& key, const Range& range) noexcept;
    /// Keeps a copy. Drop::none: held. A duplicate is dropped as held (nothing new is kept).
    Drop hold(const Key& key, const Piece& piece, Now now) noexcept;
    /// Takes the oldest held piece of a datagram into `into` (at least kCellBytes); 0: none left.
    std::uint32_t pull(const Key& key, std::span<std::uint8_t> into, std::uint16_t& port) noexcept;
    /// Payload bytes of a datagram whose pieces are all here; 0: not yet.
    [[nodiscard]] std::uint32_t complete(const Key& key) const noexcept;
    /// Copies the first piece's headers (returned length) and the whole payload behind them; the
    /// entry ends.
    std::uint32_t assemble(const Key& key, std::span<std::uint8_t> into) noexcept;
    /// Ends entries past their time, a few in each call; fn(Drop) for each held piece that goes
    /// with one.
    template <typename Fn>
    void expire(Now now, Fn&& fn) noexcept {
        for (unsigned n = 0; n < 16 && entries_.high_water() != 0; n++) {
            hand_ = hand_ + 1 >= entries_.high_water() ? 0 : hand_ + 1;
            Entry& e = entries_[hand_];
            if (e.live % 2 == 0 || e.until.v >= now.tick.v) continue;
            for (unsigned i = 0; i < e.n_pieces; i++) fn(Drop::fragment_timeout);
            end(hand_);
        }
        for (; lost_to_share_ != 0; lost_to_share_--) fn(Drop::fragment_source_share);
        for (; lost_to_memory_ != 0; lost_to_memory_--) fn(Drop::fragment_memory);
    }
    /// expire() has nothing to do, nor will it until the next fragment.
    [[nodiscard]] bool is_idle() const noexcept {
        return entries_.size() == 0 && lost_to_share_ == 0 && lost_to_memory_ == 0;
    }
    /// How long pieces are held; whom the addresses of one IPv6 source are (a prefix length).
    void configure(Tick hold, unsigned subscriber_bits) noexcept {
        hold_ = hold;
        subscriber_bits_ = subscriber_bits;
    }
    [[nodiscard]] std::uint32_t cells_used() const noexcept { return n_cells_used_; }

private:
    struct Cell {
        std::array<std::uint8_t, kCellBytes> bytes;
    };
    struct Held {
        Index cell = kNone;
        std::uint16_t packet_bytes = 0, payload_at = 0, port = 0;
        bool more = false;
        std::uint32_t offset = 0, bytes = 0;
    };
    struct Entry {
        Key key;
        Index next = kNone;
        std::uint32_t live = 0;
        Tick until;
        Index source = kNone, older = kNone, younger = kNone;  // of the same source
        bool spoilt = false;
        Ids ids;
        std::uint32_t n_pieces = 0, total = 0;  // total: payload bytes, once the last piece came
        std::uint32_t n_seen = 0, seen_bytes = 0;
        std::array<Held, kPiecesMost> piece{};
        std::array<Range, kPiecesMost> seen{};
    };
    enum class Seen : std::uint8_t { fresh, duplicate, overlap };
    struct Source {
        Ipv6Addr addr;
        Index next = kNone;
        std::uint32_t live = 0, cells = 0, entries = 0;
        Index oldest = kNone, youngest = kNone;
    };
    FragmentStore(Arena arena, std::uint32_t entries, std::uint32_t cells,
                  const Seed& seed) noexcept;
    [[nodiscard]] std::uint64_t hash_of(const Key& k) const noexcept;
    [[nodiscard]] Index find(const Key& k, Now now) noexcept;
    [[nodiscard]] Index find_or_make(const Key& k, Now now) noexcept;
    Drop place(Entry& e, const Piece& p) noexcept;
    static Seen see(Entry& e, const Range& range) noexcept;
    [[nodiscard]] static bool is_over(const Entry& e) noexcept {
        return !e.spoilt && e.total != 0 && e.seen_bytes == e.total && e.n_pieces == 0;
    }
    void spoil(Entry& e) noexcept;
    void free_pieces(Entry& e) noexcept;
    void end(Index i) noexcept;
    [[nodiscard]] Ipv6Addr owner_of(const Key& k) const noexcept;
    [[nodiscard]] Index source_of(const Key& k) const noexcept;
    [[nodiscard]] Index find_or_make_source(const Key& k) noexcept;
    void link(Index entry, Index source) noexcept;
    void unlink(const Entry& e) noexcept;
    [[nodiscard]] Index an_old_one() noexcept;
    void end_early(Index i, std::uint32_t& lost) noexcept;
    void release(const Entry& e, Index cell) noexcept;

    Seed seed_;
    ChainTable<Entry> entries_;
    ChainTable<Source> sources_;
    std::span<Cell> cells_;
    std::span<Index> free_cells_;
    std::uint32_t n_cells_used_ = 0;
    Tick hold_ = ticks_of_seconds(2);
    unsigned subscriber_bits_ = 64;
    Index hand_ = 0;
    std::uint32_t lost_to_share_ = 0, lost_to_memory_ = 0;  // held pieces, not yet told
};

}  // namespace isthmus::nat
