// SPDX-License-Identifier: Apache-2.0
// Which pool address and port a new binding gets: the subscriber's paired address (RFC 4787 REQ-2),
// his port blocks (RFC 6888 REQ-14) or his deterministic range (RFC 7422); and how a port goes
// back.
#include <algorithm>

#include "dataplane/nat/engine.h"

namespace isthmus::nat {

/// Of a few addresses with room, taken at random, the one with most (all of them when they are
/// few).
int Engine::least_loaded(const Policy& policy, Proto proto, std::uint8_t group,
                         std::uint64_t nonce) const noexcept {
    constexpr unsigned kSample = 8, kFew = 2 * kSample;
    if (group >= kGroupsMax) return -1;
    SlotSet candidates = of_group_[group];
    candidates &= ports_.with_room(proto);
    if (policy.blocks.on()) candidates &= blocks_.with_room();
    const unsigned n = candidates.size();
    if (n == 0) return -1;
    const std::uint64_t r = hash2(seed_, nonce, 7);
    unsigned best = 0;
    std::uint32_t most = 0;
    unsigned at = static_cast<unsigned>(r % sizes_.slots);
    for (unsigned k = 0; k < (n <= kFew ? n : kSample); k++) {
        at = candidates.next(at);
        std::uint32_t room = policy.blocks.on() ? blocks_.free_count(at) : 0;
        for (unsigned p = 0; p < kProtos && !policy.blocks.on(); p++)
            room += ports_.free_count(at, static_cast<Proto>(p));
        if (room > most) {
            most = room;
            best = at;
        }
        at = n <= kFew ? at + 1 : static_cast<unsigned>(hash2(seed_, r, k) % sizes_.slots);
        if (at >= kSlotsMax) at = 0;
    }
    return static_cast<int>(best);
}

int Engine::paired_slot(const Policy& policy, const Subscriber& s,
                        std::uint8_t group) const noexcept {
    const bool good =
        s.slot < sizes_.slots && slot_active_[s.slot] && policy.slot[s.slot].group == group;
    return good ? s.slot.get() : -1;
}

int Engine::choose_address(const Policy& policy, const Wanted& w, std::uint8_t group) noexcept {
    const Newcomer* const n = w.newcomer;
    if (n != nullptr && n->pairs && n->pairing > random_ &&
        (policy.blocks.on() ? blocks_.with_room() : ports_.with_room(w.proto)).has(n->range.slot)) {
        random_ = n->pairing;
        return n->range.slot;
    }
    return least_loaded(policy, w.proto, group, ++random_);
}

std::optional<std::uint16_t> Engine::choose_block(const Wanted& w, unsigned slot) noexcept {
    const Newcomer* const n = w.newcomer;
    const bool foreseen = n != nullptr && n->pairs && n->pairing == random_ &&
                          n->range.slot == slot && blocks_.is_free(slot, n->block);
    return foreseen ? n->block : blocks_.choose(slot, ++random_);
}

bool Engine::pair(const Policy& policy, Subscriber& s, const Wanted& w) noexcept {
    if (s.seen != policy_stamp_) {
        s.group = policy.group_of(s.prefix);
        s.seen = policy_stamp_;
    }
    if (paired_slot(policy, s, s.group) >= 0) return true;
    const int fresh = choose_address(policy, w, s.group);
    if (fresh < 0) return false;
    set_pair(policy, s, static_cast<std::uint16_t>(fresh), w.now);
    return true;
}

void Engine::set_pair(const Policy& policy, Subscriber& s, std::uint16_t slot, Now now) noexcept {
    if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, now);
    s.slot = slot;
    if (is_unlikely(log_.addresses)) tell_address(EventKind::address_bound, policy, s, now);
}

/// A host with a static binding gets its other ports on the same address, when this worker has any
/// there (RFC 6146 s3.5.1.1).
void Engine::pair_with_static(const Policy& policy, Subscriber& s, const Wanted& w) noexcept {
    if (s.slot < sizes_.slots || !slot_active_[w.slot] || !ports_.is_open(w.slot)) return;
    if (ports_.free_count(w.slot, w.proto) == 0) return;
    if (policy.slot[w.slot].group != policy.group_of(s.prefix)) return;
    set_pair(policy, s, w.slot, w.now);
}

Drop Engine::choose_port(const Policy& policy, Wanted& w) noexcept {
    Subscriber& s = subscribers_[w.subscriber];
    if (is_unlikely(policy.deterministic.on)) {
        const auto own = deterministic_range(policy, w.x.addr);
        if (own) return choose_deterministic(policy, w, *own);
    }
    if (!policy.blocks.on() && unloggable()) return Drop::log_path_down;
    if (!pair(policy, s, w)) return Drop::pool4_exhausted;
    if (is_unlikely(w.proto == Proto::tcp && !syns_.empty()) && choose_stored_syn(policy, w))
        return Drop::none;
    if (!policy.blocks.on()) return choose_in_pool(policy, w);
    Drop why = choose_in_blocks(policy, w, s.slot, policy.blocks.most);
    if (why == Drop::pool4_exhausted && policy.pooling_soft) {
        const int other = least_loaded(policy, w.proto, s.group, ++random_);
        if (other >= 0)
            why = choose_in_blocks(policy, w, static_cast<unsigned>(other), policy.blocks.most);
    }
    return why;
}

bool Engine::take_foreseen(Wanted& w) noexcept {
    const Newcomer& n = *w.newcomer;
    if (!ports_.take_chosen(n.slot, w.proto, n.port, n.number, w.binding)) return false;
    if (!n.parity_kept) counters_.add(Counter::parity_not_kept);
    w.slot = n.slot;
    w.port = n.port;
    return true;
}

bool Engine::take_foreseen_in_block(const Policy& policy, Wanted& w, unsigned slot) noexcept {
    if (!w.foreseen() || w.newcomer->slot != slot || !slot_active_[slot]) return false;
    const unsigned block = w.newcomer->port >> policy.blocks.bits;
    if (!blocks_.gives(slot, block)) return false;
    if (blocks_.owner(w.newcomer->slot, block) != w.subscriber || !take_foreseen(w)) return false;
    blocks_.use(w.slot, block);
    return true;
}

Drop Engine::choose_in_pool(const Policy& policy, Wanted& w) noexcept {
    const Subscriber& s = subscribers_[w.subscriber];
    w.slot = s.slot;
    if (is_likely(w.foreseen() && w.newcomer->slot == w.slot) && take_foreseen(w))
        return Drop::none;
    const Ports::Wish wish = wish_of(policy, w.x.id, w.proto);
    bool kept = true;
    auto got = ports_.take(w.slot, w.proto, wish, w.binding, kept);
    if (!got && policy.pooling_soft) {
        const int other = least_loaded(policy, w.proto, s.group, ++random_);
        if (other >= 0) {
            w.slot = static_cast<std::uint16_t>(other);
            got = ports_.take(w.slot, w.proto, wish, w.binding, kept);
        }
    }
    if (!got) return Drop::pool4_exhausted;
    if (!kept) counters_.add(Counter::parity_not_kept);
    w.port = *got;
    return Drop::none;
}

Drop Engine::choose_in_blocks(const Policy& policy, Wanted& w, unsigned slot,
                              unsigned most) noexcept {
    Subscriber& s = subscribers_[w.subscriber];
    if (take_foreseen_in_block(policy, w, slot)) return Drop::none;
    bool kept = true;
    const auto take_in = [&](std::uint32_t block) {
        const PortRange range = range_of(policy, block);
        const auto port = ports_.take_within(w.proto, range, 2, w.binding, kept);
        if (!port) return false;
        w.slot = range.slot;
        w.port = *port;
        blocks_.use(range.slot, block & 0xffff);
        return true;
    };
    const unsigned n = serving_blocks(policy, s, slot, take_in);
    if (w.port != 0) return Drop::none;
    if (n >= most || s.n_blocks >= kBlocksMost) return Drop::subscriber_blocks;
    if (unloggable()) return Drop::log_path_down;
    const auto number = choose_block(w, slot);
    if (!number) return Drop::pool4_exhausted;
    blocks_.take(slot, *number, w.subscriber);
    s.block[s.n_blocks] = (slot << 16) | *number;
    s.n_blocks += 1;
    counters_.add(Counter::blocks_taken);
    if (take_foreseen_in_block(policy, w, slot) || take_in(s.block[s.n_blocks - 1U])) {
        if (is_unlikely(log_.blocks))
            tell_block(EventKind::block_created, policy, s.block[s.n_blocks - 1U], w);
        return Drop::none;
    }
    // All its ports still rest from their last owner.
    s.n_blocks -= 1;
    blocks_.use(slot, *number);
    (void)blocks_.leave(slot, *number, Tick{0}, Tick{0});
    counters_.add(Counter::blocks_released);
    return Drop::pool4_exhausted;
}

/// RFC 7422 s2 steps 3-4: the subscriber's own range, then blocks of the dynamic part.
Drop Engine::choose_deterministic(const Policy& policy, Wanted& w, const PortRange& own) noexcept {
    if (own.slot >= sizes_.slots || !slot_active_[own.slot]) return Drop::pool4_exhausted;
    const bool foreseen = w.foreseen() && w.newcomer->slot == own.slot &&
                          own.first <= w.newcomer->port && w.newcomer->port <= own.last;
    if (is_likely(foreseen) && take_foreseen(w)) return Drop::none;
    bool kept = true;
    const auto port = ports_.take_within(w.proto, own, 2, w.binding, kept);
    if (port) {
        w.slot = own.slot;
        w.port = *port;
        return Drop::none;
    }
    const Deterministic& d = policy.deterministic;
    if (d.dynamic == 0 || !policy.blocks.on()) return Drop::subscriber_ports;
    return choose_in_blocks(policy, w, own.slot, d.most_blocks);
}

/// A SYN waits for somebody who opens to its sender: give exactly what it asked for, when that is
/// free and the subscriber may have it (RFC 6146 s3.5.2.2; a forged SYN must not break the rules).
bool Engine::choose_stored_syn(const Policy& policy, Wanted& w) noexcept {
    const SynStore::Entry* e = syns_.waiting_from(w.z);
    if (e == nullptr || e->slot != subscribers_[w.subscriber].slot) return false;
    const std::uint16_t port = e->t.id.host();
    const unsigned block = policy.blocks.on() ? port >> policy.blocks.bits : 0U;
    if (policy.blocks.on() && blocks_.owner(e->slot, block) != w.subscriber) return false;
    if (!ports_.take_exact(e->slot, w.proto, port, w.binding)) return false;
    if (policy.blocks.on()) blocks_.use(e->slot, block);
    w.slot = e->slot;
    w.port = port;
    return true;
}

/// The port of a binding that goes, or that could not be made after all.
void Engine::give_back(const Policy& policy, const Wanted& w, Ports::Rest rest) noexcept {
    ports_.release(w.slot, w.proto, w.port, w.now.tick, rest);
    if (!policy.blocks.on() || w.life == Life::fixed) return;
    const unsigned number = w.port >> policy.blocks.bits;
    if (blocks_.owner(w.slot, number) != w.subscriber) return;
    if (!blocks_.leave(w.slot, number, w.now.tick, policy.blocks.hold)) return;
    counters_.add(Counter::blocks_released);
    Subscriber& s = subscribers_[w.subscriber];
    const std::uint32_t block = (std::uint32_t{w.slot} << 16) | number;
    if (is_unlikely(log_.blocks)) tell_block(EventKind::block_removed, policy, block, w);
    for (unsigned k = 0; k < s.n_blocks; k++) {
        if (s.block[k] != block) continue;
        s.n_blocks -= 1;
        s.block[k] = s.block[s.n_blocks];
        return;
    }
}

}  // namespace isthmus::nat
