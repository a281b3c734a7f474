// SPDX-License-Identifier: Apache-2.0
// New flows that come in one burst: what is found out ahead about them (nat/newcomer.h) is a guess,
// and a wrong guess changes nothing. A second gateway gets the same packets one by one.
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "test/unit/pipeline/gateway.h"

using namespace gateway;
using packets::Ip6;
using packets::make;
using packets::tcp;
using packets::udp;

namespace {

/// A client's end: subscriber, host, port or identifier, protocol.
struct End {
    unsigned subscriber = 0, host = 0, x = 0;
    bool is_tcp = false;
    auto operator<=>(const End&) const = default;
};

/// Which (T,t) each of them has: always the same one, and nobody else's.
class Mappings {
public:
    /// The payload says whose packet it was.
    void learn(const std::vector<Sent>& sent) {
        for (const Sent& s : sent) {
            if (s.port != 4) continue;
            const bool is_tcp = s.packet[9] == 6;
            const std::uint8_t* payload = s.packet.data() + 20 + (is_tcp ? 20 : 8);
            const End end{payload[0], payload[1], payload[2], is_tcp};
            const unsigned last_octet = s.packet[15];
            const unsigned t = packets::get16(s.packet, 20) + (last_octet << 16);
            const auto [known, fresh] = t_of_.try_emplace(end, t);
            CHECK(known->second == t);
            if (fresh) CHECK(owner_.try_emplace({is_tcp, t}, end).second);
        }
    }
    void forget() {
        t_of_.clear();
        owner_.clear();
    }

private:
    std::map<End, unsigned> t_of_;
    std::map<std::pair<bool, unsigned>, End> owner_;
};

/// Bursts of new and known flows; some come twice in a burst, some open nothing.
class Crowd {
public:
    Crowd(unsigned seed, void (*change)(Gateway&)) : random_(seed) {
        for (Gateway* g : {&together, &alone}) {
            change(*g);
            g->changed();
            (void)g->turn();
        }
    }
    void burst(unsigned n) {
        std::vector<End> ends;
        std::vector<Bytes> packets;
        for (unsigned i = 0; i < n; i++) {
            const End fresh{pick(40), pick(3), pick(60), pick(2) == 0};
            ends.push_back(i > 0 && pick(4) == 0 ? ends[pick(i)] : fresh);
            packets.push_back(packet_of(ends[i]));
        }
        together_.learn(together.in_burst(6, packets));
        for (const Bytes& p : packets) alone_.learn(alone.in(6, p));
    }
    void wait(std::uint64_t seconds) {
        (void)together.wait(seconds);
        (void)alone.wait(seconds);
        together_.forget();
        alone_.forget();
    }
    void same() {
        for (std::size_t i = 0; i < kCounterCount; i++) {
            const auto c = static_cast<Counter>(i);
            INFO(kCounters[i].name);
            // Which ports are left, and so whose parity can be kept, is a matter of chance; a
            // packet beside the one that made its binding is decided too.
            if (c == Counter::parity_not_kept || c == Counter::steady) continue;
            CHECK(together.count(c) == alone.count(c));
        }
        for (std::size_t i = 0; i < kDropCount; i++) {
            INFO(kDrops[i].name);
            CHECK(together.drops(static_cast<Drop>(i)) == alone.drops(static_cast<Drop>(i)));
        }
        const char* const wrong = together.worker[0]->engine.check();
        INFO((wrong == nullptr ? "" : wrong));
        CHECK(wrong == nullptr);
    }
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

    Gateway together, alone;

private:
    Bytes packet_of(const End& e) {
        const std::string host =
            "2001:db8:1:" + std::to_string(e.subscriber) + "::" + std::to_string(e.host);
        const Bytes payload{static_cast<std::uint8_t>(e.subscriber),
                            static_cast<std::uint8_t>(e.host), static_cast<std::uint8_t>(e.x), 0};
        const unsigned x = 1000 + e.x, z = 1000 + pick(2), flags = pick(5) == 0 ? 0x10 : 2;
        return make(Ip6{host.c_str(), "2001:db8:64::cb00:7109"}, e.is_tcp ? 6 : 17,
                    e.is_tcp ? tcp(x, z, flags, payload) : udp(x, z, payload));
    }
    std::mt19937 random_;
    Mappings together_, alone_;
};

void run(unsigned seed, void (*change)(Gateway&)) {
    INFO("seed " << seed);
    Crowd crowd(seed, change);
    for (unsigned n = 0; n < 200; n++) {
        crowd.burst(1 + crowd.pick(64));
        // Often enough for records and ports to be used again.
        if (crowd.pick(12) == 0) crowd.wait(100 * crowd.pick(80));
    }
    crowd.same();
    CHECK(crowd.together.count(Counter::bindings_removed) > 500);
}

}  // namespace

TEST_CASE("new flows of one burst get what they would get one by one") {
    run(1, [](Gateway&) {});
    run(2, [](Gateway& g) { g.cfg.nat.subscriber_bits = 48; });  // all of them one subscriber
    run(3, [](Gateway& g) { g.cfg.nat.lifetimes.port_hold = Tick{0}; });
}

TEST_CASE("new flows of one burst want the same ports, and each gets its own") {
    // Hardly more ports than bindings: most choices of a burst collide.
    run(11, [](Gateway& g) {
        g.cfg.nat.slot[0].first_port = 1024;
        g.cfg.nat.slot[0].last_port = 1024 + 7300;
        g.cfg.nat.lifetimes.port_hold = Tick{0};
    });
    run(12, [](Gateway& g) {
        g.cfg.nat.slot[0].first_port = 900;
        g.cfg.nat.slot[0].last_port = 1023 + 256;
        g.cfg.nat.lifetimes.port_hold = Tick{0};
        g.cfg.nat.pooling_soft = true;
    });
}

TEST_CASE("new flows of one burst meet limits, blocks and a second address as they come") {
    run(21, [](Gateway& g) { g.cfg.nat.limits.ports_per_subscriber = 5; });
    run(22, [](Gateway& g) { g.cfg.nat.limits.sessions_per_subscriber = 7; });
    run(23, [](Gateway& g) {
        g.cfg.nat.blocks.bits = 7;
        g.cfg.nat.blocks.most = 2;
        g.cfg.nat.blocks.hold = Tick{0};
        g.cfg.nat.lifetimes.port_hold = Tick{0};
    });
    run(25, [](Gateway& g) {  // one block is not enough, and several subscribers have several
        g.cfg.nat.blocks.bits = 6;
        g.cfg.nat.blocks.most = 8;
        g.cfg.nat.blocks.hold = Tick{0};
        g.cfg.nat.lifetimes.port_hold = Tick{0};
        g.cfg.nat.subscriber_bits = 62;
    });
    run(24, [](Gateway& g) {
        g.cfg.nat.n_slots = 2;
        g.cfg.nat.slot[1] = g.cfg.nat.slot[0];
        g.cfg.nat.slot[1].addr = Ipv4Addr::of(198, 51, 100, 2);
    });
}

TEST_CASE("new flows of one burst take their ports from deterministic ranges, and beyond them") {
    const auto ranges = [](Gateway& g) {
        nat::Deterministic& d = g.cfg.nat.deterministic;
        d.on = true;
        d.inside = *Prefix6::parse("2001:db8:1::/59");  // 32 of the 40 subscribers
        d.first_port = 1024;
        d.per_address = 32;
        d.ports_each = 128;
        d.n_slots = 1;
        g.cfg.nat.lifetimes.port_hold = Tick{0};
    };
    run(31, ranges);
    run(32, [](Gateway& g) {  // few ports of their own, then blocks
        nat::Deterministic& d = g.cfg.nat.deterministic;
        d.on = true;
        d.inside = *Prefix6::parse("2001:db8:1::/59");
        d.per_address = 32;
        d.ports_each = 64;
        d.dynamic = 1;
        d.most_blocks = 2;
        d.n_slots = 1;
        g.cfg.nat.blocks.bits = 6;
        g.cfg.nat.blocks.hold = Tick{0};
        g.cfg.nat.lifetimes.port_hold = Tick{0};
    });
}

TEST_CASE("pings of one burst, and what else takes the long way, get what they would one by one") {
    const auto pings = [] {
        std::vector<Bytes> packets;
        for (unsigned i = 0; i < 48; i++) {
            const std::string host = "2001:db8:1:" + std::to_string(i % 12) + "::1";
            packets.push_back(
                make(Ip6{host.c_str(), "2001:db8:64::cb00:7109"}, 58,
                     packets::icmp(128, 0, 0x01000000U * (i % 24) + 1, packets::pattern(8))));
        }
        return packets;
    };
    Gateway together, alone;
    CHECK(together.in_burst(6, pings()).size() == 48);
    for (const Bytes& p : pings()) CHECK(alone.in(6, p).size() == 1);
    CHECK(together.count(Counter::bindings_created) == alone.count(Counter::bindings_created));
    CHECK(together.worker[0]->engine.check() == nullptr);
}
