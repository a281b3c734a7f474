// SPDX-License-Identifier: Apache-2.0
// Bindings and sessions are made here: subscriber, limits, port (engine_ports.cc), records, counts.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

Drop Engine::subscriber_of(const Policy& policy, Wanted& w) noexcept {
    const Newcomer* const n = w.newcomer;
    if (n != nullptr && n->subscriber != kNone && subscribers_.is_live(n->subscriber) &&
        subscribers_[n->subscriber].prefix == n->prefix) {
        w.subscriber = n->subscriber;
        return Drop::none;
    }
    const Ipv6Addr prefix = masked(w.x.addr, policy.subscriber_bits);
    const std::uint64_t hash = hash_of_subscriber(prefix);
    w.subscriber = subscribers_.find(hash, [&](const Subscriber& s) { return s.prefix == prefix; });
    if (w.subscriber != kNone) return Drop::none;
    w.subscriber = subscribers_.insert(hash, [&](Subscriber& s) { s.prefix = prefix; });
    return w.subscriber == kNone ? Drop::subscriber_table_full : Drop::none;
}

std::uint32_t Engine::rate_left(const Policy& policy, const Subscriber& s, Now now) noexcept {
    const std::uint32_t limit = policy.limits.new_sessions_per_second;
    if (limit == 0) return ~std::uint32_t{0};
    const auto second = static_cast<std::uint32_t>(now.ns.v / kNanosPerSecond);
    const std::uint32_t used = s.rate_second == second ? s.rate_count : 0;
    return limit > used ? limit - used : 0;
}

void Engine::count_rate(const Policy& policy, Subscriber& s, Now now) noexcept {
    if (policy.limits.new_sessions_per_second == 0) return;
    const auto second = static_cast<std::uint32_t>(now.ns.v / kNanosPerSecond);
    if (s.rate_second != second) {
        s.rate_second = second;
        s.rate_count = 0;
    }
    s.rate_count++;
}

Drop Engine::limits_of(const Policy& policy, const Subscriber& s, Proto proto, Now now) noexcept {
    if (s.n_ports[static_cast<unsigned>(proto)] >= policy.limits.ports_per_subscriber)
        return Drop::subscriber_ports;
    if (s.n_sessions >= policy.limits.sessions_per_subscriber) return Drop::subscriber_sessions;
    // Before a port is taken: one given back at once would rest for nothing.
    if (rate_left(policy, s, now) == 0) return Drop::subscriber_rate;
    return Drop::none;
}

Drop Engine::create_binding(const Policy& policy, Wanted& w, Now now) noexcept {
    w.now = now;
    Drop why = subscriber_of(policy, w);
    if (why != Drop::none) return why;
    if (w.life == Life::dynamic) why = limits_of(policy, subscribers_[w.subscriber], w.proto, now);
    w.binding = free_ != kNone ? free_ : (fresh_ < sizes_.bindings ? fresh_ : kNone);
    if (why == Drop::none && w.binding == kNone) why = Drop::binding_table_full;
    if (why == Drop::none) {
        if (w.life == Life::fixed) {
            ports_.take_static(w.slot, w.proto, w.port, w.binding);
        } else {
            why = choose_port(policy, w);
        }
        const std::uint64_t hash = w.newcomer != nullptr ? w.newcomer->hash : hash_of(w.x, w.proto);
        if (why == Drop::none && !index_.insert(hash, w.binding)) {
            give_back(policy, w, Ports::Rest::none);
            why = Drop::binding_table_full;
        }
    }
    Subscriber& s = subscribers_[w.subscriber];
    if (why != Drop::none) {
        if (s.n_bindings == 0) {
            if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, now);
            subscribers_.erase(hash_of_subscriber(s.prefix), w.subscriber);
        }
        return why;
    }
    write_binding(policy, w);
    if (w.life == Life::fixed) pair_with_static(policy, s, w);
    if (w.life == Life::dynamic) {
        count_ports(s, w.proto, 1);
        if (is_unlikely(s.n_ports[static_cast<unsigned>(w.proto)] ==
                        policy.limits.ports_per_subscriber_alarm))
            tell_alarm(policy, s, w.proto, now);
    }
    s.n_bindings += 1;
    n_bindings_++;
    counters_.add(Counter::bindings_created);
    publish_counts();
    if (is_unlikely(log_.bindings))
        tell_binding(EventKind::binding_created, policy, bindings_[w.binding], now);
    return Drop::none;
}

void Engine::write_binding(const Policy& policy, const Wanted& w) noexcept {
    Binding& b = bindings_[w.binding];
    if (free_ == w.binding) {
        free_ = b.subscriber;
        if (free_ != kNone) prefetch_for_write(&bindings_[free_]);  // the next one's
    } else {
        fresh_++;
    }
    b.subscriber = w.subscriber;
    b.epoch = epoch_;
    const Writing guard(b.generation);
    b.x_addr = w.x.addr;
    b.x_id = w.x.id;
    b.t_addr = policy.slot[w.slot].addr;
    b.t_id = Be16{w.port};
    b.slot = w.slot;
    b.proto = w.proto;
    b.has_session = 0;
    b.steady = 0;
    b.n_more = 0;
    b.live = w.life;
}

Index Engine::make_static(const Policy& policy, const StaticEntry* e, Now now) noexcept {
    if (is_likely(e == nullptr) || e->slot >= sizes_.slots || !slot_live_[e->slot]) return kNone;
    if (owner_of_subscriber(policy, e->x.addr) != worker_) return kNone;
    if (is_unlikely(open_cursor_ < sizes_.slots)) return kNone;  // its port is not reserved yet
    // What stands in the way is older than the operator's word.
    const Index by_x = find(hash_of(e->x, e->proto), e->x, e->proto);
    if (by_x != kNone) {
        const Binding& b = bindings_[by_x];
        if (b.live == Life::fixed && b.slot == e->slot && b.t_id == e->t.id) return by_x;
        remove_binding(policy, by_x, now);
    }
    const Index by_t = find(e->slot, e->t.id, e->proto);
    if (by_t != kNone) remove_binding(policy, by_t, now);
    Wanted w{e->x, {}, e->proto};
    w.life = Life::fixed;
    w.slot = e->slot;
    w.port = e->t.id.host();
    return create_binding(policy, w, now) == Drop::none ? w.binding : kNone;
}

void Engine::bind_static(const Policy& policy, Now now, unsigned budget) noexcept {
    if (is_unlikely(open_cursor_ < sizes_.slots)) return;
    for (; static_cursor_ < policy.n_static && budget > 0; static_cursor_++, budget--) {
        const StaticEntry& e = policy.fixed[static_cursor_];
        (void)make_static(policy, &e, now);
        // Another worker's now, but given out here before.
        const Index by_t = e.slot < sizes_.slots ? find(e.slot, e.t.id, e.proto) : kNone;
        if (by_t != kNone && bindings_[by_t].live == Life::dynamic)
            remove_binding(policy, by_t, now);
    }
}

Drop Engine::session_refused(const Policy& policy, const Subscriber& s, std::uint32_t n,
                             Now now) const noexcept {
    if (s.n_sessions >= policy.limits.sessions_per_subscriber) return Drop::subscriber_sessions;
    if (n >= policy.limits.sessions_per_binding) return Drop::binding_sessions;
    if (rate_left(policy, s, now) == 0) return Drop::subscriber_rate;
    return log_.sessions && unloggable() ? Drop::log_path_down : Drop::none;
}

Drop Engine::add_session(const Policy& policy, Index binding, const NewSession& session,
                         Now now) noexcept {
    const Endpoint4& z = session.z;
    Binding& b = bindings_[binding];
    Subscriber& s = subscribers_[b.subscriber];
    const Drop why = session_refused(policy, s, b.n_more + b.has_session, now);
    if (why != Drop::none) return why;
    count_rate(policy, s, now);
    const TcpState state = b.proto == Proto::tcp ? session.tcp : TcpState::closed;
    if (b.has_session == 0) {
        b.z_addr = z.addr;
        b.z_id = z.id;
        b.tcp = state;
        b.prefix = session.prefix;
        b.steady = 0;
        b.last_seen = now.tick.v;
        b.epoch = epoch_;
        b.has_session = 1;
    } else {
        const auto fill = [&](Session& m) {
            m.binding = binding;
            m.binding_generation = b.generation;
            m.z_addr = z.addr;
            m.z_id = z.id;
            m.tcp = state;
            m.prefix = session.prefix;
            m.last_seen = now.tick.v;
            m.epoch = epoch_;
        };
        const std::uint64_t hash = hash_more(binding, z.addr, z.id.wire());
        const Index m = more_.insert(hash, fill);
        if (m == kNone) return Drop::session_table_full;
        if (is_unlikely(!add_remote(binding, z.addr))) {
            more_.erase(hash, m);
            return Drop::session_table_full;
        }
        b.n_more += 1;
    }
    count_sessions(s, 1);
    counters_.add(Counter::sessions_created);
    publish_counts();
    if (is_unlikely(log_.sessions)) tell_session(EventKind::session_created, b, z, now);
    return Drop::none;
}

/// One session more with Z; false: no room to remember that.
bool Engine::add_remote(Index binding, Ipv4Addr z) noexcept {
    Index i = find_remote(binding, z);
    if (i == kNone) {
        i = more_.insert(hash_more(binding, z, kRemoteMark), [&](Session& s) {
            s.binding = binding;
            s.binding_generation = bindings_[binding].generation;
            s.z_addr = z;
            s.tcp = TcpState::count_;
            s.last_seen = 0;  // here: the number of sessions
        });
        if (i == kNone) return false;
    }
    more_[i].last_seen += 1;
    return true;
}

void Engine::count_ports(Subscriber& s, Proto proto, int n) noexcept {
    std::uint32_t before = 0;
    for (const std::uint32_t p : s.n_ports) before += p;
    s.n_ports[static_cast<unsigned>(proto)] += static_cast<std::uint32_t>(n);
    port_shares_.move(before, before + static_cast<std::uint32_t>(n));
}

void Engine::count_sessions(Subscriber& s, std::int64_t n) noexcept {
    const std::uint32_t before = s.n_sessions;
    s.n_sessions += static_cast<std::uint32_t>(n);
    n_sessions_ += static_cast<std::uint32_t>(n);
    session_shares_.move(before, s.n_sessions);
}

void Engine::publish_counts() noexcept {
    shared_high_.store(fresh_, std::memory_order_release);
    shared_bindings_.store(n_bindings_, std::memory_order_relaxed);
    shared_sessions_.store(n_sessions_, std::memory_order_relaxed);
}

}  // namespace isthmus::nat
