// SPDX-License-Identifier: Apache-2.0
// The steps of a burst's newcomers (newcomer.h). Each is a few instructions and touches only what
// the step before has asked for; nothing is changed but the newcomer itself.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

/// Asks for the head of the subscriber's chain, and for the `nth` binding to be made.
void Engine::meet(const Policy& policy, Newcomer& n, unsigned nth) const noexcept {
    n.number = ports_.number_of_next(nth);
    n.prefix = masked(n.x.addr, policy.subscriber_bits);
    n.subscriber_hash = hash_of_subscriber(n.prefix);
    subscribers_.prefetch_head(n.subscriber_hash);
    // Records given back are asked for one by one, as the chain of them is followed.
    const Index fresh = fresh_ + nth;
    if (free_ == kNone && fresh < sizes_.bindings) prefetch_for_write(&bindings_[fresh]);
}

/// Asks for the first subscriber of the chain.
void Engine::ask_subscriber(Newcomer& n) const noexcept {
    n.subscriber = subscribers_.first(n.subscriber_hash);
    if (n.subscriber != kNone) prefetch_for_write(&subscribers_[n.subscriber]);
}

/// When that is somebody else, asks for the second one. Without a branch: it would be a coin's.
void Engine::pass_on(Newcomer& n) const noexcept {
    if (is_unlikely(n.subscriber == kNone)) return;
    const Subscriber& s = subscribers_[n.subscriber];
    const Index next = s.next == kNone ? n.subscriber : s.next;
    n.subscriber = s.prefix == n.prefix ? n.subscriber : next;
    prefetch_for_write(&subscribers_[n.subscriber]);
}

/// Finds the subscriber; asks for the free ports of his address among which one will be chosen.
void Engine::ask_ports(const Policy& policy, Newcomer& n) const noexcept {
    while (n.subscriber != kNone && subscribers_[n.subscriber].prefix != n.prefix)
        n.subscriber = subscribers_[n.subscriber].next;
    if (n.subscriber == kNone || policy.blocks.on() || policy.deterministic.on) return;
    const Subscriber& s = subscribers_[n.subscriber];
    if (s.slot >= sizes_.slots || !slot_active_[s.slot]) return;
    n.slot = s.slot;
    n.has_slot = true;
    ports_.prefetch_words(n.slot, n.proto, wish_of(policy, n.x.id, n.proto), n.number);
}

/// Chooses a port; asks for its cell.
void Engine::foresee_port(const Policy& policy, Newcomer& n) const noexcept {
    if (!n.has_slot) return;
    const auto port =
        ports_.choose(n.slot, n.proto, wish_of(policy, n.x.id, n.proto), n.number, n.parity_kept);
    if (!port) return;
    n.port = *port;
    prefetch_for_write(ports_.cell(n.slot, n.proto, n.port));
}

}  // namespace isthmus::nat
