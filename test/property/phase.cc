// SPDX-License-Identifier: Apache-2.0
// Packets and time. Each answer of the engine is held against what it foretold, and against the
// model; what the pipeline does without asking for an answer, with flows that are steady, too.
#include "test/property/phase.h"

namespace property {

namespace {

constexpr std::uint8_t kTcpMoves = 0x07;  // SYN, FIN, RST: no steady packets

}  // namespace

Phase::Phase(unsigned kind, unsigned seed)
    : kind_(kind), random_{std::mt19937(seed)}, box_(sizes(kind)), model_(box_) {
    prepare();
    apply();
}

Sizes Phase::sizes(unsigned kind) {
    if (kind == 3) return {96, 64, 24, 4, 8};
    // Room for every port there is to rest: then none comes back early.
    if (kind >= 4) return {32768, 2048, 256, 4, 64};
    return {2048, 2048, 256, 4, 64};
}

void Phase::prepare() {
    Policy& p = *box_.policy;
    p.prefix[1] = {true, false, *Pref64::parse("2001:db8:65::/96")};
    p.lifetimes.port_hold = kind_ == 4 ? ticks_of_seconds(60) : Tick{0};
    for (unsigned s = 0; s < 3; s++) {
        box_.add(s, Ipv4Addr::of(192, 0, 2, static_cast<std::uint8_t>(1 + s)), 1024,
                 static_cast<std::uint16_t>(kind_ == 3 ? 1123 : 1535));
    }
    if (kind_ == 1 || kind_ == 2) p.blocks = {6, 3, Tick{0}};
    if (kind_ == 2) deterministic(p);
    if (kind_ == 5) {
        p.slot[1].group = 1;
        p.rule[p.n_rules++] = {*Prefix6::parse("2001:db8:1::/61"), 1};
    }
    if (kind_ == 6) {
        p.blocks = {6, 2, ticks_of_seconds(30)};
        p.lifetimes.port_hold = ticks_of_seconds(60);
    }
    if (kind_ == 7) prepare_anything();
}

void Phase::prepare_anything() {
    Policy& p = *box_.policy;
    const auto coin = [&] { return random_() % 2 == 0; };
    p.lifetimes.port_hold = coin() ? ticks_of_seconds(60) : Tick{0};
    if (coin()) p.blocks = {6, 2, coin() ? ticks_of_seconds(40) : Tick{0}};
    if (coin()) {
        p.slot[1].group = 1;
        p.rule[p.n_rules++] = {*Prefix6::parse("2001:db8:1::/61"), 1};
    }
    p.address_dependent_filtering = coin();
    p.pooling_soft = coin();
    p.n_udp_timers = 2;
    p.udp_timer[0] = {Be16{51}, ticks_of_seconds(15)};
    p.udp_timer[1] = {Be16{53}, ticks_of_seconds(500)};
}

void Phase::deterministic(Policy& p) {
    Deterministic& d = p.deterministic;
    d.on = true;
    d.inside = *Prefix6::parse("2001:db8:1::/60");
    d.first_port = 1024;
    d.ports_each = 32;
    d.per_address = 8;
    d.dynamic = 8;
    d.most_blocks = 2;
    d.n_slots = 2;
    d.slot[0] = 0;
    d.slot[1] = 1;
}

void Phase::run(unsigned operations) {
    for (n_ = 0; n_ < operations; n_++) {
        const unsigned what = random_() % 1000;
        if (what < 620) {
            outbound();
        } else if (what < 930) {
            inbound();
        } else if (what < 960) {
            peek();
        } else if (what < 985) {
            turn(random_() % 3000);
        } else if (what < 992) {
            settle(random_() % 3 == 0 ? random_() % 400 : 0);
        } else if (what < 997) {
            change();
        } else {
            clear();
        }
        if (n_ % 5000 == 4999) check();
    }
    end();
}

void Phase::one_turn() {
    box_.engine->end_turn(*box_.policy, box_.now, [](const Probe&) {});
    box_.engine->expire_syns(box_.now, [](const SynStore::Entry&) {});
}

void Phase::turn(unsigned ms) {
    pass(ms);
    one_turn();
}

/// The hand goes round, and packets come between its steps.
void Phase::turns_with_traffic(unsigned n) {
    const bool busy = random_() % 2 == 0;
    for (unsigned i = 0; i < n; i++) {
        one_turn();
        for (unsigned k = busy ? random_() % 6 : 0; k > 0; k--) {
            if (random_() % 3 != 0) {
                outbound();
            } else {
                inbound();
            }
        }
    }
}

/// Time passes, and then the hands go round twice at least.
void Phase::settle(unsigned seconds) {
    pass(seconds * 1000ULL);
    const Now then = box_.now;
    for (int i = 0; i < 96; i++) turn(250);
    model_.settled(then);
    const Engine& e = *box_.engine;
    if (!model_.count_bindings().has(e.n_bindings())) throw Wrong("the number of bindings");
    if (!model_.count_sessions().has(e.n_sessions())) throw Wrong("the number of sessions");
}

Ipv6Addr Phase::host() {
    Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
    x.octet[7] = static_cast<std::uint8_t>(random_() % (kind_ == 2 ? 24 : 30));
    x.octet[15] = static_cast<std::uint8_t>(random_() % 2);
    return x;
}

Key Phase::some_key() {
    return {proto(), host(), static_cast<std::uint16_t>(1000 + random_() % 25)};
}

Endpoint4 Phase::remote(Proto proto) {
    const auto id = static_cast<std::uint16_t>(proto == Proto::icmp ? 0 : 50 + random_() % 4);
    return {Ipv4Addr::from_host(0xcb007101 + random_() % 6), Be16{id}};
}

TcpFlags Phase::flags() {
    constexpr std::uint8_t kAll[] = {0x02, 0x02, 0x02, 0x12, 0x10, 0x10,
                                     0x18, 0x11, 0x04, 0x14, 0x03};
    return TcpFlags{kAll[random_() % sizeof kAll]};
}

/// As the pipeline does: no question is asked about a packet of a steady flow.
bool Phase::went_steady(const Key& key, const Endpoint4& z, std::uint8_t prefix, TcpFlags f) {
    Engine& e = *box_.engine;
    if (key.proto == Proto::icmp || (f.bits & kTcpMoves) != 0) return false;
    const Endpoint6 x{key.x, Be16{key.id}};
    Binding* const b =
        e.use_64(e.candidate(e.hash_of(x, key.proto)),
                 SteadyWords::of({key.x, z.addr, x.id, z.id, key.proto, prefix}), box_.now);
    if (b == nullptr) return false;
    model_.outbound(key, z, prefix, f, {Drop::none, b->t_addr, b->t_id});
    return true;
}

bool Phase::came_steady(const Port& port, const Endpoint4& z, TcpFlags f) {
    Engine& e = *box_.engine;
    if (port.proto == Proto::icmp || (f.bits & kTcpMoves) != 0) return false;
    const Index i = e.find(port.slot, Be16{port.id}, port.proto);
    Binding* const b = e.use_46(i, z.addr, z.id, box_.now);
    if (b == nullptr) return false;
    model_.inbound(port, z, f, {Drop::none, b->x_addr, b->x_id, b->prefix});
    return true;
}

void Phase::outbound() {
    const Key key = some_key();
    const Endpoint4 z = remote(key.proto);
    const auto prefix = static_cast<std::uint8_t>(random_() % 2);
    if (!box_.policy->prefix[prefix].live) return;
    const TcpFlags f = key.proto == Proto::tcp ? flags() : TcpFlags{};
    if (went_steady(key, z, prefix, f)) return;
    Engine& e = *box_.engine;
    const Policy& p = *box_.policy;
    const Endpoint6 x{key.x, Be16{key.id}};
    Forecast said;
    const bool asks = random_() % 4 == 0;
    if (asks) said = e.forecast_64(p, x, z, key.proto, f, box_.now);
    const Outbound got = e.outbound(p, kNone, {x, {}, key.proto}, z, prefix, f, box_.now);
    model_.outbound(key, z, prefix, f, got);
    if (asks && said.why != got.why &&
        !(said.from == Forecast::From::new_block && got.why == Drop::pool4_exhausted))
        throw Wrong("something else came to pass than was foretold");
    if (got.why == Drop::pool4_exhausted) exhausted(key);
    if (got.why != Drop::none || random_() % 2 == 0) return;
    e.mark_steady(got.binding, z, e.sum_64(p, got.binding, prefix, z.addr));
}

/// A refusal for want of ports: the address or the pool has indeed few.
void Phase::exhausted(const Key& key) {
    const Policy& p = *box_.policy;
    if (p.blocks.on() || p.lifetimes.port_hold.v != 0) return;
    unsigned room = 0;
    for (unsigned s = 0; s < p.n_slots; s++) {
        if (p.slot[s].state == PoolSlot::State::active && p.slot[s].group == p.group_of(key.x))
            room = std::max(room, box_.engine->ports_free(s, key.proto));
    }
    bool paired_full = false;
    for (unsigned s = 0; s < p.n_slots; s++)
        paired_full = paired_full || box_.engine->ports_free(s, key.proto) == 0;
    if (room != 0 && !paired_full) throw Wrong("refused although every address has ports");
}

Port Phase::some_port() {
    const auto& all = model_.bindings();
    if (all.empty() || random_() % 8 == 0)
        return {proto(), random_() % 3, static_cast<std::uint16_t>(1024 + random_() % 512)};
    auto b = all.lower_bound(some_key());
    if (b == all.end()) b = all.begin();
    return b->second.port;
}

void Phase::inbound() {
    const Port port = some_port();
    const Policy& p = *box_.policy;
    if (p.slot[port.slot].state == PoolSlot::State::unused) return;
    const Endpoint4 z = remote(port.proto);
    const TcpFlags f = port.proto == Proto::tcp ? flags() : TcpFlags{};
    if (came_steady(port, z, f)) return;
    const std::uint8_t first = p.prefix[0].live ? 0 : 1;
    const Endpoint4 t{p.slot[port.slot].addr, Be16{port.id}};
    Engine& e = *box_.engine;
    Forecast said;
    const bool asks = random_() % 4 == 0;
    if (asks) said = e.forecast_46(p, port.slot, {z, t, port.proto}, f, box_.now);
    const Inbound got = e.inbound(p, port.slot, {z, t, port.proto}, first, f, box_.now);
    model_.inbound(port, z, f, got);
    Drop why = got.why;
    if (got.why == Drop::tcp_syn_stored) {
        const std::uint8_t packet[40] = {0x45};
        SynStore::Syn syn{static_cast<std::uint16_t>(port.slot), 0, false, t, z, packet};
        why = e.store_syn(p, syn, box_.now);
        model_.syn_stored();
    }
    if (asks && said.why != why) throw Wrong("something else came to pass than was foretold");
}

void Phase::peek() {
    const Key key = some_key();
    const Endpoint4 z = remote(key.proto);
    const auto before = std::pair(box_.engine->n_bindings(), box_.engine->n_sessions());
    model_.peeked(
        key, z,
        box_.engine->peek_outbound(*box_.policy, {key.x, Be16{key.id}}, z, key.proto, box_.now));
    if (before != std::pair(box_.engine->n_bindings(), box_.engine->n_sessions()))
        throw Wrong("an error changed state");
}

}  // namespace property
