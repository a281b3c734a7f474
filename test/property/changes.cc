// SPDX-License-Identifier: Apache-2.0
// What an operator does, in the midst of traffic.
#include "test/property/phase.h"

namespace property {

void Phase::apply() {
    box_.changed();
    model_.after_policy();
    turns_with_traffic(40);
}

bool Phase::change_timers(unsigned what) {
    Lifetimes& l = box_.policy->lifetimes;
    Policy& p = *box_.policy;
    switch (what) {
        case 0:
            l.udp = ticks_of_seconds(20 + random_() % 300);
            l.icmp = ticks_of_seconds(10 + random_() % 60);
            l.tcp_transitory = ticks_of_seconds(20 + random_() % 100);
            l.tcp_half_open = ticks_of_seconds(20 + random_() % 100);
            l.tcp_established = ticks_of_seconds(100 + random_() % 200);
            return true;
        case 1:
            p.n_udp_timers = random_() % 3;
            for (unsigned i = 0; i < p.n_udp_timers; i++)
                p.udp_timer[i] = {Be16{static_cast<std::uint16_t>(50 + i * 2)},
                                  ticks_of_seconds(10 + random_() % 400)};
            return true;
        case 2:
            if (kind_ < 4) return true;
            l.port_hold = ticks_of_seconds(random_() % 3 * 45);
            p.limits.ports_held = random_() % 4 == 0 ? 20 : 0;
            model_.rests_changed();
            return true;
        default:
            return false;
    }
}

bool Phase::change_rules(unsigned what) {
    Policy& p = *box_.policy;
    switch (what) {
        case 3:
            p.prefix[1].live = !p.prefix[1].live;
            return true;
        case 4:
            p.limits.ports_per_subscriber = 5 + random_() % 60;
            p.limits.sessions_per_subscriber = 20 + random_() % 200;
            p.limits.sessions_per_binding = 2 + random_() % 20;
            p.limits.new_sessions_per_second = random_() % 3 == 0 ? 1 + random_() % 50 : 0;
            return true;
        case 5:
            p.address_dependent_filtering = !p.address_dependent_filtering;
            return true;
        case 6:
            p.drop_external_tcp = random_() % 3 == 0;
            p.drop_tcp_strays = random_() % 3 == 0;
            p.v4_refresh = random_() % 3 != 0;
            return true;
        case 7:
            p.rst_in_fin = !p.rst_in_fin;
            p.preserve_parity = !p.preserve_parity;
            p.tcp_probes = !p.tcp_probes;
            return true;
        default:
            return false;
    }
}

bool Phase::change_carrier(unsigned what) {
    Policy& p = *box_.policy;
    PoolSlot& slot = p.slot[random_() % 3];
    switch (what) {
        case 8:
            p.pooling_soft = !p.pooling_soft;
            break;
        case 9:
            p.blocks.most = static_cast<std::uint8_t>(1 + random_() % 4);
            if (kind_ >= 6) p.blocks.hold = ticks_of_seconds(random_() % 3 * 20);
            model_.rests_changed();
            break;
        case 10:
            if (kind_ == 5 || (kind_ == 7 && p.n_rules != 0))
                p.slot[2].group = p.slot[2].group == 0 ? 1 : 0;
            break;
        case 11:
            if (kind_ >= 4 && kind_ != 5) slot.last_port = slot.last_port == 1535 ? 1299 : 1535;
            break;
        case 12:
            pool_comes_or_goes(slot);
            break;
        default:
            if (slot.state != PoolSlot::State::unused)
                slot.state = slot.state == PoolSlot::State::active ? PoolSlot::State::draining
                                                                   : PoolSlot::State::active;
    }
    model_.pools_changed();
    return true;
}

void Phase::change() {
    model_.before_timers();
    const unsigned what = random_() % 16;
    if (what == 15) return static_comes_or_goes();
    (void)(change_timers(what) || change_rules(what) || change_carrier(what));
    apply();
    const Policy& p = *box_.policy;
    // An id of what is gone is used again only after the sweep: so does the agent.
    if (box_.engine->swept() != p.generation) settle(0);
    if (box_.engine->swept() != p.generation) throw Wrong("the sweep did not end");
}

void Phase::pool_comes_or_goes(PoolSlot& slot) {
    const Policy& p = *box_.policy;
    if (slot.state == PoolSlot::State::unused) {
        slot.state = PoolSlot::State::active;
        return;
    }
    const auto number = static_cast<unsigned>(&slot - p.slot.data());
    for (unsigned i = 0; i < p.n_static; i++) {
        if (p.fixed[i].slot == number) return;  // refused by the configuration
    }
    if (kind_ != 2) slot.state = PoolSlot::State::unused;
}

void Phase::static_comes_or_goes() {
    Policy& p = *box_.policy;
    if (p.n_static > 5 || (p.n_static > 0 && random_() % 2 == 0)) {
        p.fixed[random_() % p.n_static] = p.fixed[p.n_static - 1];
        p.n_static--;
    } else {
        const unsigned s = random_() % 3;
        StaticEntry e{{host(), Be16{static_cast<std::uint16_t>(1000 + random_() % 25)}},
                      {p.slot[s].addr, Be16{static_cast<std::uint16_t>(1024 + random_() % 100)}},
                      static_cast<std::uint16_t>(s),
                      proto()};
        if (kind_ == 2) e.t.id = Be16{static_cast<std::uint16_t>(1500 + random_() % 30)};
        if (p.slot[s].state == PoolSlot::State::unused) return;
        for (unsigned i = 0; i < p.n_static; i++) {
            const StaticEntry& f = p.fixed[i];
            if (f.proto == e.proto && (f.x == e.x || f.t == e.t)) return;
        }
        p.fixed[p.n_static++] = e;
    }
    apply();
    if (random_() % 2 == 0) settle(0);
}

ClearOrder Phase::some_order() {
    ClearOrder o;
    const Key key = some_key();
    const Endpoint4 z = remote(key.proto);
    switch (random_() % 5) {
        case 0:
            o.subscriber = Prefix6{masked(key.x, 64), 64};
            break;
        case 1:
            o.slot = static_cast<int>(random_() % 3);
            break;
        case 2:
            o.has_remote = true;
            o.z_addr = z.addr;
            break;
        case 3:
            o.subscriber = Prefix6{key.x, 128};
            o.proto = static_cast<int>(key.proto);
            o.x_id = key.id;
            o.has_remote = true;
            o.z_addr = z.addr;
            o.z_id = z.id.host();
            break;
        default:
            if (random_() % 8 != 0) o.proto = static_cast<int>(random_() % 3);
    }
    return o;
}

void Phase::clear() {
    const ClearOrder o = some_order();
    Range bindings, sessions;
    model_.clear(o, bindings, sessions);
    const std::uint32_t ticket = box_.engine->post_clear(o);
    // Who opens a session of a binding that loses its last one keeps it: then nobody can say how
    // many go.
    for (int i = 0; o.has_remote && i < 90; i++) one_turn();
    if (!o.has_remote) turns_with_traffic(90);
    ClearResult done;
    if (!box_.engine->clear_done(ticket, done)) throw Wrong("a clearing does not end");
    if (!sessions.has(done.sessions)) throw Wrong("a clearing closed too many or too few sessions");
    if (!bindings.has(done.bindings)) throw Wrong("a clearing closed too many or too few bindings");
    settle(0);
}

void Phase::check() {
    if (const char* what = box_.engine->check(); what != nullptr) throw Wrong(what);
}

/// Everything ends; what was taken is all back.
void Phase::end() {
    check();
    box_.policy->n_static = 0;
    for (unsigned s = 0; s < 3; s++) box_.policy->slot[s].state = PoolSlot::State::active;
    model_.pools_changed();
    apply();
    for (int i = 0; i < 8; i++) settle(2000);
    check();
    const Engine& e = *box_.engine;
    if (e.n_bindings() + e.n_sessions() + e.n_subscribers() != 0)
        throw Wrong("something is left when all is over");
    box::Box fresh(sizes(kind_));
    *fresh.policy = *box_.policy;
    fresh.changed();
    for (int i = 0; i < 40; i++)
        fresh.engine->end_turn(*fresh.policy, fresh.now, [](const Probe&) {});
    for (unsigned s = 0; s < 3; s++) {
        for (unsigned q = 0; q < kProtos; q++) {
            const auto p = static_cast<Proto>(q);
            if (e.ports_free(s, p) != fresh.engine->ports_free(s, p))
                throw Wrong("ports are not all back");
        }
    }
}

}  // namespace property
