// SPDX-License-Identifier: Apache-2.0
// What readers in other threads see: an identity whole or not at all (generation), the rest at most
// one burst old. They never wait: after a few tries the record counts as absent.
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

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
    for (unsigned tries = 0; tries < 4; tries++) {
        const std::uint32_t generation = b.generation.read();
        const auto binding = read_binding(i);
        if (!binding || b.has_session.read() == 0) return std::nullopt;
        const SessionView v{*binding,
                            {b.z_addr.read(), b.z_id.read()},
                            b.tcp.read(),
                            b.prefix.read(),
                            Tick{b.last_seen.read()}};
        // One session may have followed another, or a binding another: seen twice alike, it is one.
        if (b.z_addr.read() == v.z.addr && b.z_id.read() == v.z.id && b.has_session.read() != 0 &&
            b.generation.read() == generation)
            return v;
    }
    return std::nullopt;
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
