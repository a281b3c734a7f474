// SPDX-License-Identifier: Apache-2.0
// Random operations on an engine, each answer held against a reference model (model.h), and every
// invariant checked now and then:
//
//   nat_property [--operations N] [--seed S] [--phase P]
//
// Packets both ways, also such as the pipeline lets pass without a question (steady flows), errors,
// forecasts, time, and what an operator does while packets come: addresses drained, removed and
// added, their ports and pools, prefixes, static bindings, limits, timers, hold times, filtering,
// clearings. Phases of 100,000 operations, each with an engine of its own: plain, port blocks,
// deterministic, tables that fill up, resting ports, pools by rule, blocks that rest, and a mixture
// by chance. Prints the seed; a fault tells the phase and the operation that showed it.
//
// Not in the model: several workers, what rests since before a restart, the logs, fragments, which
// SYN is stored (only that one may be).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "test/property/phase.h"

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
