// SPDX-License-Identifier: Apache-2.0
// What outbound() and inbound() would say, without doing it: the same questions in the same order
// (binding_64(), session_with(), limits_of(), ...), and in place of creation the look for room.
//
// A binding whose time is over is removed on the way, as any packet would: it is absent already. A
// static one that is due is made. Nothing else changes. Chance may still decide otherwise in
// one case: a new port block whose ports all rest from their last owner is only found out by taking
// it.
#include <algorithm>

#include "dataplane/nat/engine.h"

namespace isthmus::nat {

void Engine::tell_subscriber(const Policy& policy, const Ipv6Addr& x, Forecast& f,
                             Now now) const noexcept {
    const Ipv6Addr prefix = masked(x, policy.subscriber_bits);
    const Index i = subscribers_.find(hash_addr(seed_, prefix, 5),
                                      [&](const Subscriber& s) { return s.prefix == prefix; });
    f.group = policy.group_of(prefix);
    f.subscriber.prefix = prefix;
    f.knows_subscriber = i != kNone;
    f.rate_left = rate_left(policy, i == kNone ? Subscriber{} : subscribers_[i], now);
    if (i == kNone) return;
    if (const auto view = read_subscriber(i)) f.subscriber = *view;
}

void Engine::tell_binding(Index i, Forecast& f) const noexcept {
    const Binding& b = bindings_[i];
    f.has_binding = true;
    f.is_fixed = b.live == Life::fixed;
    f.x = {b.x_addr, b.x_id};
    f.t = {b.t_addr, b.t_id};
    f.slot = b.slot;
    f.n_sessions = b.n_more + b.has_session;
}

void Engine::tell_session(Index i, const SessionAt& at, Forecast& f) const noexcept {
    f.has_session = true;
    const Binding& b = bindings_[i];
    f.prefix = at.more == kNone ? b.prefix : more_[at.more].prefix;
    f.tcp = at.more == kNone ? b.tcp : more_[at.more].tcp;
    f.last_seen = Tick{at.more == kNone ? b.last_seen : more_[at.more].last_seen};
}

/// As choose_in_blocks().
Drop Engine::foresee_block(const Policy& policy, const Subscriber& s, Proto proto,
                           const BlockLimit& of, Forecast& f) const noexcept {
    const std::uint32_t size = std::uint32_t{1} << policy.blocks.bits;
    const unsigned n = serving_blocks(policy, s, of.slot, [&](std::uint32_t block) {
        const auto first = static_cast<std::uint16_t>((block & 0xffff) * size);
        const PortRange range{static_cast<std::uint16_t>(block >> 16), first,
                              static_cast<std::uint16_t>(first + size - 1)};
        const std::uint32_t n_free = ports_.free_within(proto, range);
        if (n_free == 0) return false;
        f.from = Forecast::From::own_block;
        f.range = range;
        f.slot = range.slot;
        f.ports_free = n_free;
        return true;
    });
    if (f.from == Forecast::From::own_block) return Drop::none;
    if (n >= of.most || s.n_blocks >= kBlocksMost) return Drop::subscriber_blocks;
    if (unloggable()) return Drop::log_path_down;
    if (blocks_.free_count(of.slot) == 0) return Drop::pool4_exhausted;
    f.from = Forecast::From::new_block;
    f.slot = static_cast<int>(of.slot);
    f.ports_free = size;
    return Drop::none;
}

Drop Engine::foresee_deterministic(const Policy& policy, const Subscriber& s, Proto proto,
                                   const PortRange& own, Forecast& f) const noexcept {
    if (own.slot >= sizes_.slots || !slot_active_[own.slot]) return Drop::pool4_exhausted;
    f.slot = own.slot;
    f.range = own;
    f.ports_free = ports_.free_within(proto, own);
    f.from = Forecast::From::own_range;
    if (f.ports_free != 0) return Drop::none;
    const Deterministic& d = policy.deterministic;
    if (d.dynamic == 0 || !policy.blocks.on()) return Drop::subscriber_ports;
    return foresee_block(policy, s, proto, {own.slot, d.most_blocks}, f);
}

/// As choose_port().
Drop Engine::foresee_port(const Policy& policy, const Subscriber& s, const Endpoint6& x,
                          Proto proto, Forecast& f) const noexcept {
    if (policy.deterministic.on) {
        const auto own = deterministic_range(policy, x.addr);
        if (own) return foresee_deterministic(policy, s, proto, *own, f);
    }
    const bool in_blocks = policy.blocks.on();
    if (!in_blocks && unloggable()) return Drop::log_path_down;
    std::uint64_t nonce = random_;
    int slot = paired_slot(policy, s, f.group);
    if (slot < 0) slot = least_loaded(policy, proto, f.group, ++nonce);
    if (slot < 0) return Drop::pool4_exhausted;
    const auto look = [&](unsigned at) {
        if (in_blocks) return foresee_block(policy, s, proto, {at, policy.blocks.most}, f);
        f.slot = static_cast<int>(at);
        f.from = Forecast::From::pool;
        f.ports_free = ports_.free_count(at, proto);
        return f.ports_free != 0 ? Drop::none : Drop::pool4_exhausted;
    };
    const Drop why = look(static_cast<unsigned>(slot));
    if (why != Drop::pool4_exhausted || !policy.pooling_soft) return why;
    const int other = least_loaded(policy, proto, f.group, ++nonce);
    return other < 0 ? why : look(static_cast<unsigned>(other));
}

/// As create_binding() and the first add_session().
Drop Engine::foresee_binding(const Policy& policy, const Endpoint6& x, Proto proto, Forecast& f,
                             Now now) const noexcept {
    const Ipv6Addr prefix = masked(x.addr, policy.subscriber_bits);
    const Index i = subscribers_.find(hash_addr(seed_, prefix, 5),
                                      [&](const Subscriber& s) { return s.prefix == prefix; });
    if (i == kNone && !subscribers_.has_room()) return Drop::subscriber_table_full;
    Subscriber s;
    if (i != kNone) s = subscribers_[i];
    Drop why = limits_of(policy, s, proto, now);
    if (why != Drop::none) return why;
    if (free_ == kNone && fresh_ >= sizes_.bindings) return Drop::binding_table_full;
    why = foresee_port(policy, s, x, proto, f);
    if (why != Drop::none) return why;
    if (!index_.has_room(hash_of(x, proto))) return Drop::binding_table_full;
    return session_refused(policy, s, 0, now);
}

Forecast Engine::forecast_64(const Policy& policy, const From6& packet, Now now) noexcept {
    Forecast f;
    const bool opens = packet.proto != Proto::tcp || packet.flags.syn();
    const Index i = binding_64(policy, kNone, packet.x, packet.proto, now);
    if (i != kNone) tell_binding(i, f);
    tell_subscriber(policy, packet.x.addr, f, now);
    f.x = packet.x;
    if (i == kNone) {
        if (!opens) {
            f.why = Drop::tcp_not_syn;
            return f;
        }
        f.makes_session = true;
        f.why = foresee_binding(policy, packet.x, packet.proto, f, now);
        if (f.slot >= 0) f.t.addr = policy.slot[static_cast<unsigned>(f.slot)].addr;
        return f;
    }
    const SessionAt at = session_with(policy, i, packet.z, now);
    if (at.alive) {
        tell_session(i, at, f);
    } else if (opens) {
        f.makes_session = true;
        f.why = foresee_session(policy, i, packet.z, at, now);
    } else if (policy.drop_tcp_strays) {
        f.why = Drop::tcp_not_syn;
    }
    return f;
}

/// `at`: what there is now; when it is dead it goes first.
Drop Engine::foresee_session(const Policy& policy, Index i, const Endpoint4& z, const SessionAt& at,
                             Now now) const noexcept {
    const Binding& b = bindings_[i];
    const std::uint32_t gone = at.is_dead() ? 1 : 0;
    Subscriber s = subscribers_[b.subscriber];
    s.n_sessions -= gone;
    const Drop why = session_refused(policy, s, b.n_more + b.has_session - gone, now);
    const bool inside = b.has_session == 0 || (at.is_first && gone != 0);
    if (why != Drop::none || inside || gone != 0) return why;
    // A record for the session, and one for Z when it is the first with it.
    const std::uint32_t room = more_.capacity() - more_.size();
    const std::uint32_t need = find_remote(i, z.addr) == kNone ? 2 : 1;
    return room >= need ? Drop::none : Drop::session_table_full;
}

Forecast Engine::forecast_46(const Policy& policy, const From4& packet, Now now) noexcept {
    Forecast f;
    const Index i = binding_46(policy, packet.slot, packet.t.id, packet.proto, now);
    f.slot = static_cast<int>(packet.slot);
    f.t = packet.t;
    if (i == kNone) {
        f.why = no_binding_46(policy, packet.proto, packet.flags);
        if (f.why == Drop::tcp_syn_stored)
            f.why = syns_.would_hold(packet.t, packet.z, policy.stored_syns);
        return f;
    }
    tell_binding(i, f);
    tell_subscriber(policy, f.x.addr, f, now);
    const SessionAt at = session_with(policy, i, packet.z, now);
    if (at.alive) {
        tell_session(i, at, f);
        return f;
    }
    f.why = refused_46(policy, i, packet, now, at.more != kNone ? 1 : 0);
    if (f.why == Drop::tcp_syn_stored)
        f.why = syns_.would_hold(packet.t, packet.z, policy.stored_syns);
    if (f.why != Drop::none || !opens_46(packet.proto, packet.flags)) return f;
    f.makes_session = true;
    f.why = foresee_session(policy, i, packet.z, at, now);
    return f;
}

}  // namespace isthmus::nat
