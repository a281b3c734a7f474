// SPDX-License-Identifier: Apache-2.0
// The steps of a burst's newcomers (newcomer.h). Each is a few instructions and touches only what
// the step before has asked for; nothing is changed but the newcomer itself.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

/// Asks for the head of the subscriber's chain, and for the `nth` binding to be made.
void Engine::meet(const Policy& policy, Newcomer& n, unsigned nth) const noexcept {
    n.number = ports_.number_of_next(nth);
    n.pairing = random_ + 1 + nth;
    n.prefix = masked(n.x.addr, policy.subscriber_bits);
    n.subscriber_hash = hash_of_subscriber(n.prefix);
    subscribers_.prefetch_head(n.subscriber_hash);
    // Records given back are asked for one by one, as the chain of them is followed.
    const Index fresh = fresh_ + nth;
    if (free_ == kNone && fresh < sizes_.bindings) prefetch_for_write(&bindings_[fresh]);
}

/// Asks for the first subscriber of the chain.
void Engine::ask_subscriber(const Policy& policy, Newcomer& n) const noexcept {
    n.subscriber = subscribers_.first(n.subscriber_hash);
    if (n.subscriber != kNone) prefetch_subscriber(policy, n.subscriber);
}

/// When that is somebody else, asks for the second one. Without a branch: it would be a coin's.
void Engine::pass_on(const Policy& policy, Newcomer& n) const noexcept {
    if (is_unlikely(n.subscriber == kNone)) return;
    const Subscriber& s = subscribers_[n.subscriber];
    const Index next = s.next == kNone ? n.subscriber : s.next;
    n.subscriber = s.prefix == n.prefix ? n.subscriber : next;
    prefetch_subscriber(policy, n.subscriber);
}

void Engine::prefetch_subscriber(const Policy& policy, Index i) const noexcept {
    const Subscriber& s = subscribers_[i];
    prefetch_for_write(&s);
    if (policy.blocks.on()) prefetch_for_write(&s.block);
}

/// Finds the subscriber; asks for the free ports among which one will be chosen.
void Engine::ask_ports(const Policy& policy, Newcomer& n) const noexcept {
    while (n.subscriber != kNone && subscribers_[n.subscriber].prefix != n.prefix)
        n.subscriber = subscribers_[n.subscriber].next;
    if (is_unlikely(policy.deterministic.on)) {
        if (const auto own = deterministic_range(policy, n.x.addr)) {
            n.from = Newcomer::From::range;
            n.range = *own;
            if (own->slot < sizes_.slots) ports_.prefetch_words_within(n.proto, *own, n.number);
            return;
        }
    }
    if (n.subscriber == kNone) return foresee_pair(policy, n);
    const Subscriber& s = subscribers_[n.subscriber];
    if (policy.blocks.on()) return ask_blocks(policy, s, n);
    if (s.slot >= sizes_.slots || !slot_active_[s.slot]) return;
    n.from = Newcomer::From::pool;
    n.range.slot = s.slot;
    ports_.prefetch_words(s.slot, n.proto, wish_of(policy, n.x.id, n.proto), n.number);
}

/// Chooses the address of somebody new, and a block of it, as pair() and choose_in_blocks() will.
void Engine::foresee_pair(const Policy& policy, Newcomer& n) const noexcept {
    const int slot = least_loaded(policy, n.proto, policy.group_of(n.prefix), n.pairing);
    if (slot < 0) return;
    n.range.slot = static_cast<std::uint16_t>(slot);
    if (!policy.blocks.on()) {
        n.pairs = true;
        n.from = Newcomer::From::pool;
        ports_.prefetch_words(n.range.slot, n.proto, wish_of(policy, n.x.id, n.proto), n.number);
        return;
    }
    const auto block = blocks_.choose(n.range.slot, n.pairing);
    if (!block) return;
    n.pairs = true;
    n.from = Newcomer::From::range;
    n.block = *block;
    n.range = range_of(policy, std::uint32_t{n.range.slot} << 16 | *block);
    ports_.prefetch_words_within(n.proto, n.range, n.number);
    blocks_.prefetch_info(n.range.slot, *block);
}

/// The same of all his blocks: which of them has a free port is seen when the words are there.
void Engine::ask_blocks(const Policy& policy, const Subscriber& s, Newcomer& n) const noexcept {
    n.from = Newcomer::From::blocks;
    for (unsigned k = 0; k < s.n_blocks; k++) {
        const PortRange range = range_of(policy, s.block[k]);
        ports_.prefetch_words_within(n.proto, range, n.number);
        blocks_.prefetch_info(range.slot, s.block[k] & 0xffff);
    }
}

/// Chooses a port; asks for its cell.
void Engine::foresee_port(const Policy& policy, Newcomer& n) const noexcept {
    std::optional<std::uint16_t> port;
    n.slot = n.range.slot;
    switch (n.from) {
        case Newcomer::From::unknown:
            return;
        case Newcomer::From::pool:
            port = ports_.choose(n.slot, n.proto, wish_of(policy, n.x.id, n.proto), n.number,
                                 n.parity_kept);
            break;
        case Newcomer::From::range:
            if (n.slot >= sizes_.slots || !slot_active_[n.slot]) return;
            port = ports_.choose_within(n.proto, n.range, 2, n.number, n.parity_kept);
            break;
        case Newcomer::From::blocks:
            port = foresee_in_blocks(policy, n);
            break;
    }
    if (!port) return;
    n.port = *port;
    prefetch_for_write(ports_.cell(n.slot, n.proto, n.port));
}

/// As choose_in_blocks() will.
std::optional<std::uint16_t> Engine::foresee_in_blocks(const Policy& policy,
                                                       Newcomer& n) const noexcept {
    const Subscriber& s = subscribers_[n.subscriber];
    std::optional<std::uint16_t> port;
    if (s.slot >= sizes_.slots) return port;
    (void)serving_blocks(policy, s, s.slot, [&](std::uint32_t block) {
        const PortRange range = range_of(policy, block);
        n.slot = range.slot;
        port = ports_.choose_within(n.proto, range, 2, n.number, n.parity_kept);
        return port.has_value();
    });
    return port;
}

}  // namespace isthmus::nat
