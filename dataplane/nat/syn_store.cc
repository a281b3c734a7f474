// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/syn_store.h"

#include <algorithm>
#include <cstring>

namespace isthmus::nat {

SynStore::SynStore(Arena& arena, std::uint32_t entries, const Seed& seed) noexcept
    : seed_(seed), entries_(arena, entries), source_(arena.take_zeroed<std::uint8_t>(kSources)) {}

Drop SynStore::would_hold(const Endpoint4& t, const Endpoint4& z,
                          const StoredSyns& limits) const noexcept {
    const std::uint8_t count = count_of(z.addr);
    const bool full = n_ >= limits.all || count >= limits.per_source || count == 255;
    return (full || !entries_.has_room()) && !holds(t, z) ? Drop::tcp_syn_store_full
                                                          : Drop::tcp_syn_stored;
}

Drop SynStore::hold(const Syn& syn, const StoredSyns& limits, Now now) noexcept {
    const Drop why = would_hold(syn.t, syn.z, limits);
    if (why != Drop::tcp_syn_stored || holds(syn.t, syn.z)) return why;
    const Index i = entries_.insert(hash_of(syn.z), [&](Entry& e) {
        e.t = syn.t;
        e.z = syn.z;
        e.slot = syn.slot;
        e.port = syn.port;
        e.hairpin = syn.hairpin ? 1 : 0;
        e.until = now.tick.v + kLife.v;
        e.bytes = static_cast<std::uint16_t>(std::min<std::size_t>(syn.packet.size(), kPacketMost));
        std::memcpy(e.packet.data(), syn.packet.data(), e.bytes);
        e.older = youngest_;
    });
    if (youngest_ != kNone) entries_[youngest_].younger = i;
    youngest_ = i;
    if (oldest_ == kNone) oldest_ = i;
    count_of(syn.z.addr)++;
    n_++;
    return Drop::tcp_syn_stored;
}

bool SynStore::forget(const Endpoint4& t, const Endpoint4& z) noexcept {
    if (n_ == 0) return false;
    const Index i = entries_.find(hash_of(z), [&](const Entry& e) { return e.z == z && e.t == t; });
    if (i == kNone) return false;
    remove(i);
    return true;
}

const SynStore::Entry* SynStore::waiting_from(const Endpoint4& z) const noexcept {
    if (n_ == 0) return nullptr;
    const Index i = entries_.find(hash_of(z), [&](const Entry& e) { return e.z == z; });
    return i == kNone ? nullptr : &entries_[i];
}

void SynStore::remove(Index i) noexcept {
    const Entry& e = entries_[i];
    (e.older == kNone ? oldest_ : entries_[e.older].younger) = e.younger;
    (e.younger == kNone ? youngest_ : entries_[e.younger].older) = e.older;
    count_of(e.z.addr)--;
    n_--;
    entries_.erase(hash_of(e.z), i);
}

}  // namespace isthmus::nat
