// SPDX-License-Identifier: Apache-2.0
// The parts alone, in TSC cycles for one operation, minimum and median of many windows: checksum,
// hash, index, ports, blocks, reaping. One line of JSON each, as pipeline_bench.
#include <algorithm>
#include <string_view>

#include "common/net/checksum.h"
#include "dataplane/nat/blocks.h"
#include "dataplane/nat/index6.h"
#include "dataplane/nat/ports.h"
#include "test/perf/measure.h"

namespace {

using namespace workload;

constexpr unsigned kWindow = 4096;  // operations

/// Measures op(i), i counting on over all windows; `again()` runs between windows, unmeasured.
template <typename Op, typename Again>
void measure(const char* name, std::uint32_t entries, Op&& op, Again&& again) {
    std::vector<double> clk;
    std::uint32_t at = 0;
    for (unsigned w = 0; w < 200; w++) {
        const std::uint64_t begin = __rdtsc();
        for (unsigned i = 0; i < kWindow; i++) op(at++);
        clk.push_back(static_cast<double>(__rdtsc() - begin) / kWindow);
        again();
    }
    std::sort(clk.begin(), clk.end());
    std::printf(
        "{\"name\":\"micro\",\"direction\":\"both\",\"what\":\"%s\",\"flows\":%u,\"burst\":1,"
        "\"pool\":1,"
        "\"frame_bytes\":0,\"clk_min\":%.1f,\"clk_median\":%.1f}\n",
        name, entries, clk.front(), clk[clk.size() / 2]);
}
constexpr auto kNothing = [] {};

/// Keeps a result from being optimised away.
template <typename T>
void use(const T& v) {
    asm volatile("" : : "r,m"(v) : "memory");
}

void checksums() {
    std::vector<std::uint8_t> bytes(1500, 0x5a);
    for (const unsigned n : {20U, 64U, 1280U}) {
        const std::string name = "checksum of " + std::to_string(n) + " bytes";
        measure(
            name.c_str(), n,
            [&](std::uint32_t i) {
                bytes[i % n] ^= static_cast<std::uint8_t>(i);
                use(Sum{}.add(std::span<const std::uint8_t>(bytes.data(), n)).fold());
            },
            kNothing);
    }
}

void hashes() {
    const nat::Seed seed;
    measure(
        "hash of (X',x)", 0,
        [&](std::uint32_t i) { use(nat::hash_addr(seed, host_of(flow_of(i)), i)); }, kNothing);
}

void index(std::uint32_t entries) {
    nat::Arena count{{}};
    const nat::Index6 sized(count, entries);
    const Memory memory(count.used());
    memory.touch();
    nat::Arena arena{{memory.at(), count.used()}};
    nat::Index6 table(arena, entries);
    const nat::Seed seed;
    for (std::uint32_t i = 0; i < entries; i++) (void)table.insert(nat::hash2(seed, i, 1), i);
    measure(
        "index, found", entries,
        [&](std::uint32_t i) {
            const std::uint32_t wanted = i * 2654435761U % entries;
            use(table.find(nat::hash2(seed, wanted, 1),
                           [&](nat::Index at) { return at == wanted; }));
        },
        kNothing);
    measure(
        "index, not there", entries,
        [&](std::uint32_t i) {
            use(table.find(nat::hash2(seed, i, 2), [](nat::Index at) {
                use(at);  // else there is nothing to look for, and nothing is looked for
                return false;
            }));
        },
        kNothing);
}

std::unique_ptr<nat::Policy> policy_of(unsigned block_bits) {
    auto p = std::make_unique<nat::Policy>();
    p->n_slots = 1;
    p->slot[0].state = nat::PoolSlot::State::active;
    p->slot[0].addr = Ipv4Addr::of(192, 0, 2, 1);
    p->blocks.bits = static_cast<std::uint8_t>(block_bits);
    nat::finish_policy(*p);
    return p;
}

void ports() {
    nat::Arena count{{}};
    const nat::Ports sized(count, 1, 0, nat::Seed{});
    const nat::Blocks sized_blocks(count, 1, nat::Seed{});
    const Memory memory(count.used());
    memory.touch();
    nat::Arena arena{{memory.at(), count.used()}};
    nat::Ports all(arena, 1, 0, nat::Seed{});
    nat::Blocks blocks(arena, 1, nat::Seed{});
    const auto policy = policy_of(6);
    all.open(0, *policy, 0);
    blocks.open(0, *policy, all);
    std::vector<std::uint16_t> taken;
    const auto take = [&](std::uint32_t i) {
        bool kept = false;
        const auto port = all.take(0, Proto::udp, {}, i, kept);
        if (port) taken.push_back(*port);
    };
    const auto give_back = [&] {
        for (const std::uint16_t p : taken)
            all.release(0, Proto::udp, p, Tick{1}, nat::Ports::Rest::none);
        taken.clear();
    };
    taken.reserve(65536);
    measure("port, address empty", 0, take, give_back);
    for (std::uint32_t i = 0; i < 58000; i++) take(i);
    std::vector<std::uint16_t> held;
    held.swap(taken);
    taken.reserve(65536);
    measure("port, address 90 % full", 58000, take, give_back);
    while (all.free_count(0, Proto::udp) > 0) take(0);
    measure("port, none left", 64512, take, kNothing);
    measure(
        "block, taken and given back", 0,
        [&](std::uint32_t i) {
            const auto b = blocks.choose(0, i);
            if (!b) fail("no block");
            blocks.take(0, *b, 1);
            blocks.use(0, *b);
            use(blocks.leave(0, *b, Tick{0}, Tick{0}));
        },
        kNothing);
}

/// Turns without packets over a table of living bindings: what the timers cost.
void timers(std::uint32_t flows) {
    Shape shape;
    shape.flows = flows;
    World world(shape);
    for (std::uint32_t at = 0; at < flows; at += 64) {
        for (unsigned i = 0; i < 64; i++) world.write(i, flow_of(at + i), true);
        world.receive(0, 64, true);
        world.turn(Now::at_seconds(20));
        World::clear(world.burst());
    }
    std::uint64_t ns = 20 * kNanosPerSecond;
    // A turn each 2 us: 4 s to go round all of them.
    measure(
        "an idle turn every 2 us", flows,
        [&](std::uint32_t) {
            ns += 2000;
            world.turn(Now::at(Nanos{ns}));
        },
        kNothing);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): without memory there is nothing to measure
int main(int argc, char** argv) {
    int cpu = -1;
    bool realtime = false;
    for (int i = 1; i < argc; i++) {
        const std::string_view key = argv[i];
        const std::vector<unsigned> v = numbers(key == "--cpu" && i + 1 < argc ? argv[++i] : "");
        if (key == "--realtime") {
            realtime = true;
        } else if (v.size() == 1) {
            cpu = static_cast<int>(v[0]);
        } else {
            fail("usage: micro_bench [--cpu N] [--realtime]");
        }
    }
    pin(cpu, realtime);
    checksums();
    hashes();
    for (const std::uint32_t n : {1000U, 1000000U}) index(n);
    ports();
    for (const std::uint32_t n : {1024U, 1000000U / 64 * 64}) timers(n);
}
