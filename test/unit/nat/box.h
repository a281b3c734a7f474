// SPDX-License-Identifier: Apache-2.0
// One engine in a box for tests: its memory, a policy with one prefix and one address, packets as
// numbers, time as a parameter.
#pragma once

#include <memory>
#include <random>

#include "dataplane/nat/engine.h"

namespace box {

using namespace isthmus;
using namespace isthmus::nat;

/// A seeded source of 32 bits.
struct Random {
    std::mt19937 generator;
    unsigned operator()() { return static_cast<unsigned>(generator()); }
};

struct alignas(64) Block {
    std::byte b[64];
};

struct Box {
    explicit Box(Sizes sizes = {4096, 4096, 512, 4}, const PortRecord& record = {})
        : memory(new Block[Engine::bytes_needed(sizes) / 64 + 1]()) {
        policy = std::make_unique<Policy>();
        policy->prefix[0] = {true, false, *Pref64::parse("2001:db8:64::/96")};
        policy->n_slots = 4;
        add(0, Ipv4Addr::of(192, 0, 2, 1));
        engine = std::make_unique<Engine>(std::span(memory[0].b, Engine::bytes_needed(sizes)),
                                          sizes, Seed{}, 0, counters, record);
        changed();
    }
    void add(unsigned slot, Ipv4Addr a, std::uint16_t first = 1024, std::uint16_t last = 65535) {
        PoolSlot& s = policy->slot[slot];
        s = PoolSlot{};
        s.state = PoolSlot::State::active;
        s.addr = a;
        s.first_port = first;
        s.last_port = last;
    }
    void changed() {
        policy->generation++;
        finish_policy(*policy);
        engine->apply(*policy, now);
    }
    /// 203.0.113.z; a number alone is one.
    struct Remote {
        Remote(unsigned last_octet, unsigned l4_id = 53)
            : at{Ipv4Addr::from_host(0xcb007100 + last_octet),
                 Be16{static_cast<std::uint16_t>(l4_id)}} {}
        Endpoint4 at;
    };
    Outbound out(unsigned host, unsigned port, const Remote& z, Proto proto = Proto::udp,
                 std::uint8_t flags = 2) {
        Ipv6Addr x = *Ipv6Addr::parse("2001:db8:1::");
        x.octet[6] = static_cast<std::uint8_t>(host >> 8);
        x.octet[7] = static_cast<std::uint8_t>(host & 0xff);
        return engine->outbound(
            *policy, kNone,
            {{x, Be16{static_cast<std::uint16_t>(port)}}, z.at, proto, 0, TcpFlags{flags}}, now);
    }
    Inbound in(unsigned slot, unsigned port, const Remote& z, Proto proto = Proto::udp,
               std::uint8_t flags = 2) {
        const Endpoint4 t{policy->slot[slot].addr, Be16{static_cast<std::uint16_t>(port)}};
        return engine->inbound(
            *policy, {static_cast<std::uint16_t>(slot), z.at, t, proto, TcpFlags{flags}}, 0, now);
    }
    void wait(std::uint32_t seconds) {
        now = Now::at(Nanos{now.ns.v + seconds * kNanosPerSecond});
        for (int i = 0; i < 400; i++) {
            now = Now::at(Nanos{now.ns.v + kNanosPerSecond / 50});
            engine->end_turn(*policy, now, [&](const Probe&) { probes++; });
        }
    }
    std::unique_ptr<Block[]> memory;
    std::unique_ptr<Policy> policy;
    Counters counters;
    std::unique_ptr<Engine> engine;
    Now now = Now::at_seconds(100);
    unsigned probes = 0;
};

inline constexpr std::uint8_t kSyn = 2, kAck = 16, kFin = 17, kRst = 4;

}  // namespace box
