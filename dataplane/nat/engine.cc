// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/engine.h"

#include <algorithm>

namespace isthmus::nat {

namespace {

constexpr std::uint64_t kRoundNanos = 4 * kNanosPerSecond;  // of the clock hand
constexpr unsigned kMostVisits = 256;                       // in one turn

bool to(const Binding& b, const Endpoint4& z) noexcept {
    return b.z_addr == z.addr && b.z_id == z.id;
}

bool is_remote_entry(const Session& s) noexcept { return s.tcp == TcpState::count_; }

}  // namespace

std::size_t Engine::bytes_needed(const Sizes& sizes) noexcept {
    Arena count{{}};
    count.take<Binding>(sizes.bindings);
    const Index6 index(count, sizes.bindings);
    const ChainTable<Session> more(count, 2 * sizes.sessions);
    const ChainTable<Subscriber> subscribers(count, sizes.subscribers);
    const Ports ports(count, sizes.slots, sizes.bindings, Seed{});
    return count.used();
}

Engine::Engine(std::span<std::byte> memory, const Sizes& sizes, const Seed& seed, unsigned worker,
               Counters& counters) noexcept
    : Engine(Arena{memory}, sizes, seed, worker, counters) {}

Engine::Engine(Arena arena, const Sizes& sizes, const Seed& seed, unsigned worker,
               Counters& counters) noexcept
    : sizes_(sizes),
      seed_(seed),
      worker_(worker),
      counters_(counters),
      bindings_(arena.take_zeroed<Binding>(sizes.bindings)),
      index_(arena, sizes.bindings),
      more_(arena, 2 * sizes.sessions),
      subscribers_(arena, sizes.subscribers),
      ports_(arena, sizes.slots, sizes.bindings, seed),
      random_(seed.a) {}

void Engine::apply(const Policy& policy, Now now) noexcept {
    (void)now;
    bool retired = false;
    n_mine_ = 0;
    for (unsigned i = 0; i < sizes_.slots; i++) {
        const bool known = i < policy.n_slots && policy.slot[i].state != PoolSlot::State::unused;
        const bool active = known && policy.slot[i].state == PoolSlot::State::active;
        retired = retired || (slot_live_[i] && !known);
        slot_live_[i] = known;
        slot_active_[i] = active;
        if (active) {
            // Opening walks all ports of the slot: only when something about it changed.
            if (!ports_.is_open(i) || slot_seen_[i] != policy.slot[i])
                ports_.open(i, policy, worker_);
            slot_seen_[i] = policy.slot[i];
            if (ports_.free_count(i, Proto::udp) + ports_.in_use(i, Proto::udp) > 0) {
                mine_[n_mine_++] = static_cast<std::uint16_t>(i);
            }
        } else if (ports_.is_open(i)) {
            ports_.close(i);
        }
    }
    for (unsigned i = 0; i < kPrefixesMax; i++) {
        retired = retired || (prefix_live_[i] && !policy.prefix[i].live);
        prefix_live_[i] = policy.prefix[i].live;
    }
    if (retired || sweeping_ != 0) {
        sweeping_ = policy.generation;
        sweep_left_ = fresh_;
        sweep_more_left_ = more_.high_water();
        finish_sweep();
    } else {
        swept_.store(policy.generation, std::memory_order_release);
    }
}

void Engine::finish_sweep() noexcept {
    if (sweeping_ == 0 || sweep_left_ != 0 || sweep_more_left_ != 0) return;
    swept_.store(sweeping_, std::memory_order_release);
    sweeping_ = 0;
}

bool Engine::alive(const Policy& p, Proto proto, TcpState s, std::uint32_t last_seen,
                   Now now) const noexcept {
    std::uint32_t life = p.lifetimes.udp.v;
    if (proto == Proto::icmp) life = p.lifetimes.icmp.v;
    if (proto == Proto::tcp) {
        life = timer_of(s) == TcpTimer::established ? p.lifetimes.tcp_established.v
                                                    : p.lifetimes.tcp_transitory.v;
        // An idle connection passes through TRANS before it ends (RFC 6146 s3.5.2.2, ESTABLISHED).
        if (s == TcpState::established) life += p.lifetimes.tcp_transitory.v;
    }
    return now.tick.v - last_seen <= life || now.tick.v < last_seen;
}

bool Engine::first_alive(const Policy& p, const Binding& b, Now now) const noexcept {
    return b.has_session != 0 && prefix_live_[b.prefix] &&
           alive(p, b.proto, b.tcp, b.last_seen, now);
}

bool Engine::more_alive(const Policy& p, const Session& s, Now now) const noexcept {
    return prefix_live_[s.prefix] && alive(p, bindings_[s.binding].proto, s.tcp, s.last_seen, now);
}

bool Engine::dead(const Policy& p, const Binding& b, Now now) const noexcept {
    return !slot_live_[b.slot] || (b.n_more == 0 && !first_alive(p, b, now));
}

Index Engine::current(const Policy& policy, Index hint, const Endpoint6& x, Proto proto,
                      Now now) noexcept {
    Index i = hint;
    if (i == kNone || !is(bindings_[i], x, proto)) i = find(hash_of(x, proto), x, proto);
    if (i == kNone || is_likely(!dead(policy, bindings_[i], now))) return i;
    remove_binding(policy, i, now);
    return kNone;
}

Index Engine::find_more(Index binding, const Endpoint4& z) const noexcept {
    if (bindings_[binding].n_more == 0) return kNone;
    return more_.find(hash_more(binding, z.addr, z.id.wire()), [&](const Session& s) {
        return s.binding == binding && s.z_addr == z.addr && s.z_id == z.id &&
               !is_remote_entry(s) && s.binding_generation == bindings_[binding].generation;
    });
}

bool Engine::knows_remote(const Policy& policy, Index binding, Ipv4Addr z, Now now) const noexcept {
    const Binding& b = bindings_[binding];
    if (b.z_addr == z && first_alive(policy, b, now)) return true;
    if (b.n_more == 0) return false;
    return more_.find(hash_more(binding, z, 0x10000), [&](const Session& s) {
        return s.binding == binding && s.z_addr == z && is_remote_entry(s) &&
               s.binding_generation == b.generation;
    }) != kNone;
}

void Engine::touch(const Policy& policy, TcpState& tcp, std::uint32_t& last_seen, Proto proto,
                   bool from_v6, TcpFlags flags, Now now) noexcept {
    bool rearm = true;
    if (proto == Proto::tcp) {
        const TcpStep next = step(tcp, from_v6, flags, policy.rst_in_fin);
        if (next.state != tcp) tcp = next.state;
        rearm = next.rearm;
    }
    if (!from_v6 && !policy.v4_refresh) rearm = false;
    if (rearm && last_seen != now.tick.v) last_seen = now.tick.v;
}

Outbound Engine::outbound(const Policy& policy, Index hint, const Tuple6& tuple, const Endpoint4& z,
                          std::uint8_t prefix, TcpFlags flags, Now now) noexcept {
    Index i = current(policy, hint, tuple.src, tuple.proto, now);
    const bool opens = tuple.proto != Proto::tcp || flags.syn();
    if (i == kNone) {
        if (!opens) return {Drop::tcp_not_syn, {}, {}};
        Drop why = create_binding(policy, tuple.src, tuple.proto, now, i);
        if (why != Drop::none) return {why, {}, {}};
        why = add_session(policy, i, z, prefix, TcpState::v6_init, now);
        if (why != Drop::none) {
            remove_binding(policy, i, now);
            return {why, {}, {}};
        }
        return {Drop::none, bindings_[i].t_addr, bindings_[i].t_id};
    }
    Binding& b = bindings_[i];
    const Outbound mapped{Drop::none, b.t_addr, b.t_id};
    if (is_likely(b.has_session != 0 && to(b, z))) {
        if (is_likely(first_alive(policy, b, now))) {
            touch(policy, b.tcp, b.last_seen, b.proto, true, flags, now);
            if (is_unlikely(b.prefix != prefix)) b.prefix = prefix;
            return mapped;
        }
        remove_first(b);
    } else if (const Index m = find_more(i, z); m != kNone) {
        Session& s = more_[m];
        if (more_alive(policy, s, now)) {
            touch(policy, s.tcp, s.last_seen, b.proto, true, flags, now);
            s.prefix = prefix;
            return mapped;
        }
        remove_more(m);
    }
    if (!opens) return mapped;  // RFC 6146 s3.5.2.2 CLOSED: translated, no session made
    const Drop why = add_session(policy, i, z, prefix, TcpState::v6_init, now);
    return why == Drop::none ? mapped : Outbound{why, {}, {}};
}

Inbound Engine::inbound(const Policy& policy, unsigned slot, const Tuple4& tuple,
                        std::uint8_t default_prefix, TcpFlags flags, Now now) noexcept {
    const bool tcp = tuple.proto == Proto::tcp;
    const bool syn = flags.syn() && !flags.ack();
    Index i = find(slot, tuple.dst.id, tuple.proto);
    if (i != kNone && dead(policy, bindings_[i], now)) {
        remove_binding(policy, i, now);
        i = kNone;
    }
    if (i == kNone) {
        // RFC 5382 REQ-4: a SYN gets no answer.
        return {tcp ? (syn ? Drop::tcp_syn_store_full : Drop::tcp_not_syn) : Drop::no_binding,
                {},
                {},
                0};
    }
    Binding& b = bindings_[i];
    if (is_likely(b.has_session != 0 && to(b, tuple.src))) {
        if (is_likely(first_alive(policy, b, now))) {
            touch(policy, b.tcp, b.last_seen, b.proto, false, flags, now);
            return {Drop::none, b.x_addr, b.x_id, b.prefix};
        }
        remove_first(b);
    } else if (const Index m = find_more(i, tuple.src); m != kNone) {
        Session& s = more_[m];
        if (more_alive(policy, s, now)) {
            touch(policy, s.tcp, s.last_seen, b.proto, false, flags, now);
            return {Drop::none, b.x_addr, b.x_id, s.prefix};
        }
        remove_more(m);
    }
    if (policy.address_dependent_filtering && !knows_remote(policy, i, tuple.src.addr, now)) {
        return {Drop::filtered, {}, {}, 0};
    }
    if (tcp && syn && policy.drop_external_tcp) return {Drop::tcp_external_refused, {}, {}, 0};
    if (!tcp || syn) {
        const Drop why = add_session(policy, i, tuple.src, default_prefix, TcpState::v4_init, now);
        if (why != Drop::none) return {why, {}, {}, 0};
    }
    return {Drop::none, b.x_addr, b.x_id, default_prefix};
}

Outbound Engine::peek_outbound(const Policy& policy, const Endpoint6& x, const Endpoint4& z,
                               Proto proto, Now now) const noexcept {
    const Index i = find(hash_of(x, proto), x, proto);
    if (i == kNone || dead(policy, bindings_[i], now)) return {Drop::icmp_no_mapping, {}, {}};
    const Binding& b = bindings_[i];
    const bool first = to(b, z) && first_alive(policy, b, now);
    if (!first) {
        const Index m = find_more(i, z);
        if (m == kNone || !more_alive(policy, more_[m], now))
            return {Drop::icmp_no_mapping, {}, {}};
    }
    return {Drop::none, b.t_addr, b.t_id};
}

Inbound Engine::peek_inbound(const Policy& policy, unsigned slot, Be16 t_id, const Endpoint4& z,
                             Proto proto, Now now) const noexcept {
    const Index i = find(slot, t_id, proto);
    if (i == kNone || dead(policy, bindings_[i], now)) return {Drop::icmp_no_mapping, {}, {}, 0};
    const Binding& b = bindings_[i];
    if (to(b, z) && first_alive(policy, b, now)) return {Drop::none, b.x_addr, b.x_id, b.prefix};
    const Index m = find_more(i, z);
    if (m == kNone || !more_alive(policy, more_[m], now)) return {Drop::icmp_no_mapping, {}, {}, 0};
    return {Drop::none, b.x_addr, b.x_id, more_[m].prefix};
}

unsigned Engine::step_hand(Now now) noexcept {
    if (fresh_ == 0) {
        hand_ns_ = now.ns.v;
        return 0;
    }
    if (sweeping_ != 0) return kMostVisits;
    const std::uint64_t dt = std::min(now.ns.v - hand_ns_, kRoundNanos);
    const std::uint64_t n = std::uint64_t{fresh_} * dt / kRoundNanos;
    if (n == 0) return 0;
    hand_ns_ = now.ns.v;
    return static_cast<unsigned>(std::min<std::uint64_t>(n, kMostVisits));
}

bool Engine::visit_binding(const Policy& policy, Now now, Probe& due) noexcept {
    const Index i = hand_;
    hand_ = hand_ + 1 >= fresh_ ? 0 : hand_ + 1;
    prefetch_for_write(&bindings_[std::min<Index>(hand_ + 4, sizes_.bindings - 1)]);
    if (sweep_left_ > 0) sweep_left_--;
    Binding& b = bindings_[i];
    if (b.live == 0) return false;
    if (dead(policy, b, now)) {
        remove_binding(policy, i, now);
        return false;
    }
    if (b.has_session == 0) return false;
    if (!first_alive(policy, b, now)) {
        remove_first(b);
        return false;
    }
    const bool idle = b.tcp == TcpState::established &&
                      now.tick.v - b.last_seen > policy.lifetimes.tcp_established.v;
    if (!idle || b.proto != Proto::tcp) return false;
    b.tcp = TcpState::trans;
    b.last_seen = now.tick.v;
    if (!policy.tcp_probes) return false;
    due = Probe{{b.x_addr, b.x_id}, {b.z_addr, b.z_id}, b.prefix};
    return true;
}

void Engine::sweep_sessions(const Policy& policy, Now now, unsigned n) noexcept {
    const std::uint32_t high = more_.high_water();
    if (high == 0) {
        sweep_more_left_ = 0;
        return;
    }
    for (; n > 0; n--) {
        const Index i = session_hand_;
        session_hand_ = session_hand_ + 1 >= high ? 0 : session_hand_ + 1;
        if (sweep_more_left_ > 0) sweep_more_left_--;
        const Session& s = more_[i];
        if (s.live == 0) continue;
        const bool orphan = bindings_[s.binding].generation != s.binding_generation ||
                            bindings_[s.binding].live == 0;
        if (orphan || (!is_remote_entry(s) && !more_alive(policy, s, now))) remove_more(i);
    }
}

std::optional<BindingView> Engine::read_binding(Index i) const noexcept {
    const Binding& b = bindings_[i];
    for (unsigned tries = 0; tries < 4; tries++) {
        const std::uint32_t before = std::atomic_ref(const_cast<std::uint32_t&>(b.generation))
                                         .load(std::memory_order_acquire);
        if (before % 2 != 0) continue;
        if (std::atomic_ref(const_cast<std::uint32_t&>(b.live)).load(std::memory_order_acquire) ==
            0)
            return std::nullopt;
        BindingView v{{b.x_addr, b.x_id}, {b.t_addr, b.t_id}, b.proto, b.n_more + b.has_session};
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (std::atomic_ref(const_cast<std::uint32_t&>(b.generation))
                .load(std::memory_order_acquire) == before)
            return v;
    }
    return std::nullopt;
}

std::optional<SessionView> Engine::read_first_session(Index i) const noexcept {
    const auto binding = read_binding(i);
    if (!binding || bindings_[i].has_session == 0) return std::nullopt;
    const Binding& b = bindings_[i];
    return SessionView{*binding, {b.z_addr, b.z_id}, b.tcp, b.prefix, Tick{b.last_seen}};
}

std::optional<SessionView> Engine::read_more_session(Index i) const noexcept {
    if (i >= more_.high_water()) return std::nullopt;
    const Session s = more_[i];
    if (s.live == 0 || is_remote_entry(s) || s.binding >= sizes_.bindings) return std::nullopt;
    if (bindings_[s.binding].generation != s.binding_generation) return std::nullopt;
    const auto binding = read_binding(s.binding);
    if (!binding) return std::nullopt;
    return SessionView{*binding, {s.z_addr, s.z_id}, s.tcp, s.prefix, Tick{s.last_seen}};
}

const char* Engine::check() const noexcept {
    std::uint32_t n_bindings = 0, n_first = 0;
    for (Index i = 0; i < fresh_; i++) {
        const Binding& b = bindings_[i];
        if (b.live == 0) continue;
        n_bindings++;
        n_first += b.has_session;
        if (find(hash_of({b.x_addr, b.x_id}, b.proto), {b.x_addr, b.x_id}, b.proto) != i)
            return "IPv6-side index does not lead to the binding";
        if (find(b.slot, b.t_id, b.proto) != i)
            return "IPv4-side index does not lead to the binding";
        if (subscribers_[b.subscriber].live == 0) return "a binding has no subscriber";
    }
    if (n_bindings != n_bindings_) return "the number of bindings is wrong";
    std::uint32_t n_more = 0;
    for (Index i = 0; i < more_.high_water(); i++) {
        const Session& s = more_[i];
        if (s.live != 0 && !is_remote_entry(s) && bindings_[s.binding].live != 0 &&
            bindings_[s.binding].generation == s.binding_generation)
            n_more++;
    }
    if (n_first + n_more != n_sessions_) return "the number of sessions is wrong";
    std::uint32_t ports = 0;
    for (unsigned s = 0; s < sizes_.slots; s++) {
        for (unsigned p = 0; p < kProtos; p++) ports += ports_.in_use(s, static_cast<Proto>(p));
    }
    if (ports != n_bindings_) return "ports in use are not the bindings";
    std::uint32_t sum_bindings = 0, sum_sessions = 0;
    for (Index i = 0; i < subscribers_.high_water(); i++) {
        if (subscribers_[i].live == 0) continue;
        sum_bindings += subscribers_[i].n_bindings;
        sum_sessions += subscribers_[i].n_sessions;
    }
    if (sum_bindings != n_bindings_) return "subscribers' bindings do not add up";
    return sum_sessions == n_sessions_ ? nullptr : "subscribers' sessions do not add up";
}

}  // namespace isthmus::nat
