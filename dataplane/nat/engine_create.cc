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
    explicit Writing(std::uint32_t& generation) noexcept : generation_(generation) { bump(); }
    ~Writing() { bump(); }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

private:
    void bump() noexcept {
        std::atomic_ref g(generation_);
        g.store(g.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    std::uint32_t& generation_;
};

}  // namespace

Drop Engine::subscriber_of(const Policy& policy, const Ipv6Addr& x, Index& out) noexcept {
    const Ipv6Addr prefix = masked(x, policy.subscriber_bits);
    const std::uint64_t hash = hash_addr(seed_, prefix, 5);
    out = subscribers_.find(hash, [&](const Subscriber& s) { return s.prefix == prefix; });
    if (out != kNone) return Drop::none;
    out = subscribers_.insert(hash);
    if (out == kNone) return Drop::subscriber_table_full;
    subscribers_[out].prefix = prefix;
    return Drop::none;
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

int Engine::least_loaded(Proto proto) noexcept {
    constexpr unsigned kSample = 8;
    const bool all = n_mine_ <= 2 * kSample;
    for (unsigned pass = all ? 1 : 0; pass < 2; pass++) {
        int best = -1;
        std::uint32_t most = 0;
        const unsigned n = pass == 1 ? n_mine_ : kSample;
        const std::uint64_t r = hash2(seed_, ++random_, 7);
        for (unsigned k = 0; k < n; k++) {
            const unsigned at = pass == 1 ? static_cast<unsigned>((r + k) % n_mine_)
                                          : static_cast<unsigned>(hash2(seed_, r, k) % n_mine_);
            const unsigned slot = mine_[at];
            if (ports_.free_count(slot, proto) == 0) continue;
            std::uint32_t room = 0;
            for (unsigned p = 0; p < kProtos; p++)
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

Drop Engine::choose_port(const Policy& policy, Subscriber& s, Proto proto, Be16 x_id, Index binding,
                         std::uint16_t& slot, std::uint16_t& port) noexcept {
    const bool paired = s.slot != 0xffff && s.slot < sizes_.slots && slot_active_[s.slot];
    if (!paired) {
        const int fresh = least_loaded(proto);
        if (fresh < 0) return Drop::pool4_exhausted;
        s.slot = static_cast<std::uint16_t>(fresh);
    }
    Ports::Wish wish;
    wish.low = x_id.host() < 1024;
    const bool parity = proto == Proto::udp && policy.preserve_parity;
    wish.parity = static_cast<std::uint8_t>(parity ? x_id.host() % 2 : 2);
    bool kept = true;
    slot = s.slot;
    auto got = ports_.take(slot, proto, wish, binding, kept);
    if (!got && policy.pooling_soft) {
        const int other = least_loaded(proto);
        if (other >= 0) {
            slot = static_cast<std::uint16_t>(other);
            got = ports_.take(slot, proto, wish, binding, kept);
        }
    }
    if (!got) return Drop::pool4_exhausted;
    if (!kept) counters_.add(Counter::parity_not_kept);
    port = *got;
    return Drop::none;
}

Drop Engine::create_binding(const Policy& policy, const Endpoint6& x, Proto proto, Now now,
                            Index& out) noexcept {
    Index subscriber = kNone;
    Drop why = subscriber_of(policy, x.addr, subscriber);
    if (why != Drop::none) return why;
    Subscriber& s = subscribers_[subscriber];
    std::uint16_t slot = 0, port = 0;
    if (s.n_ports[static_cast<unsigned>(proto)] >= policy.limits.ports_per_subscriber) {
        why = Drop::subscriber_ports;
    } else if (s.n_sessions >= policy.limits.sessions_per_subscriber) {
        why = Drop::subscriber_sessions;
    } else {
        out = free_ != kNone ? free_ : (fresh_ < sizes_.bindings ? fresh_ : kNone);
        why = out == kNone ? Drop::binding_table_full
                           : choose_port(policy, s, proto, x.id, out, slot, port);
    }
    const std::uint64_t hash = hash_of(x, proto);
    if (why == Drop::none && !index_.insert(hash, out)) {
        ports_.release(slot, proto, port, now.tick, Tick{0});
        why = Drop::binding_table_full;
    }
    if (why != Drop::none) {
        if (s.n_bindings == 0) subscribers_.erase(hash_addr(seed_, s.prefix, 5), subscriber);
        return why;
    }
    Binding& b = bindings_[out];
    if (free_ == out) {
        free_ = b.next;
    } else {
        fresh_++;
    }
    {
        const Writing guard(b.generation);
        b.x_addr = x.addr;
        b.x_id = x.id;
        b.t_addr = policy.slot[slot].addr;
        b.t_id = Be16{port};
        b.slot = slot;
        b.proto = proto;
        b.has_session = 0;
        b.n_more = 0;
        b.subscriber = subscriber;
        b.live = 1;
    }
    s.n_ports[static_cast<unsigned>(proto)]++;
    s.n_bindings++;
    n_bindings_++;
    counters_.add(Counter::bindings_created);
    publish_counts();
    return Drop::none;
}

Drop Engine::add_session(const Policy& policy, Index binding, const Endpoint4& z,
                         std::uint8_t prefix, TcpState tcp, Now now) noexcept {
    Binding& b = bindings_[binding];
    Subscriber& s = subscribers_[b.subscriber];
    if (s.n_sessions >= policy.limits.sessions_per_subscriber) return Drop::subscriber_sessions;
    if (b.n_more + b.has_session >= policy.limits.sessions_per_binding)
        return Drop::binding_sessions;
    if (!rate_allows(policy, s, now)) return Drop::subscriber_rate;
    const TcpState state = b.proto == Proto::tcp ? tcp : TcpState::closed;
    if (b.has_session == 0) {
        b.z_addr = z.addr;
        b.z_id = z.id;
        b.tcp = state;
        b.prefix = prefix;
        b.last_seen = now.tick.v;
        b.has_session = 1;
    } else {
        const Index i = more_.insert(hash_more(binding, z.addr, z.id.wire()));
        if (i == kNone) return Drop::session_table_full;
        Session& m = more_[i];
        m.binding = binding;
        m.binding_generation = b.generation;
        m.z_addr = z.addr;
        m.z_id = z.id;
        m.tcp = state;
        m.prefix = prefix;
        m.last_seen = now.tick.v;
        b.n_more++;
        add_remote(binding, z.addr);
    }
    s.n_sessions++;
    n_sessions_++;
    counters_.add(Counter::sessions_created);
    publish_counts();
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
        i = more_.insert(hash);
        if (i == kNone) return;  // only address-dependent filtering misses it
        Session& s = more_[i];
        s.binding = binding;
        s.binding_generation = generation;
        s.z_addr = z;
        s.tcp = TcpState::count_;
        s.last_seen = 0;  // here: the number of sessions
    }
    more_[i].last_seen++;
}

void Engine::remove_remote(Index binding, Ipv4Addr z) noexcept {
    const std::uint64_t hash = hash_more(binding, z, kRemoteMark);
    const Index i = more_.find(hash, [&](const Session& s) {
        return s.binding == binding && s.z_addr == z && s.tcp == TcpState::count_ &&
               s.binding_generation == bindings_[binding].generation;
    });
    if (i != kNone && --more_[i].last_seen == 0) more_.erase(hash, i);
}

void Engine::remove_first(Binding& b) noexcept {
    b.has_session = 0;
    subscribers_[b.subscriber].n_sessions--;
    n_sessions_--;
    counters_.add(Counter::sessions_removed);
    publish_counts();
}

void Engine::remove_more(Index i) noexcept {
    const Session s = more_[i];
    const bool remote = s.tcp == TcpState::count_;
    Binding& b = bindings_[s.binding];
    more_.erase(hash_more(s.binding, s.z_addr, remote ? kRemoteMark : s.z_id.wire()), i);
    if (remote || b.live == 0 || b.generation != s.binding_generation)
        return;  // counted when its binding went
    b.n_more--;
    remove_remote(s.binding, s.z_addr);
    subscribers_[b.subscriber].n_sessions--;
    n_sessions_--;
    counters_.add(Counter::sessions_removed);
    publish_counts();
}

void Engine::remove_binding(const Policy& policy, Index i, Now now) noexcept {
    Binding& b = bindings_[i];
    if (b.has_session != 0) remove_first(b);
    Subscriber& s = subscribers_[b.subscriber];
    // Further sessions become orphans, which the sweep frees; they are counted as gone here.
    s.n_sessions -= b.n_more;
    n_sessions_ -= b.n_more;
    counters_.add(Counter::sessions_removed, b.n_more);
    index_.erase(hash_of({b.x_addr, b.x_id}, b.proto), i);
    ports_.release(b.slot, b.proto, b.t_id.host(), now.tick, policy.lifetimes.port_hold);
    s.n_ports[static_cast<unsigned>(b.proto)]--;
    s.n_bindings--;
    if (s.n_bindings == 0) subscribers_.erase(hash_addr(seed_, s.prefix, 5), b.subscriber);
    {
        const Writing guard(b.generation);
        b.live = 0;
        b.n_more = 0;
    }
    b.next = free_;
    free_ = i;
    n_bindings_--;
    counters_.add(Counter::bindings_removed);
    publish_counts();
}

void Engine::publish_counts() noexcept {
    shared_high_.store(fresh_, std::memory_order_release);
    shared_bindings_.store(n_bindings_, std::memory_order_relaxed);
    shared_sessions_.store(n_sessions_, std::memory_order_relaxed);
}

}  // namespace isthmus::nat
