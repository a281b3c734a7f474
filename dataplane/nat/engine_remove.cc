// SPDX-License-Identifier: Apache-2.0
// The end of bindings and sessions, with all that hangs on them.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

void Engine::remove_remote(Index binding, Ipv4Addr z) noexcept {
    const Index i = find_remote(binding, z);
    if (i == kNone) return;
    more_[i].last_seen -= 1;
    if (more_[i].last_seen == 0) more_.erase(hash_more(binding, z, kRemoteMark), i);
}

void Engine::remove_first(Binding& b, Now now) noexcept {
    if (cleared_session(b, b.epoch, b.z_addr, b.z_id)) result_.sessions++;
    if (is_unlikely(log_.sessions))
        tell_session(EventKind::session_removed, b, {b.z_addr, b.z_id}, now);
    b.has_session = 0;
    b.steady = 0;
    count_sessions(subscribers_[b.subscriber], -1);
    counters_.add(Counter::sessions_removed);
    publish_counts();
}

void Engine::remove_more(Index i, Now now) noexcept {
    const Session s = more_[i];
    const bool remote = s.is_remote();
    Binding& b = bindings_[s.binding];
    more_.erase(hash_more(s.binding, s.z_addr, remote ? kRemoteMark : s.z_id.get().wire()), i);
    if (remote || !b.is_live() || b.generation != s.binding_generation)
        return;  // counted when its binding went
    if (cleared_session(b, s.epoch, s.z_addr, s.z_id)) result_.sessions++;
    if (is_unlikely(log_.sessions))
        tell_session(EventKind::session_removed, b, {s.z_addr, s.z_id}, now);
    b.n_more -= 1;
    remove_remote(s.binding, s.z_addr);
    count_sessions(subscribers_[b.subscriber], -1);
    counters_.add(Counter::sessions_removed);
    publish_counts();
}

void Engine::remove_binding(const Policy& policy, Index i, Now now, bool by_order) noexcept {
    Binding& b = bindings_[i];
    by_order = by_order || closes(b);
    if (by_order) result_.bindings++;
    // Its connections did not end by themselves: what is still on the way is not for somebody else.
    const bool cut =
        by_order || b.n_more != 0 ||
        (b.has_session != 0 && alive(policy, {b.proto, b.tcp, b.z_id, b.last_seen}, now));
    if (cleared(b)) result_.sessions += b.n_more;
    if (b.has_session != 0) remove_first(b, now);
    if (is_unlikely(log_.bindings)) tell_binding(EventKind::binding_removed, policy, b, now);
    Subscriber& s = subscribers_[b.subscriber];
    // Further sessions become orphans, which the sweep frees; they are counted as gone here.
    count_sessions(s, -std::int64_t{b.n_more});
    counters_.add(Counter::sessions_removed, b.n_more);
    index_.erase(hash_of({b.x_addr, b.x_id}, b.proto), i);
    Wanted w{{b.x_addr, b.x_id}, {}, b.proto, b.subscriber, i};
    w.slot = b.slot;
    w.port = b.t_id.get().host();
    w.life = b.live;
    w.now = now;
    const bool fixed = w.life == Life::fixed;
    // TCP that has ended by its state machine need not rest (RFC 6888 REQ-8, exception A), but for
    // what is on its way.
    const bool brief = w.proto == Proto::tcp && !cut;
    give_back(policy, w,
              fixed   ? Ports::Rest::none
              : brief ? Ports::Rest::brief
                      : Ports::Rest::full);
    if (!fixed) count_ports(s, w.proto, -1);
    s.n_bindings -= 1;
    if (s.n_bindings == 0) {
        if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, now);
        subscribers_.erase(hash_of_subscriber(s.prefix), b.subscriber);
    }
    {
        const Writing guard(b.generation);
        b.live = Life::none;
        b.n_more = 0;
    }
    b.subscriber = free_;
    free_ = i;
    n_bindings_--;
    counters_.add(Counter::bindings_removed);
    publish_counts();
}

}  // namespace isthmus::nat
