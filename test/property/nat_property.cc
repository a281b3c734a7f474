// SPDX-License-Identifier: Apache-2.0
// Random operations on an engine, each answer held against a reference model (model.h), and every
// invariant checked now and then:
//
//   nat_property [--operations N] [--seed S] [--phase P]
//
// Packets both ways, errors, time, and what an operator does: addresses drained, removed and added,
// prefixes, static bindings, limits, timers, filtering, clearings. Phases of 100,000 operations,
// each with an engine of its own: plain, port blocks, deterministic, tables that fill up, resting
// ports, pools by rule. Prints the seed; a fault tells the phase and the operation that showed it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "test/property/model.h"

namespace property {

namespace {

using box::Box;
using box::Random;

constexpr unsigned kOperationsOfPhase = 100'000;
constexpr unsigned kKinds = 6;
constexpr const char* kKindNames[kKinds] = {"plain",       "port blocks",   "deterministic",
                                            "full tables", "resting ports", "pools by rule"};

class Phase {
public:
    Phase(unsigned kind, unsigned seed)
        : kind_(kind), random_{std::mt19937(seed)}, box_(sizes(kind)), model_(box_) {
        Policy& p = *box_.policy;
        p.prefix[1] = {true, false, *Pref64::parse("2001:db8:65::/96")};
        p.lifetimes.port_hold = kind == 4 ? ticks_of_seconds(60) : Tick{0};
        for (unsigned s = 0; s < 3; s++) {
            box_.add(s, Ipv4Addr::of(192, 0, 2, static_cast<std::uint8_t>(1 + s)), 1024,
                     static_cast<std::uint16_t>(kind == 3 ? 1123 : 1535));
        }
        if (kind == 1 || kind == 2) p.blocks = {6, 3, Tick{0}};
        if (kind == 2) deterministic(p);
        if (kind == 5) {
            p.slot[1].group = 1;
            p.rule[p.n_rules++] = {*Prefix6::parse("2001:db8:1::/61"), 1};
        }
        apply();
    }

    void run(unsigned operations) {
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
    [[nodiscard]] unsigned at() const { return n_; }

private:
    static Sizes sizes(unsigned kind) {
        if (kind == 3) return {96, 64, 24, 4, 8};
        return {2048, 2048, 256, 4, 64};
    }
    static void deterministic(Policy& p) {
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

    void apply() {
        box_.changed();
        for (int i = 0; i < 40; i++) one_turn();
        model_.after_policy();
    }
    void one_turn() {
        box_.engine->end_turn(*box_.policy, box_.now, [](const Probe&) {});
        box_.engine->expire_syns(box_.now, [](const SynStore::Entry&) {});
    }
    void pass(std::uint64_t ms) { box_.now = Now::at(Nanos{box_.now.ns.v + ms * 1'000'000}); }
    void turn(unsigned ms) {
        pass(ms);
        one_turn();
    }
    /// Time passes, and then the hands go round twice at least.
    void settle(unsigned seconds) {
        pass(seconds * 1000ULL);
        const Now then = box_.now;
        for (int i = 0; i < 48; i++) turn(500);
        model_.settled(then);
        const Engine& e = *box_.engine;
        if (!model_.count_bindings().has(e.n_bindings())) throw Wrong("the number of bindings");
        if (!model_.count_sessions().has(e.n_sessions())) throw Wrong("the number of sessions");
    }

    [[nodiscard]] Ipv6Addr host() {
        Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
        x.octet[7] = static_cast<std::uint8_t>(random_() % (kind_ == 2 ? 24 : 30));
        x.octet[15] = static_cast<std::uint8_t>(random_() % 2);
        return x;
    }
    [[nodiscard]] Endpoint4 remote(Proto proto) {
        const auto id = static_cast<std::uint16_t>(proto == Proto::icmp ? 0 : 50 + random_() % 4);
        return {Ipv4Addr::from_host(0xcb007101 + random_() % 6), Be16{id}};
    }
    [[nodiscard]] TcpFlags flags() {
        constexpr std::uint8_t kAll[] = {0x02, 0x02, 0x02, 0x12, 0x10, 0x10,
                                         0x18, 0x11, 0x04, 0x14, 0x03};
        return TcpFlags{kAll[random_() % sizeof kAll]};
    }
    [[nodiscard]] Proto proto() { return static_cast<Proto>(random_() % 3); }

    void outbound() {
        const Key key{proto(), host(), static_cast<std::uint16_t>(1000 + random_() % 25)};
        const Endpoint4 z = remote(key.proto);
        const auto prefix = static_cast<std::uint8_t>(random_() % 2);
        if (!box_.policy->prefix[prefix].live) return;
        const TcpFlags f = key.proto == Proto::tcp ? flags() : TcpFlags{};
        const Outbound got = box_.engine->outbound(
            *box_.policy, kNone, {{key.x, Be16{key.id}}, {}, key.proto}, z, prefix, f, box_.now);
        model_.outbound(key, z, prefix, f, got);
        if (got.why == Drop::pool4_exhausted) exhausted(key);
    }

    /// A refusal for want of ports: the address or the pool has indeed few.
    void exhausted(const Key& key) {
        const Policy& p = *box_.policy;
        if (p.blocks.on() || kind_ == 4) return;
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

    void inbound() {
        Port port{proto(), random_() % 3, static_cast<std::uint16_t>(1024 + random_() % 512)};
        const auto& all = model_.bindings();
        if (!all.empty() && random_() % 8 != 0) {
            const Key at{proto(), host(), static_cast<std::uint16_t>(1000 + random_() % 25)};
            auto b = all.lower_bound(at);
            if (b == all.end()) b = all.begin();
            port = b->second.port;
        }
        const Policy& p = *box_.policy;
        if (p.slot[port.slot].state == PoolSlot::State::unused) return;
        const Endpoint4 z = remote(port.proto);
        const TcpFlags f = port.proto == Proto::tcp ? flags() : TcpFlags{};
        const std::uint8_t first = p.prefix[0].live ? 0 : 1;
        const Endpoint4 t{p.slot[port.slot].addr, Be16{port.id}};
        const Inbound got =
            box_.engine->inbound(p, port.slot, {z, t, port.proto}, first, f, box_.now);
        model_.inbound(port, z, f, got);
        if (got.why != Drop::tcp_syn_stored) return;
        const std::uint8_t packet[40] = {0x45};
        SynStore::Syn syn{static_cast<std::uint16_t>(port.slot), 0, false, t, z, packet};
        (void)box_.engine->store_syn(p, syn, box_.now);
        model_.syn_stored();
    }

    void peek() {
        const Key key{proto(), host(), static_cast<std::uint16_t>(1000 + random_() % 25)};
        const Endpoint4 z = remote(key.proto);
        const auto before = std::pair(box_.engine->n_bindings(), box_.engine->n_sessions());
        model_.peeked(key, z,
                      box_.engine->peek_outbound(*box_.policy, {key.x, Be16{key.id}}, z, key.proto,
                                                 box_.now));
        if (before != std::pair(box_.engine->n_bindings(), box_.engine->n_sessions()))
            throw Wrong("an error changed state");
    }

    /// What an operator does.
    void change() {
        Policy& p = *box_.policy;
        PoolSlot& slot = p.slot[random_() % 3];
        model_.before_timers();
        switch (random_() % 12) {
            case 0:
                if (slot.state != PoolSlot::State::unused)
                    slot.state = slot.state == PoolSlot::State::active ? PoolSlot::State::draining
                                                                       : PoolSlot::State::active;
                model_.pools_changed();
                break;
            case 1:
                pool_comes_or_goes(slot);
                break;
            case 2:
                p.prefix[1].live = !p.prefix[1].live;
                break;
            case 3:
                static_comes_or_goes();
                return;
            case 4:
                p.limits.ports_per_subscriber = 5 + random_() % 60;
                p.limits.sessions_per_subscriber = 20 + random_() % 200;
                p.limits.sessions_per_binding = 2 + random_() % 20;
                p.limits.new_sessions_per_second = random_() % 3 == 0 ? 1 + random_() % 50 : 0;
                break;
            case 5:
                p.lifetimes.udp = ticks_of_seconds(20 + random_() % 300);
                p.lifetimes.icmp = ticks_of_seconds(10 + random_() % 60);
                p.lifetimes.tcp_transitory = ticks_of_seconds(20 + random_() % 100);
                p.lifetimes.tcp_half_open = ticks_of_seconds(20 + random_() % 100);
                p.lifetimes.tcp_established = ticks_of_seconds(100 + random_() % 200);
                break;
            case 6:
                p.address_dependent_filtering = !p.address_dependent_filtering;
                break;
            case 7:
                p.pooling_soft = !p.pooling_soft;
                model_.pools_changed();
                break;
            case 8:
                p.drop_external_tcp = random_() % 3 == 0;
                p.drop_tcp_strays = random_() % 3 == 0;
                p.v4_refresh = random_() % 3 != 0;
                break;
            case 9:
                p.rst_in_fin = !p.rst_in_fin;
                p.preserve_parity = !p.preserve_parity;
                break;
            default:
                p.tcp_probes = !p.tcp_probes;
        }
        apply();
        // An id of what is gone is used again only after the sweep: so does the agent.
        if (box_.engine->swept() != p.generation) settle(0);
        if (box_.engine->swept() != p.generation) throw Wrong("the sweep did not end");
    }

    void pool_comes_or_goes(PoolSlot& slot) {
        const Policy& p = *box_.policy;
        model_.pools_changed();
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

    void static_comes_or_goes() {
        Policy& p = *box_.policy;
        if (p.n_static > 5 || (p.n_static > 0 && random_() % 2 == 0)) {
            p.fixed[random_() % p.n_static] = p.fixed[p.n_static - 1];
            p.n_static--;
        } else {
            const unsigned s = random_() % 3;
            StaticEntry e{
                {host(), Be16{static_cast<std::uint16_t>(1000 + random_() % 25)}},
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
        settle(0);
    }

    void clear() {
        ClearOrder o;
        switch (random_() % 5) {
            case 0:
                o.subscriber = Prefix6{masked(host(), 64), 64};
                break;
            case 1:
                o.slot = static_cast<int>(random_() % 3);
                break;
            case 2:
                o.has_remote = true;
                o.z_addr = remote(Proto::udp).addr;
                break;
            case 3: {
                const Key key{proto(), host(), static_cast<std::uint16_t>(1000 + random_() % 25)};
                o.subscriber = Prefix6{key.x, 128};
                o.proto = static_cast<int>(key.proto);
                o.x_id = key.id;
                const Endpoint4 z = remote(key.proto);
                o.has_remote = true;
                o.z_addr = z.addr;
                o.z_id = z.id.host();
                break;
            }
            default:
                if (random_() % 8 != 0) o.proto = static_cast<int>(random_() % 3);
        }
        Range bindings, sessions;
        model_.clear(o, bindings, sessions);
        const std::uint32_t ticket = box_.engine->post_clear(o);
        for (int i = 0; i < 60; i++) one_turn();
        ClearResult done;
        if (!box_.engine->clear_done(ticket, done)) throw Wrong("a clearing does not end");
        if (!sessions.has(done.sessions))
            throw Wrong("a clearing closed too many or too few sessions");
        if (!bindings.has(done.bindings))
            throw Wrong("a clearing closed too many or too few bindings");
        settle(0);
    }

    void check() {
        if (const char* what = box_.engine->check(); what != nullptr) throw Wrong(what);
    }

    /// Everything ends; what was taken is all back.
    void end() {
        check();
        box_.policy->n_static = 0;
        for (unsigned s = 0; s < 3; s++) box_.policy->slot[s].state = PoolSlot::State::active;
        apply();
        for (int i = 0; i < 8; i++) settle(2000);
        check();
        if (box_.engine->n_bindings() + box_.engine->n_sessions() + box_.engine->n_subscribers() !=
            0)
            throw Wrong("something is left when all is over");
        Box fresh(sizes(kind_));
        *fresh.policy = *box_.policy;
        fresh.changed();
        for (int i = 0; i < 40; i++)
            fresh.engine->end_turn(*fresh.policy, fresh.now, [](const Probe&) {});
        for (unsigned s = 0; s < 3; s++) {
            for (unsigned q = 0; q < kProtos; q++) {
                if (box_.engine->ports_free(s, static_cast<Proto>(q)) !=
                    fresh.engine->ports_free(s, static_cast<Proto>(q)))
                    throw Wrong("ports are not all back");
            }
        }
    }

    unsigned kind_;
    Random random_;
    Box box_;
    Model model_;
    unsigned n_ = 0;
};

}  // namespace

}  // namespace property

int main(int argc, char** argv) {
    unsigned long operations = 600'000, seed = 6146, only = ~0UL;
    for (int i = 1; i + 1 < argc; i += 2) {
        const unsigned long value = std::strtoul(argv[i + 1], nullptr, 10);
        if (std::strcmp(argv[i], "--operations") == 0) {
            operations = value;
        } else if (std::strcmp(argv[i], "--seed") == 0) {
            seed = value;
        } else if (std::strcmp(argv[i], "--phase") == 0) {
            only = value;
        } else {
            std::fprintf(stderr, "nat_property [--operations N] [--seed S] [--phase P]\n");
            return 2;
        }
    }
    std::printf("# seed %lu, %lu operations\n", seed, operations);
    const auto start = std::chrono::steady_clock::now();
    const unsigned long each = property::kOperationsOfPhase;
    const unsigned long phases = (operations + each - 1) / each;
    for (unsigned long n = 0; n < phases; n++) {
        if (only != ~0UL && n != only) continue;
        const auto kind = static_cast<unsigned>(n % property::kKinds);
        auto phase = std::make_unique<property::Phase>(kind, static_cast<unsigned>(seed + n));
        try {
            phase->run(static_cast<unsigned>(std::min(each, operations - n * each)));
        } catch (const property::Wrong& w) {
            std::printf(
                "not ok: phase %lu (%s), operation %u: %s\nagain: --seed %lu --operations %lu "
                "--phase %lu\n",
                n, property::kKindNames[kind], phase->at(), w.what(), seed, operations, n);
            return 1;
        }
    }
    std::printf("ok: %lu operations in %.1f s\n", operations,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return 0;
}
