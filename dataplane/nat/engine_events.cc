// SPDX-License-Identifier: Apache-2.0
// What the engine tells the logs. Nothing here runs unless somebody asked for logs, and nothing for
// a packet of a session that exists.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

void Engine::emit(const NatEvent& e, Now now) noexcept {
    counters_.add(events_.push(e, now.ns) ? Counter::events_told : Counter::events_lost);
}

/// Bindings inside a port block are told by the block (RFC 6888 REQ-14), those in a subscriber's
/// deterministic range by calculation (RFC 7422 s2).
bool Engine::told_otherwise(const Policy& policy, const Binding& b) const noexcept {
    if (b.live == Life::fixed) return false;
    const std::uint16_t port = b.t_id.get().host();
    if (policy.blocks.on() && blocks_.owner(b.slot, port >> policy.blocks.bits) == b.subscriber)
        return true;
    if (!policy.deterministic.on) return false;
    const auto own = deterministic_range(policy, b.x_addr);
    return own && own->slot == b.slot && own->first <= port && port <= own->last;
}

void Engine::tell_binding(EventKind kind, const Policy& policy, const Binding& b,
                          Now now) noexcept {
    if (told_otherwise(policy, b)) return;
    NatEvent e;
    e.kind = kind;
    e.proto = b.proto;
    e.x_addr = b.x_addr;
    e.x_id = b.x_id;
    e.t_addr = b.t_addr;
    e.t_id = b.t_id;
    emit(e, now);
}

void Engine::tell_session(EventKind kind, const Binding& b, const Endpoint4& z, Now now) noexcept {
    NatEvent e;
    e.kind = kind;
    e.proto = b.proto;
    e.x_addr = b.x_addr;
    e.x_id = b.x_id;
    e.t_addr = b.t_addr;
    e.t_id = b.t_id;
    e.z_addr = z.addr;
    e.z_id = b.proto == Proto::icmp ? Be16{} : z.id;
    emit(e, now);
}

void Engine::tell_block(EventKind kind, const Policy& policy, std::uint32_t block,
                        const Wanted& w) noexcept {
    const std::uint32_t size = std::uint32_t{1} << policy.blocks.bits;
    const std::uint32_t first = (block & 0xffff) * size;
    NatEvent e;
    e.kind = kind;
    e.x_addr = subscribers_[w.subscriber].prefix;
    e.x_bits = policy.subscriber_bits;
    e.t_addr = slot_seen_[block >> 16].addr;  // of a removed address too
    e.t_id = Be16{static_cast<std::uint16_t>(first)};
    e.t_last = static_cast<std::uint16_t>(first + size - 1);
    emit(e, w.now);
}

void Engine::tell_address(EventKind kind, const Policy& policy, const Subscriber& s,
                          Now now) noexcept {
    if (s.slot >= sizes_.slots) return;  // never paired
    NatEvent e;
    e.kind = kind;
    e.x_addr = s.prefix;
    e.x_bits = policy.subscriber_bits;
    e.t_addr = slot_seen_[s.slot].addr;
    emit(e, now);
}

/// One subscriber, reason and protocol.
std::uint64_t Engine::key_of(const NatEvent& e) const noexcept {
    return hash_addr(
        seed_, e.x_addr,
        static_cast<std::uint64_t>(e.why) + (static_cast<std::uint64_t>(e.proto) << 8));
}

void Engine::tell_now_and_then(NatEvent& e, std::uint64_t key, Now now) noexcept {
    if (event_limiter_.allows(key, now, e.suppressed)) {
        emit(e, now);
    } else {
        counters_.add(Counter::events_suppressed);
    }
}

/// A subscriber has as many ports as the operator wants to hear of.
void Engine::tell_alarm(const Policy& policy, const Subscriber& s, Proto proto, Now now) noexcept {
    if (!log_.refusals) return;
    NatEvent e;
    e.kind = EventKind::threshold_reached;
    e.proto = proto;
    e.x_addr = s.prefix;
    e.x_bits = policy.subscriber_bits;
    e.limit = policy.limits.ports_per_subscriber_alarm;
    tell_now_and_then(e, key_of(e), now);
}

/// Passes `why` on, and tells of it when it is a matter of quota or exhaustion: of each subscriber
/// and reason now and then.
Drop Engine::refused(const Policy& policy, Drop why, const Ipv6Addr& x, Proto proto,
                     Now now) noexcept {
    if (!log_.refusals) return why;
    NatEvent e;
    e.kind = EventKind::quota_exceeded;
    e.why = why;
    e.proto = proto;
    e.x_addr = masked(x, policy.subscriber_bits);
    e.x_bits = policy.subscriber_bits;
    switch (why) {
        case Drop::subscriber_ports:
            e.limit = policy.limits.ports_per_subscriber;
            break;
        case Drop::subscriber_sessions:
            e.limit = policy.limits.sessions_per_subscriber;
            break;
        case Drop::binding_sessions:
            e.limit = policy.limits.sessions_per_binding;
            break;
        case Drop::subscriber_rate:
            e.limit = policy.limits.new_sessions_per_second;
            break;
        case Drop::subscriber_blocks:
            e.limit = policy.blocks.most;
            break;
        case Drop::binding_table_full:
            e.limit = sizes_.bindings;
            break;
        case Drop::session_table_full:
            e.limit = sizes_.sessions;
            break;
        case Drop::subscriber_table_full:
            e.limit = sizes_.subscribers;
            break;
        case Drop::pool4_exhausted: {
            const std::uint64_t hash = hash_addr(seed_, e.x_addr, 5);
            const Index i =
                subscribers_.find(hash, [&](const Subscriber& s) { return s.prefix == e.x_addr; });
            const bool paired = i != kNone && subscribers_[i].slot < sizes_.slots;
            e.kind = paired ? EventKind::ports_exhausted : EventKind::addresses_exhausted;
            if (paired) e.t_addr = slot_seen_[subscribers_[i].slot].addr;
            e.group = policy.group_of(e.x_addr);
            break;
        }
        default:
            return why;  // no matter of quota
    }
    tell_now_and_then(e, key_of(e), now);
    return why;
}

void Engine::tell_packet_refused(Drop why, const Ipv6Addr& x, const Tuple4& packet,
                                 Now now) noexcept {
    if (!log_.refusals) return;
    NatEvent e;
    e.kind = EventKind::packet_refused;
    e.why = why;
    e.proto = packet.proto;
    e.x_addr = x;
    e.x_id = packet.dst.id;
    e.t_addr = packet.dst.addr;
    e.t_id = packet.dst.id;
    e.z_addr = packet.src.addr;
    e.z_id = packet.src.id;
    tell_now_and_then(
        e, hash_addr(seed_, x, static_cast<std::uint64_t>(why) << 32 ^ e.z_addr.host()), now);
}

}  // namespace isthmus::nat
