// SPDX-License-Identifier: Apache-2.0
#include "dataplane/nat/engine.h"

#include <algorithm>

#include "common/net/checksum.h"
#include "common/net/rfc6052.h"

namespace isthmus::nat {

namespace {

bool to(const Binding& b, const Endpoint4& z) noexcept {
    return b.z_addr == z.addr && b.z_id == z.id;
}

}  // namespace

std::size_t Engine::bytes_needed(const Sizes& sizes) noexcept {
    Arena count{{}};
    count.take<Binding>(sizes.bindings);
    const Index6 index(count, sizes.bindings);
    const ChainTable<Session> more(count, 2 * sizes.sessions);
    const ChainTable<Subscriber> subscribers(count, sizes.subscribers);
    PortRecord record;
    FreePorts outside;
    if (sizes.has_record) record.own = {&outside, 1};
    const Ports ports(count, sizes.slots, sizes.bindings, Seed{}, record);
    const Blocks blocks(count, sizes.slots, Seed{});
    const SynStore syns(count, sizes.stored_syns, Seed{});
    const EventRing events(count, sizes.events);
    return count.used();
}

Engine::Engine(std::span<std::byte> memory, const Sizes& sizes, const Seed& seed, unsigned worker,
               Counters& counters, const PortRecord& record) noexcept
    : Engine(Arena{memory}, sizes, seed, worker, counters, record) {}

Engine::Engine(Arena arena, const Sizes& sizes, const Seed& seed, unsigned worker,
               Counters& counters, const PortRecord& record) noexcept
    : sizes_(sizes),
      seed_(seed),
      worker_(worker),
      counters_(counters),
      bindings_(arena.take_zeroed<Binding>(sizes.bindings)),
      index_(arena, sizes.bindings),
      more_(arena, 2 * sizes.sessions),
      subscribers_(arena, sizes.subscribers),
      ports_(arena, sizes.slots, sizes.bindings, seed, record),
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
    }
    for (unsigned i = 0; i < kPrefixesMax; i++) {
        retired = retired || (prefix_live_[i] && !policy.prefix[i].live);
        prefix_live_[i] = policy.prefix[i].live;
    }
    set_steady(policy);
    ports_.set_rest(policy.lifetimes.port_hold, policy.limits.ports_held);
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
    // Neither 0 nor kNeverSteady; the same again after 16 million policies, when nothing of the
    // first is left.
    constexpr std::uint64_t kStamps = kNeverSteady / (kKindMask + 1) - 1;
    policy_stamp_ = static_cast<SteadyStamp>((policy.generation % kStamps + 1) * (kKindMask + 1));
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

/// Addresses that come, go or change: `budget` idle ones, or one in use, which costs some 30 us.
/// What is not active gives nothing out, closed or not.
void Engine::open_some(const Policy& policy, unsigned budget) noexcept {
    if (is_likely(open_cursor_ >= sizes_.slots)) return;
    for (unsigned spent = 0; open_cursor_ < sizes_.slots; open_cursor_++) {
        const unsigned i = open_cursor_;
        const bool was_open = ports_.is_open(i);
        PoolSlot seen = slot_seen_[i];
        seen.group = policy.slot[i].group;  // does not change whose ports are free
        if (slot_active_[i] ? was_open && seen == policy.slot[i] : !was_open) {
            slot_seen_[i].group = seen.group;
            continue;
        }
        if (spent >= budget) break;
        if (slot_active_[i]) {
            spent += ports_.is_idle(i) ? 1 : budget;
            ports_.open(i, policy, worker_);
            blocks_.open(i, policy, ports_);
            slot_seen_[i] = policy.slot[i];
        } else {
            spent++;
            ports_.close(i);
            blocks_.close(i);
        }
    }
    // Which addresses belong to which pool.
    of_group_.fill({});
    for (unsigned i = 0; i < sizes_.slots; i++) {
        const unsigned group = policy.slot[i].group;
        if (slot_active_[i] && ports_.is_open(i) && group < kGroupsMax)
            of_group_[group].set(i, true);
    }
}

bool Engine::alive(const Policy& p, const Age& age, Now now) noexcept {
    std::uint32_t life = p.lifetimes.udp.v;
    if (age.proto == Proto::udp && is_unlikely(p.n_udp_timers != 0)) life = p.udp_life(age.z_id);
    if (age.proto == Proto::icmp) life = p.lifetimes.icmp.v;
    if (age.proto == Proto::tcp) {
        const bool half_open = age.tcp == TcpState::v4_init || age.tcp == TcpState::v6_init;
        life = timer_of(age.tcp) == TcpTimer::established ? p.lifetimes.tcp_established.v
               : half_open                                ? p.lifetimes.tcp_half_open.v
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

Index Engine::current(const Policy& policy, Hint hint, const Endpoint6& x, Proto proto,
                      Now now) noexcept {
    Index i = hint.binding;
    if (hint.newcomer != nullptr) {
        i = find(hint.newcomer->hash, x, proto);
    } else if (i == kNone || !is(bindings_[i], x, proto)) {
        i = find(hash_of(x, proto), x, proto);
    }
    if (i == kNone || is_likely(!dead(policy, bindings_[i], now))) return i;
    remove_binding(policy, i, now);
    return kNone;
}

Index Engine::find_more(Index binding, const Endpoint4& z) const noexcept {
    if (bindings_[binding].n_more == 0) return kNone;
    return more_.find(hash_more(binding, z.addr, z.id.wire()), [&](const Session& s) {
        return s.binding == binding && s.z_addr == z.addr && s.z_id == z.id && !s.is_remote() &&
               s.binding_generation == bindings_[binding].generation;
    });
}

bool Engine::knows_remote(const Policy& policy, Index binding, Ipv4Addr z, Now now,
                          std::uint32_t gone) const noexcept {
    const Binding& b = bindings_[binding];
    if (b.z_addr == z && first_alive(policy, b, now)) return true;
    if (b.n_more == 0) return false;
    const Index i = find_remote(binding, z);
    return i != kNone && more_[i].last_seen > gone;
}

bool Engine::touch(const Policy& policy, Shared<TcpState>& tcp, Shared<std::uint32_t>& last_seen,
                   Proto proto, bool from_v6, TcpFlags flags, Now now) noexcept {
    bool rearm = true, moved = false, counts = from_v6 || policy.v4_refresh;
    if (proto == Proto::tcp) {
        const TcpStep next = step(tcp, from_v6, flags, policy.rst_in_fin);
        const bool shorter =
            timer_of(tcp) == TcpTimer::established && timer_of(next.state) == TcpTimer::transitory;
        moved = next.state != tcp;
        if (moved) tcp = next.state;
        rearm = next.rearm;
        // The shorter life begins now: counted from the last packet it might be over already, and
        // a forged RST would cut an idle connection.
        counts = counts || shorter;
    }
    if (rearm && counts && last_seen != now.tick.v) last_seen = now.tick.v;
    return moved;
}

Index Engine::binding_64(const Policy& policy, Hint hint, const Endpoint6& x, Proto proto,
                         Now now) noexcept {
    const Index i = current(policy, hint, x, proto, now);
    return is_likely(i != kNone) ? i : make_static(policy, policy.static_of_x(x, proto), now);
}

Index Engine::binding_46(const Policy& policy, unsigned slot, Be16 t_id, Proto proto,
                         Now now) noexcept {
    const Index i = find(slot, t_id, proto);
    if (i != kNone) {
        if (is_likely(!dead(policy, bindings_[i], now))) return i;
        remove_binding(policy, i, now);
    }
    return make_static(policy, policy.static_of_t(slot, t_id.host(), proto), now);
}

Engine::SessionAt Engine::session_with(const Policy& policy, Index binding, const Endpoint4& z,
                                       Now now) const noexcept {
    const Binding& b = bindings_[binding];
    if (is_likely(b.has_session != 0 && to(b, z)))
        return {true, first_alive(policy, b, now), kNone};
    const Index m = find_more(binding, z);
    return {false, m != kNone && more_alive(policy, more_[m], now), m};
}

void Engine::remove_dead(Index binding, const SessionAt& at, Now now) noexcept {
    if (at.is_first) return remove_first(bindings_[binding], now);
    remove_more(at.more, now);
}

Drop Engine::no_binding_46(const Policy& policy, Proto proto, TcpFlags flags) noexcept {
    if (proto != Proto::tcp) return Drop::no_binding;
    if (!opens_46(proto, flags)) return Drop::tcp_not_syn;
    // RFC 5382 REQ-4: no answer before six seconds.
    return policy.drop_external_tcp ? Drop::tcp_external_refused : Drop::tcp_syn_stored;
}

Drop Engine::refused_46(const Policy& policy, Index binding, const Tuple4& tuple, TcpFlags flags,
                        Now now, std::uint32_t gone) const noexcept {
    const bool opens_tcp = tuple.proto == Proto::tcp && opens_46(tuple.proto, flags);
    if (policy.address_dependent_filtering &&
        !knows_remote(policy, binding, tuple.src.addr, now, gone))
        return opens_tcp && !policy.drop_external_tcp ? Drop::tcp_syn_stored : Drop::filtered;
    if (opens_tcp && policy.drop_external_tcp) return Drop::tcp_external_refused;
    const bool stray = tuple.proto == Proto::tcp && !opens_tcp;
    return stray && policy.drop_tcp_strays ? Drop::tcp_not_syn : Drop::none;
}

Outbound Engine::outbound(const Policy& policy, Hint hint, const Tuple6& tuple, const Endpoint4& z,
                          std::uint8_t prefix, TcpFlags flags, Now now) noexcept {
    Index i = binding_64(policy, hint, tuple.src, tuple.proto, now);
    const bool opens = tuple.proto != Proto::tcp || flags.syn();
    if (i == kNone) {
        if (!opens) return {Drop::tcp_not_syn, {}, {}};
        Wanted w{tuple.src, z, tuple.proto};
        w.newcomer = hint.newcomer;
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
    const SessionAt at = session_with(policy, i, z, now);
    if (is_likely(at.is_first && at.alive)) {
        touch_first(policy, b, true, flags, now);
        if (is_unlikely(b.prefix != prefix)) {
            b.prefix = prefix;
            b.steady = 0;
        }
        return mapped;
    }
    if (at.alive) {
        Session& s = more_[at.more];
        (void)touch(policy, s.tcp, s.last_seen, b.proto, true, flags, now);
        s.prefix = prefix;
        return mapped;
    }
    if (is_unlikely(at.is_dead())) remove_dead(i, at, now);
    // RFC 6146 s3.5.2.2 CLOSED: translated, no session made, if the policy lets it pass.
    if (!opens) return policy.drop_tcp_strays ? Outbound{Drop::tcp_not_syn, {}, {}} : mapped;
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
    const Index i = binding_46(policy, slot, tuple.dst.id, tuple.proto, now);
    if (i == kNone) return {no_binding_46(policy, tuple.proto, flags), {}, {}, 0};
    Binding& b = bindings_[i];
    const SessionAt at = session_with(policy, i, tuple.src, now);
    if (is_likely(at.is_first && at.alive)) {
        touch_first(policy, b, false, flags, now);
        return {Drop::none, b.x_addr, b.x_id, b.prefix, i};
    }
    if (at.alive) {
        Session& s = more_[at.more];
        (void)touch(policy, s.tcp, s.last_seen, b.proto, false, flags, now);
        return {Drop::none, b.x_addr, b.x_id, s.prefix, i};
    }
    if (is_unlikely(at.is_dead())) remove_dead(i, at, now);
    Drop why = refused_46(policy, i, tuple, flags, now);
    if (why != Drop::none) return {why, {}, {}, 0};
    if (opens_46(tuple.proto, flags)) {
        why = add_session(policy, i, tuple.src, default_prefix, TcpState::v4_init, now);
        if (why != Drop::none) return {refused(policy, why, b.x_addr, tuple.proto, now), {}, {}, 0};
    } else if (policy.drop_tcp_strays) {
        return {Drop::tcp_not_syn, {}, {}, 0};
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

}  // namespace isthmus::nat
