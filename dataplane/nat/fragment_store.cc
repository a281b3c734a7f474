// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/fragment_store.h"

#include <algorithm>
#include <cstring>

#include "common/net/prefix.h"

namespace isthmus::nat {

namespace {

constexpr std::uint32_t kShare = 16;  // one source: a sixteenth of the entries and of the cells

std::uint32_t share_of(std::size_t all) noexcept {
    return std::max<std::uint32_t>(static_cast<std::uint32_t>(all) / kShare, 4);
}

}  // namespace

std::size_t FragmentStore::bytes_needed(std::uint32_t entries, std::uint32_t cells) noexcept {
    Arena count{{}};
    const ChainTable<Entry> e(count, entries);
    const ChainTable<Source> s(count, entries);
    count.take_zeroed<Cell>(cells);
    count.take<Index>(cells);
    return count.used();
}

FragmentStore::FragmentStore(std::span<std::byte> memory, std::uint32_t entries,
                             std::uint32_t cells, const Seed& seed) noexcept
    : FragmentStore(Arena{memory}, entries, cells, seed) {}

FragmentStore::FragmentStore(Arena arena, std::uint32_t entries, std::uint32_t cells,
                             const Seed& seed) noexcept
    : seed_(seed),
      entries_(arena, entries),
      sources_(arena, entries),
      cells_(arena.take_zeroed<Cell>(cells)),
      free_cells_(arena.take<Index>(cells)) {
    for (std::uint32_t i = 0; i < free_cells_.size(); i++) free_cells_[i] = i;
}

std::uint64_t FragmentStore::hash_of(const Key& k) const noexcept {
    return hash_addr(
        seed_, k.src,
        hash_addr(seed_, k.dst,
                  (std::uint64_t{k.id} << 16) | (std::uint64_t{k.protocol} << 8) | k.family));
}

Index FragmentStore::find(const Key& k, Now now) noexcept {
    const Index i = entries_.find(hash_of(k), [&](const Entry& e) { return e.key == k; });
    if (i == kNone || entries_[i].until.v >= now.tick.v) return i;
    end(i);  // its time is over: the identification may be used anew
    return kNone;
}

Index FragmentStore::find_or_make(const Key& k, Now now) noexcept {
    Index i = find(k, now);
    if (i != kNone) return i;
    const Index known = source_of(k);
    if (known != kNone && sources_[known].entries >= share_of(entries_.capacity()))
        end_early(sources_[known].oldest, lost_to_share_);
    if (!entries_.has_room()) end_early(an_old_one(), lost_to_memory_);
    const Index source = find_or_make_source(k);
    i = entries_.insert(hash_of(k), [&](Entry& e) {
        e.key = k;
        e.until = now.tick + hold_ + Tick{1};
    });
    link(i, source);
    return i;
}

Ipv6Addr FragmentStore::owner_of(const Key& k) const noexcept {
    return k.family == 6 ? masked(k.src, subscriber_bits_) : k.src;
}

Index FragmentStore::source_of(const Key& k) const noexcept {
    const Ipv6Addr owner = owner_of(k);
    return sources_.find(hash_addr(seed_, owner, 1),
                         [&](const Source& s) { return s.addr == owner; });
}

/// There are as many records of sources as of entries: one is free when an entry is.
Index FragmentStore::find_or_make_source(const Key& k) noexcept {
    const Index i = source_of(k);
    if (i != kNone) return i;
    const Ipv6Addr owner = owner_of(k);
    return sources_.insert(hash_addr(seed_, owner, 1), [&](Source& s) { s.addr = owner; });
}

void FragmentStore::link(Index entry, Index source) noexcept {
    Source& s = sources_[source];
    Entry& e = entries_[entry];
    e.source = source;
    e.older = s.youngest;
    if (s.youngest != kNone) entries_[s.youngest].younger = entry;
    if (s.oldest == kNone) s.oldest = entry;
    s.youngest = entry;
    s.entries++;
}

void FragmentStore::unlink(const Entry& e) noexcept {
    Source& s = sources_[e.source];
    (e.older == kNone ? s.oldest : entries_[e.older].younger) = e.younger;
    (e.younger == kNone ? s.youngest : entries_[e.younger].older) = e.older;
    if (--s.entries == 0) sources_.erase(hash_addr(seed_, s.addr, 1), e.source);
}

/// The oldest of the next few, one that holds nothing rather than one that does.
Index FragmentStore::an_old_one() noexcept {
    constexpr unsigned kLook = 16;
    const auto worse = [&](Index a, Index b) {
        const Entry &x = entries_[a], &y = entries_[b];
        if ((x.n_pieces == 0) != (y.n_pieces == 0)) return x.n_pieces == 0;
        return x.until < y.until;
    };
    Index found = kNone;
    for (unsigned n = 0; n < kLook; n++) {
        hand_ = hand_ + 1 >= entries_.high_water() ? 0 : hand_ + 1;
        if (entries_.is_live(hand_) && (found == kNone || worse(hand_, found))) found = hand_;
    }
    return found;
}

void FragmentStore::end_early(Index i, std::uint32_t& lost) noexcept {
    lost += entries_[i].n_pieces;
    end(i);
}

FragmentStore::Ids FragmentStore::ids_of(const Key& key, Now now) noexcept {
    const Index i = find(key, now);
    if (i == kNone) return {};
    if (!is_over(entries_[i])) return entries_[i].ids;
    end(i);
    return {};
}

FragmentStore::Ids FragmentStore::note_first(const Key& key, const Ids& ids, Now now) noexcept {
    const Index i = find_or_make(key, now);
    if (i == kNone) return ids;
    Entry& e = entries_[i];
    const bool other = e.ids.src != ids.src || e.ids.dst != ids.dst;
    if (e.ids.known && !e.spoilt && (is_over(e) || other)) {
        e.n_seen = e.seen_bytes = e.total = 0;
        e.until = now.tick + hold_ + Tick{1};
        e.ids = ids;
    }
    if (!e.ids.known) e.ids = ids;
    return e.ids;
}

FragmentStore::Seen FragmentStore::see(Entry& e, const Range& range) noexcept {
    for (std::uint32_t i = 0; i < e.n_seen; i++) {
        const Range& s = e.seen[i];
        if (s == range) return Seen::duplicate;
        if (range.first < s.end && s.first < range.end) return Seen::overlap;
    }
    const bool beyond = e.total != 0 && (range.end > e.total || range.last);
    if (beyond) return Seen::overlap;
    if (range.last) e.total = range.end;
    e.seen_bytes += range.end - range.first;
    if (e.n_seen < kPiecesMost) e.seen[e.n_seen++] = range;
    return Seen::fresh;
}

Drop FragmentStore::note_passing(const Key& key, const Range& range) noexcept {
    const Index i = entries_.find(hash_of(key), [&](const Entry& e) { return e.key == key; });
    if (i == kNone) return Drop::none;  // the table is full: it passes unwatched
    Entry& e = entries_[i];
    if (e.spoilt || see(e, range) == Seen::overlap) {
        spoil(e);
        return Drop::fragment_overlap;
    }
    if (is_over(e)) end(i);
    return Drop::none;
}

Drop FragmentStore::place(Entry& e, const Piece& p) noexcept {
    if (e.n_pieces == kPiecesMost || n_cells_used_ == cells_.size()) return Drop::fragment_memory;
    if (p.packet.size() > kCellBytes) return Drop::fragment_memory;
    Source& s = sources_[e.source];
    // Before the piece counts as seen: it may come again when there is room.
    if (s.cells >= share_of(cells_.size())) return Drop::fragment_source_share;
    switch (see(e, {p.offset, p.offset + p.bytes, !p.more})) {
        case Seen::duplicate:
            return Drop::count_;
        case Seen::overlap:
            return Drop::fragment_overlap;
        default:
            break;
    }
    s.cells++;
    return Drop::none;
}

Drop FragmentStore::hold(const Key& key, const Piece& piece, Now now) noexcept {
    const Index i = find_or_make(key, now);
    if (i == kNone) return Drop::fragment_memory;
    Entry& e = entries_[i];
    if (e.spoilt) return Drop::fragment_overlap;
    const Drop why = place(e, piece);
    if (why == Drop::count_) return Drop::none;
    if (why == Drop::fragment_overlap) spoil(e);
    if (why != Drop::none) {
        if (e.n_pieces == 0 && !e.ids.known && !e.spoilt) end(i);
        return why;
    }
    const Index cell = free_cells_[n_cells_used_++];
    std::memcpy(cells_[cell].bytes.data(), piece.packet.data(), piece.packet.size());
    e.piece[e.n_pieces++] = Held{cell,
                                 static_cast<std::uint16_t>(piece.packet.size()),
                                 static_cast<std::uint16_t>(piece.payload_at),
                                 piece.port,
                                 piece.more,
                                 piece.offset,
                                 piece.bytes};
    return Drop::none;
}

std::uint32_t FragmentStore::pull(const Key& key, std::span<std::uint8_t> into,
                                  std::uint16_t& port) noexcept {
    const Index i = entries_.find(hash_of(key), [&](const Entry& e) { return e.key == key; });
    if (i == kNone || entries_[i].n_pieces == 0) return 0;
    Entry& e = entries_[i];
    const Held h = e.piece[0];
    if (into.size() < h.packet_bytes) return 0;
    std::memcpy(into.data(), cells_[h.cell].bytes.data(), h.packet_bytes);
    port = h.port;
    for (unsigned k = 1; k < e.n_pieces; k++) e.piece[k - 1] = e.piece[k];
    e.n_pieces--;
    release(e, h.cell);
    if (is_over(e)) end(i);
    return h.packet_bytes;
}

std::uint32_t FragmentStore::complete(const Key& key) const noexcept {
    const Index i = entries_.find(hash_of(key), [&](const Entry& e) { return e.key == key; });
    if (i == kNone || entries_[i].total == 0) return 0;
    const Entry& e = entries_[i];
    std::uint32_t sum = 0;  // pieces do not overlap: their sum tells
    for (unsigned k = 0; k < e.n_pieces; k++) sum += e.piece[k].bytes;
    return sum == e.total ? e.total : 0;
}

std::uint32_t FragmentStore::assemble(const Key& key, std::span<std::uint8_t> into) noexcept {
    const Index i = entries_.find(hash_of(key), [&](const Entry& e) { return e.key == key; });
    if (i == kNone) return 0;
    Entry& e = entries_[i];
    const Held* first = nullptr;
    for (unsigned k = 0; k < e.n_pieces; k++) first = e.piece[k].offset == 0 ? &e.piece[k] : first;
    std::uint32_t header = 0;
    if (first != nullptr && first->payload_at + e.total <= into.size()) {
        header = first->payload_at;
        std::memcpy(into.data(), cells_[first->cell].bytes.data(), header);
        for (unsigned k = 0; k < e.n_pieces; k++) {
            const Held& h = e.piece[k];
            std::memcpy(into.data() + header + h.offset, cells_[h.cell].bytes.data() + h.payload_at,
                        h.bytes);
        }
    }
    end(i);
    return header;
}

void FragmentStore::release(const Entry& e, Index cell) noexcept {
    free_cells_[--n_cells_used_] = cell;
    sources_[e.source].cells--;
}

void FragmentStore::free_pieces(Entry& e) noexcept {
    for (unsigned k = 0; k < e.n_pieces; k++) release(e, e.piece[k].cell);
    e.n_pieces = 0;
}

void FragmentStore::spoil(Entry& e) noexcept {
    free_pieces(e);
    e.spoilt = true;
}

void FragmentStore::end(Index i) noexcept {
    free_pieces(entries_[i]);
    unlink(entries_[i]);
    entries_.erase(hash_of(entries_[i].key), i);
}

}  // namespace isthmus::nat
