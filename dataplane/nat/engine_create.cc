// SPDX-License-Identifier: Apache-2.0
// The rare half of the engine: bindings and sessions come and go here, with ports, limits and
// counts.
#include <algorithm>

#include "dataplane/nat/engine.h"

namespace isthmus::nat {

namespace {

constexpr std::uint32_t kRemoteMark = 0x10000;  // above any port: the hash of "some session with Z"

/// Marks the identity of a record as being written for as long as it lives.
class Writing {
public:
    explicit Writing(Shared<std::uint32_t>& generation) noexcept : generation_(generation) {
        generation_ += 1;
    }
    ~Writing() { generation_ += 1; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

private:
    Shared<std::uint32_t>& generation_;
};

}  // namespace

Drop Engine::subscriber_of(const Policy& policy, const Ipv6Addr& x, Index& out) noexcept {
    const Ipv6Addr prefix = masked(x, policy.subscriber_bits);
    const std::uint64_t hash = hash_addr(seed_, prefix, 5);
    out = subscribers_.find(hash, [&](const Subscriber& s) { return s.prefix == prefix; });
    if (out != kNone) return Drop::none;
    out = subscribers_.insert(hash, [&](Subscriber& s) { s.prefix = prefix; });
    return out == kNone ? Drop::subscriber_table_full : Drop::none;
}

bool Engine::rate_allows(const Policy& policy, Subscriber& s, Now now) noexcept {
    const std::uint32_t limit = policy.limits.new_sessions_per_second;
    if (limit == 0) return true;
    const auto second = static_cast<std::uint32_t>(now.ns.v / kNanosPerSecond);
    if (s.rate_second != second) {
        s.rate_second = second;
        s.rate_count = 0;
    }
    if (s.rate_count >= limit) return false;
    s.rate_count++;
    return true;
}

int Engine::least_loaded(const Policy& policy, Proto proto, std::uint8_t group) noexcept {
    constexpr unsigned kSample = 8;
    const Span span = group < kGroupsMax ? of_group_[group] : Span{};
    const bool all = span.n <= 2 * kSample;
    for (unsigned pass = all ? 1 : 0; pass < 2 && span.n != 0; pass++) {
        int best = -1;
        std::uint32_t most = 0;
        const unsigned n = pass == 1 ? span.n : kSample;
        const std::uint64_t r = hash2(seed_, ++random_, 7);
        for (unsigned k = 0; k < n; k++) {
            const auto at = pass == 1 ? static_cast<unsigned>((r + k) % span.n)
                                      : static_cast<unsigned>(hash2(seed_, r, k) % span.n);
            const unsigned slot = mine_[span.first + at];
            if (!slot_active_[slot] || ports_.free_count(slot, proto) == 0) continue;
            std::uint32_t room = policy.blocks.on() ? blocks_.free_count(slot) : 0;
            for (unsigned p = 0; p < kProtos && !policy.blocks.on(); p++)
                room += ports_.free_count(slot, static_cast<Proto>(p));
            if (room > most) {
                most = room;
                best = static_cast<int>(slot);
            }
        }
        if (best >= 0) return best;
    }
    return -1;
}

bool Engine::pair(const Policy& policy, Subscriber& s, const Wanted& w) noexcept {
    if (s.seen != policy.generation) {
        s.group = policy.group_of(s.prefix);
        s.seen = policy.generation;
    }
    const bool paired =
        s.slot < sizes_.slots && slot_active_[s.slot] && policy.slot[s.slot].group == s.group;
    if (paired) return true;
    const int fresh = least_loaded(policy, w.proto, s.group);
    if (fresh < 0) return false;
    if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, w.now);
    s.slot = static_cast<std::uint16_t>(fresh);
    if (is_unlikely(log_.addresses)) tell_address(EventKind::address_bound, policy, s, w.now);
    return true;
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
        const int other = least_loaded(policy, w.proto, s.group);
        if (other >= 0)
            why = choose_in_blocks(policy, w, static_cast<unsigned>(other), policy.blocks.most);
    }
    return why;
}

Drop Engine::choose_in_pool(const Policy& policy, Wanted& w) noexcept {
    const Subscriber& s = subscribers_[w.subscriber];
    Ports::Wish wish;
    wish.low = w.x.id.host() < 1024;
    const bool parity = w.proto == Proto::udp && policy.preserve_parity;
    wish.parity = static_cast<std::uint8_t>(parity ? w.x.id.host() % 2 : 2);
    bool kept = true;
    w.slot = s.slot;
    auto got = ports_.take(w.slot, w.proto, wish, w.binding, kept);
    if (!got && policy.pooling_soft) {
        const int other = least_loaded(policy, w.proto, s.group);
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
    const std::uint32_t size = std::uint32_t{1} << policy.blocks.bits;
    bool kept = true;
    const auto take_in = [&](std::uint32_t block) {
        const auto first = static_cast<std::uint16_t>((block & 0xffff) * size);
        const PortRange range{static_cast<std::uint16_t>(block >> 16), first,
                              static_cast<std::uint16_t>(first + size - 1)};
        const auto port = ports_.take_within(w.proto, range, 2, w.binding, kept);
        if (!port) return false;
        w.slot = range.slot;
        w.port = *port;
        blocks_.use(range.slot, block & 0xffff);
        return true;
    };
    for (unsigned k = 0; k < s.n_blocks; k++) {
        // Of an address that is being drained nothing more is given out.
        if (slot_active_[s.block[k] >> 16] && take_in(s.block[k])) return Drop::none;
    }
    if (s.n_blocks >= std::min(most, kBlocksMost)) return Drop::subscriber_blocks;
    if (unloggable()) return Drop::log_path_down;
    const auto number = blocks_.take(slot, w.subscriber);
    if (!number) return Drop::pool4_exhausted;
    s.block[s.n_blocks] = (slot << 16) | *number;
    s.n_blocks += 1;
    counters_.add(Counter::blocks_taken);
    if (take_in(s.block[s.n_blocks - 1U])) {
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
    if (e == nullptr || policy.blocks.on()) return false;
    if (e->slot != subscribers_[w.subscriber].slot) return false;
    if (!ports_.take_exact(e->slot, w.proto, e->t.id.host(), w.binding)) return false;
    w.slot = e->slot;
    w.port = e->t.id.host();
    return true;
}

Drop Engine::limits_of(const Policy& policy, const Wanted& w) const noexcept {
    const Subscriber& s = subscribers_[w.subscriber];
    if (w.life == Life::fixed) return Drop::none;
    if (s.n_ports[static_cast<unsigned>(w.proto)] >= policy.limits.ports_per_subscriber)
        return Drop::subscriber_ports;
    if (s.n_sessions >= policy.limits.sessions_per_subscriber) return Drop::subscriber_sessions;
    return Drop::none;
}

Drop Engine::create_binding(const Policy& policy, Wanted& w, Now now) noexcept {
    w.now = now;
    Drop why = subscriber_of(policy, w.x.addr, w.subscriber);
    if (why != Drop::none) return why;
    why = limits_of(policy, w);
    w.binding = free_ != kNone ? free_ : (fresh_ < sizes_.bindings ? fresh_ : kNone);
    if (why == Drop::none && w.binding == kNone) why = Drop::binding_table_full;
    if (why == Drop::none) {
        if (w.life == Life::fixed) {
            ports_.take_static(w.slot, w.proto, w.port, w.binding);
        } else {
            why = choose_port(policy, w);
        }
        if (why == Drop::none && !index_.insert(hash_of(w.x, w.proto), w.binding)) {
            give_back(policy, w, Tick{0});
            why = Drop::binding_table_full;
        }
    }
    Subscriber& s = subscribers_[w.subscriber];
    if (why != Drop::none) {
        if (s.n_bindings == 0) {
            if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, now);
            subscribers_.erase(hash_addr(seed_, s.prefix, 5), w.subscriber);
        }
        return why;
    }
    write_binding(policy, w);
    if (w.life == Life::dynamic) count_ports(s, w.proto, 1);
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

/// The port of a binding that goes, or that could not be made after all.
void Engine::give_back(const Policy& policy, const Wanted& w, Tick hold) noexcept {
    ports_.release(w.slot, w.proto, w.port, w.now.tick, hold);
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

Drop Engine::add_session(const Policy& policy, Index binding, const Endpoint4& z,
                         std::uint8_t prefix, TcpState tcp, Now now) noexcept {
    Binding& b = bindings_[binding];
    Subscriber& s = subscribers_[b.subscriber];
    if (s.n_sessions >= policy.limits.sessions_per_subscriber) return Drop::subscriber_sessions;
    if (b.n_more + b.has_session >= policy.limits.sessions_per_binding)
        return Drop::binding_sessions;
    if (!rate_allows(policy, s, now)) return Drop::subscriber_rate;
    if (log_.sessions && unloggable()) return Drop::log_path_down;
    const TcpState state = b.proto == Proto::tcp ? tcp : TcpState::closed;
    if (b.has_session == 0) {
        b.z_addr = z.addr;
        b.z_id = z.id;
        b.tcp = state;
        b.prefix = prefix;
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
            m.prefix = prefix;
            m.last_seen = now.tick.v;
            m.epoch = epoch_;
        };
        if (more_.insert(hash_more(binding, z.addr, z.id.wire()), fill) == kNone)
            return Drop::session_table_full;
        b.n_more += 1;
        add_remote(binding, z.addr);
    }
    count_sessions(s, 1);
    counters_.add(Counter::sessions_created);
    publish_counts();
    if (is_unlikely(log_.sessions)) tell_session(EventKind::session_created, b, z, now);
    return Drop::none;
}

void Engine::add_remote(Index binding, Ipv4Addr z) noexcept {
    const std::uint32_t generation = bindings_[binding].generation;
    const std::uint64_t hash = hash_more(binding, z, kRemoteMark);
    Index i = more_.find(hash, [&](const Session& s) {
        return s.binding == binding && s.z_addr == z && s.tcp == TcpState::count_ &&
               s.binding_generation == generation;
    });
    if (i == kNone) {
        i = more_.insert(hash, [&](Session& s) {
            s.binding = binding;
            s.binding_generation = generation;
            s.z_addr = z;
            s.tcp = TcpState::count_;
            s.last_seen = 0;  // here: the number of sessions
        });
        if (i == kNone) return;  // only address-dependent filtering misses it
    }
    more_[i].last_seen += 1;
}

void Engine::remove_remote(Index binding, Ipv4Addr z) noexcept {
    const std::uint64_t hash = hash_more(binding, z, kRemoteMark);
    const Index i = more_.find(hash, [&](const Session& s) {
        return s.binding == binding && s.z_addr == z && s.tcp == TcpState::count_ &&
               s.binding_generation == bindings_[binding].generation;
    });
    if (i == kNone) return;
    more_[i].last_seen -= 1;
    if (more_[i].last_seen == 0) more_.erase(hash, i);
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
    const bool remote = s.tcp.get() == TcpState::count_;
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

void Engine::remove_binding(const Policy& policy, Index i, Now now) noexcept {
    Binding& b = bindings_[i];
    if (cleared(b)) {
        result_.bindings++;
        result_.sessions += b.n_more;
    }
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
    give_back(policy, w, fixed ? Tick{0} : policy.lifetimes.port_hold);
    if (!fixed) count_ports(s, w.proto, -1);
    s.n_bindings -= 1;
    if (s.n_bindings == 0) {
        if (is_unlikely(log_.addresses)) tell_address(EventKind::address_freed, policy, s, now);
        subscribers_.erase(hash_addr(seed_, s.prefix, 5), b.subscriber);
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
