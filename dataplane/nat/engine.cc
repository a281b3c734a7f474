// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/engine.h"

#include <algorithm>

#include "common/net/checksum.h"
#include "common/net/rfc6052.h"

namespace isthmus::nat {

namespace {

constexpr std::uint64_t kRoundNanos = 4 * kNanosPerSecond;  // of the clock hand
constexpr unsigned kMostVisits = 256;                       // in one turn

bool to(const Binding& b, const Endpoint4& z) noexcept {
    return b.z_addr == z.addr && b.z_id == z.id;
}

bool is_remote_entry(const Session& s) noexcept { return s.tcp.get() == TcpState::count_; }

}  // namespace

std::size_t Engine::bytes_needed(const Sizes& sizes) noexcept {
    Arena count{{}};
    count.take<Binding>(sizes.bindings);
    const Index6 index(count, sizes.bindings);
    const ChainTable<Session> more(count, 2 * sizes.sessions);
    const ChainTable<Subscriber> subscribers(count, sizes.subscribers);
    const Ports ports(count, sizes.slots, sizes.bindings, Seed{});
    const Blocks blocks(count, sizes.slots, Seed{});
    const SynStore syns(count, sizes.stored_syns, Seed{});
    const EventRing events(count, sizes.events);
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
      blocks_(arena, sizes.slots, seed),
      syns_(arena, sizes.stored_syns, seed),
      events_(arena, sizes.events),
      random_(seed.a) {}

void Engine::apply(const Policy& policy, Now now) noexcept {
    bool retired = false;
    log_ = policy.log;
    for (unsigned i = 0; i < sizes_.slots; i++) {
        const bool known = i < policy.n_slots && policy.slot[i].state != PoolSlot::State::unused;
        retired = retired || (slot_live_[i] && !known);
        slot_live_[i] = known;
        slot_active_[i] = known && policy.slot[i].state == PoolSlot::State::active;
        if (!slot_active_[i] && ports_.is_open(i)) {
            ports_.close(i);
            blocks_.close(i);
        }
    }
    for (unsigned i = 0; i < kPrefixesMax; i++) {
        retired = retired || (prefix_live_[i] && !policy.prefix[i].live);
        prefix_live_[i] = policy.prefix[i].live;
    }
    set_steady(policy);
    std::uint64_t digest = policy.n_static;
    for (unsigned i = 0; i < policy.n_slots; i++) digest += policy.slot[i].static_digest;
    retired = retired || (static_digest_ != 0 && static_digest_ != digest);
    static_digest_ = digest;
    if (block_bits_ != policy.blocks.bits) slot_seen_.fill({});  // open them anew
    block_bits_ = policy.blocks.bits;
    open_cursor_ = 0;
    static_cursor_ = 0;
    open_some(policy, 16);
    bind_static(policy, now, 64);
    applied_ = policy.generation;
    if (retired) {
        sweeping_ = policy.generation;
        begin_sweep();
    }
    // A sweep under way goes on: nothing more was retired.
    if (sweeping_ == 0) swept_.store(applied_, std::memory_order_release);
    finish_sweep();
}

/// Steady flows have to show anew, under this policy, that they are. Not while a clearing goes on:
/// then every packet asks whether its session was named.
void Engine::set_steady(const Policy& policy) noexcept {
    // Neither 0 nor kNeverSteady.
    policy_stamp_ = static_cast<std::uint32_t>(policy.generation % (kNeverSteady - 1) + 1);
    steady_ = clearing_ ? kNeverSteady : policy_stamp_;
    std::uint32_t udp = policy.lifetimes.udp.v;
    for (unsigned i = 0; i < policy.n_udp_timers; i++)
        udp = std::min(udp, policy.udp_timer[i].life.v);
    fresh_ticks_[static_cast<unsigned>(Proto::udp)] = udp;
    fresh_ticks_[static_cast<unsigned>(Proto::tcp)] = policy.lifetimes.tcp_established.v;
    v4_refresh_ = policy.v4_refresh;
}

std::uint16_t Engine::sum_64(const Policy& policy, Index i, std::uint8_t prefix,
                             Ipv4Addr z) const noexcept {
    const Binding& b = bindings_[i];
    Sum before, after;
    before.add(b.x_addr).add(embed(policy.prefix[prefix].pref, z)).add(b.x_id);
    after.add(b.t_addr).add(z).add(b.t_id);
    return after.take(before).fold();
}

/// Opening an address costs up to some 100 us when it is in use: a few of them in a turn.
void Engine::open_some(const Policy& policy, unsigned budget) noexcept {
    if (is_likely(open_cursor_ >= sizes_.slots)) return;
    for (; open_cursor_ < sizes_.slots && budget > 0; open_cursor_++) {
        const unsigned i = open_cursor_;
        if (!slot_active_[i] || (ports_.is_open(i) && slot_seen_[i] == policy.slot[i])) continue;
        ports_.open(i, policy, worker_);
        blocks_.open(i, policy, ports_);
        slot_seen_[i] = policy.slot[i];
        budget--;
    }
    // Which of them are ours, by pool.
    unsigned n = 0;
    for (unsigned g = 0; g < kGroupsMax; g++) {
        of_group_[g] = Span{static_cast<std::uint16_t>(n), 0};
        for (unsigned i = 0; i < sizes_.slots; i++) {
            if (!slot_active_[i] || !ports_.is_open(i) || policy.slot[i].group != g) continue;
            if (ports_.free_count(i, Proto::udp) + ports_.in_use(i, Proto::udp) == 0) continue;
            mine_[n++] = static_cast<std::uint16_t>(i);
        }
        of_group_[g].n = static_cast<std::uint16_t>(n - of_group_[g].first);
    }
}

void Engine::begin_sweep() noexcept {
    sweep_left_ = fresh_;
    sweep_more_left_ = more_.high_water();
}

void Engine::finish_sweep() noexcept {
    if ((sweeping_ == 0 && !clearing_) || sweep_left_ != 0 || sweep_more_left_ != 0) return;
    if (sweeping_ != 0) swept_.store(applied_, std::memory_order_release);
    sweeping_ = 0;
    if (!clearing_) return;
    clearing_ = false;
    steady_ = policy_stamp_;
    cleared_.store(asked_.load(std::memory_order_relaxed), std::memory_order_release);
}

void Engine::take_orders() noexcept {
    const std::uint32_t asked = asked_.load(std::memory_order_acquire);
    if (is_likely(clearing_ || asked == cleared_.load(std::memory_order_relaxed))) return;
    order_taken_ = order_;
    result_ = ClearResult{};
    clearing_ = true;
    steady_ = kNeverSteady;
    epoch_++;
    begin_sweep();
}

bool Engine::names(const Binding& b) const noexcept {
    const ClearOrder& o = order_taken_;
    if (o.slot >= 0 && b.slot != static_cast<unsigned>(o.slot)) return false;
    if (o.proto >= 0 && b.proto != static_cast<Proto>(o.proto)) return false;
    if (o.x_id >= 0 && b.x_id.get().host() != o.x_id) return false;
    if (o.t_id >= 0 && b.t_id.get().host() != o.t_id) return false;
    return o.subscriber.contains(b.x_addr);
}

bool Engine::cleared_session(const Binding& b, std::uint32_t epoch, Ipv4Addr z,
                             Be16 z_id) const noexcept {
    if (is_likely(!clearing_) || epoch == epoch_) return false;
    if (order_taken_.has_remote) {
        if (z != order_taken_.z_addr) return false;
        if (order_taken_.z_id >= 0 && z_id.host() != order_taken_.z_id) return false;
    }
    return names(b);
}

bool Engine::alive(const Policy& p, const Age& age, Now now) noexcept {
    std::uint32_t life = p.lifetimes.udp.v;
    if (age.proto == Proto::udp && is_unlikely(p.n_udp_timers != 0)) life = p.udp_life(age.z_id);
    if (age.proto == Proto::icmp) life = p.lifetimes.icmp.v;
    if (age.proto == Proto::tcp) {
        life = timer_of(age.tcp) == TcpTimer::established ? p.lifetimes.tcp_established.v
                                                          : p.lifetimes.tcp_transitory.v;
        // An idle connection passes through TRANS before it ends (RFC 6146 s3.5.2.2, ESTABLISHED).
        if (age.tcp == TcpState::established) life += p.lifetimes.tcp_transitory.v;
    }
    return now.tick.v - age.last_seen <= life || now.tick.v < age.last_seen;
}

bool Engine::first_alive(const Policy& p, const Binding& b, Now now) const noexcept {
    return b.has_session != 0 && prefix_live_[b.prefix] &&
           alive(p, {b.proto, b.tcp, b.z_id, b.last_seen}, now) &&
           !cleared_session(b, b.epoch, b.z_addr, b.z_id);
}

bool Engine::more_alive(const Policy& p, const Session& s, Now now) const noexcept {
    const Binding& b = bindings_[s.binding];
    return prefix_live_[s.prefix] && alive(p, {b.proto, s.tcp, s.z_id, s.last_seen}, now) &&
           !cleared_session(b, s.epoch, s.z_addr, s.z_id);
}

bool Engine::dead(const Policy& p, const Binding& b, Now now) const noexcept {
    if (!slot_live_[b.slot] || cleared(b)) return true;
    if (is_unlikely(b.live == Life::fixed)) {
        const StaticEntry* e = p.static_of_t(b.slot, b.t_id.get().host(), b.proto);
        return e == nullptr || e->x != Endpoint6{b.x_addr, b.x_id};
    }
    return b.n_more == 0 && !first_alive(p, b, now);
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

void Engine::touch(const Policy& policy, Shared<TcpState>& tcp, Shared<std::uint32_t>& last_seen,
                   Proto proto, bool from_v6, TcpFlags flags, Now now) noexcept {
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
    if (i == kNone) i = make_static(policy, policy.static_of_x(tuple.src, tuple.proto), now);
    if (i == kNone) {
        if (!opens) return {Drop::tcp_not_syn, {}, {}};
        Wanted w{tuple.src, z, tuple.proto};
        Drop why = create_binding(policy, w, now);
        if (why != Drop::none)
            return {refused(policy, why, tuple.src.addr, tuple.proto, now), {}, {}};
        i = w.binding;
        why = add_session(policy, i, z, prefix, state_of_new(i, z, tuple.proto), now);
        if (why != Drop::none) {
            remove_binding(policy, i, now);
            return {refused(policy, why, tuple.src.addr, tuple.proto, now), {}, {}};
        }
        return {Drop::none, bindings_[i].t_addr, bindings_[i].t_id, i};
    }
    Binding& b = bindings_[i];
    const Outbound mapped{Drop::none, b.t_addr, b.t_id, i};
    if (is_likely(b.has_session != 0 && to(b, z))) {
        if (is_likely(first_alive(policy, b, now))) {
            touch(policy, b.tcp, b.last_seen, b.proto, true, flags, now);
            if (is_unlikely(b.prefix != prefix)) {
                b.prefix = prefix;
                b.steady = 0;
            }
            return mapped;
        }
        remove_first(b, now);
    } else if (const Index m = find_more(i, z); m != kNone) {
        Session& s = more_[m];
        if (more_alive(policy, s, now)) {
            touch(policy, s.tcp, s.last_seen, b.proto, true, flags, now);
            s.prefix = prefix;
            return mapped;
        }
        remove_more(m, now);
    }
    if (!opens) return mapped;  // RFC 6146 s3.5.2.2 CLOSED: translated, no session made
    const TcpState state = flags.syn() ? state_of_new(i, z, tuple.proto) : TcpState::v6_init;
    const Drop why = add_session(policy, i, z, prefix, state, now);
    if (why == Drop::none) return mapped;
    return {refused(policy, why, tuple.src.addr, tuple.proto, now), {}, {}};
}

TcpState Engine::state_of_new(Index binding, const Endpoint4& z, Proto proto) noexcept {
    if (proto != Proto::tcp || syns_.empty()) return TcpState::v6_init;
    const Binding& b = bindings_[binding];
    return syns_.forget({b.t_addr, b.t_id}, z) ? TcpState::established : TcpState::v6_init;
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
        const StaticEntry* e = policy.static_of_t(slot, tuple.dst.id.host(), tuple.proto);
        i = make_static(policy, e, now);
    }
    if (i == kNone) {
        if (!tcp) return {Drop::no_binding, {}, {}, 0};
        if (!syn) return {Drop::tcp_not_syn, {}, {}, 0};
        // RFC 5382 REQ-4: no answer before six seconds.
        return {policy.drop_external_tcp ? Drop::tcp_external_refused : Drop::tcp_syn_stored,
                {},
                {},
                0};
    }
    Binding& b = bindings_[i];
    if (is_likely(b.has_session != 0 && to(b, tuple.src))) {
        if (is_likely(first_alive(policy, b, now))) {
            touch(policy, b.tcp, b.last_seen, b.proto, false, flags, now);
            return {Drop::none, b.x_addr, b.x_id, b.prefix, i};
        }
        remove_first(b, now);
    } else if (const Index m = find_more(i, tuple.src); m != kNone) {
        Session& s = more_[m];
        if (more_alive(policy, s, now)) {
            touch(policy, s.tcp, s.last_seen, b.proto, false, flags, now);
            return {Drop::none, b.x_addr, b.x_id, s.prefix, i};
        }
        remove_more(m, now);
    }
    if (policy.address_dependent_filtering && !knows_remote(policy, i, tuple.src.addr, now)) {
        if (tcp && syn && !policy.drop_external_tcp) return {Drop::tcp_syn_stored, {}, {}, 0};
        return {Drop::filtered, {}, {}, 0};
    }
    if (tcp && syn && policy.drop_external_tcp) return {Drop::tcp_external_refused, {}, {}, 0};
    if (!tcp || syn) {
        const Drop why = add_session(policy, i, tuple.src, default_prefix, TcpState::v4_init, now);
        if (why != Drop::none) return {refused(policy, why, b.x_addr, tuple.proto, now), {}, {}, 0};
    }
    return {Drop::none, b.x_addr, b.x_id, default_prefix, i};
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
    if (sweeping_ != 0 || clearing_) return kMostVisits;
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
    if (!b.is_live()) return false;
    if (dead(policy, b, now)) {
        remove_binding(policy, i, now);
        return false;
    }
    if (b.has_session == 0) return false;
    if (!first_alive(policy, b, now)) {
        remove_first(b, now);
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
        if (s.live % 2 == 0) continue;
        const bool orphan = bindings_[s.binding].generation != s.binding_generation ||
                            !bindings_[s.binding].is_live();
        if (orphan || (!is_remote_entry(s) && !more_alive(policy, s, now))) remove_more(i, now);
    }
}

std::optional<BindingView> Engine::read_binding(Index i) const noexcept {
    const Binding& b = bindings_[i];
    for (unsigned tries = 0; tries < 4; tries++) {
        const std::uint32_t before = b.generation.read();
        if (before % 2 != 0) continue;
        const Life life = b.live.read();
        BindingView v{{b.x_addr.read(), b.x_id.read()},
                      {b.t_addr.read(), b.t_id.read()},
                      b.proto.read(),
                      life == Life::fixed,
                      b.slot.read(),
                      b.n_more.read() + b.has_session.read()};
        if (b.generation.read() != before) continue;
        return life == Life::none ? std::nullopt : std::optional(v);
    }
    return std::nullopt;
}

std::optional<SessionView> Engine::read_first_session(Index i) const noexcept {
    const Binding& b = bindings_[i];
    const auto binding = read_binding(i);
    if (!binding || b.has_session.read() == 0) return std::nullopt;
    return SessionView{*binding,
                       {b.z_addr.read(), b.z_id.read()},
                       b.tcp.read(),
                       b.prefix.read(),
                       Tick{b.last_seen.read()}};
}

std::optional<SessionView> Engine::read_more_session(Index i) const noexcept {
    if (i >= more_.capacity()) return std::nullopt;
    const Session& s = more_[i];
    const std::uint32_t births = s.live.read();
    const Index of = s.binding.read();
    const std::uint32_t generation = s.binding_generation.read();
    const TcpState tcp = s.tcp.read();
    if (births % 2 == 0 || tcp == TcpState::count_ || of >= sizes_.bindings) return std::nullopt;
    const Endpoint4 z{s.z_addr.read(), s.z_id.read()};
    const std::uint8_t prefix = s.prefix.read();
    const Tick seen{s.last_seen.read()};
    const auto binding = read_binding(of);
    // The record may have become another's meanwhile.
    const bool same = s.live.read() == births && bindings_[of].generation.read() == generation;
    if (!binding || !same) return std::nullopt;
    return SessionView{*binding, z, tcp, prefix, seen};
}

std::optional<SubscriberView> Engine::read_subscriber(Index i) const noexcept {
    if (i >= subscribers_.capacity()) return std::nullopt;
    const Subscriber& s = subscribers_[i];
    const std::uint32_t births = s.live.read();
    SubscriberView v;
    v.prefix = s.prefix.read();
    v.slot = s.slot.read();
    for (unsigned p = 0; p < kProtos; p++) v.n_ports[p] = s.n_ports[p].read();
    v.n_sessions = s.n_sessions.read();
    v.n_bindings = s.n_bindings.read();
    v.n_blocks = s.n_blocks.read();
    if (births % 2 == 0 || s.live.read() != births) return std::nullopt;
    return v;
}

std::optional<BlockView> Engine::read_block(unsigned slot, unsigned number) const noexcept {
    BlockView v;
    const Index owner = blocks_.read_owner(slot, number, v.n_bindings);
    if (owner == kNone) return std::nullopt;
    const auto s = read_subscriber(owner);
    std::uint32_t used = 0;
    // It may have become another's meanwhile.
    if (!s || blocks_.read_owner(slot, number, used) != owner) return std::nullopt;
    v.subscriber = s->prefix;
    return v;
}

}  // namespace isthmus::nat
