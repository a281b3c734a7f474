// SPDX-License-Identifier: Apache-2.0
// Everything that one worker owns, built in memory that the edge hands in: the worker's half of a
// pure function (bytes, tables, time) -> verdicts.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "common/stats/counters.h"
#include "common/stats/stages.h"
#include "dataplane/nat/engine.h"
#include "dataplane/nat/fragment_store.h"
#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/dropped.h"
#include "dataplane/pipeline/explain_box.h"
#include "dataplane/pipeline/fib.h"
#include "dataplane/pipeline/hop.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/pending.h"
#include "dataplane/pipeline/trace.h"
#include "dataplane/xlat/icmp_error.h"
#include "dataplane/xlat/parse.h"

namespace isthmus::pipeline {

inline constexpr std::uint16_t kNoNewcomer = 0xffff;

/// What the stages learn of one packet of the burst.
struct Work {
    Path path = Path::drop;
    Drop why = Drop::none;
    bool link_multicast = false;
    bool resolved_here = false;  // a fragment whose ids this worker found
    std::uint16_t prefix = 0;    // d64: id of the Pref64
    std::uint16_t slot = 0;      // d46: pool slot
    std::uint16_t ip_id = 0;     // d64: of a fragment, when identifications are remapped
    L2 l2;
    Ipv4Addr z;  // d64
    xlat::Parsed parsed;
    std::uint64_t hash = 0;
    nat::Index hint = nat::kNone;
    std::uint16_t newcomer = kNoNewcomer;  // d64, without a binding: which of the burst
};

/// What the stages carry of a packet on a short way: of a flow under way (steady.h), or one that is
/// translated without state (stateless_short.h).
struct Steady {
    enum class Way : std::uint8_t { none, d64, d46, s64, s46 };
    static constexpr unsigned kWays = 5;
    std::uint64_t hash = 0;                // d64: of X',x; s64, s46: of the flow
    nat::Index hint = nat::kNone;          // the binding, probably
    Ipv4Addr z;                            // d64, s64
    std::uint16_t id = 0;                  // d64: nat::steady_kind(); d46: the pool slot
    std::uint16_t payload = 0;             // bytes behind the IP header
    std::uint16_t newcomer = kNoNewcomer;  // as Work's
    Be16 t_id;                             // d46
    Way way = Way::none;
    Proto proto = Proto::udp;
    std::uint8_t link_bytes = 0;
    Drop why = Drop::none;  // the engine refused it
    TcpFlags flags;         // none of UDP
};
static_assert(sizeof(Steady) == 32);

/// The addresses that a packet on the stateless short way gets (the IPv4 destination is Steady::z).
struct Mapping {
    Ipv6Addr src6, dst6;
    Ipv4Addr src4;
};

struct WorkerSizes {
    nat::Sizes tables;
    std::uint32_t fragment_entries = 1024;
    std::uint32_t fragment_cells = 1024;  // of 2 KiB
};

inline constexpr std::uint32_t kScratchHead = 256;
inline constexpr std::uint32_t kScratchBytes = kScratchHead + 65535 + 256;

struct WorkerState {
    unsigned id = 0;
    Counters counters;
    nat::Engine engine;
    nat::FragmentStore fragments;
    const Fib* fib;
    mutable ResolveRing resolve;  // the agent takes from it
    Pending pending;
    Dropped dropped;
    mutable ExplainBox explain;  // the agent asks
    mutable Trace trace;         // the agent starts it and takes from it
    xlat::ErrorLimiter errors_to_6, errors_to_4;
    std::uint64_t seen_generation = ~std::uint64_t{0};
    std::uint64_t ip_id_counter = 0;
    nat::Seed seed;
    Hops hops;
    StageClock stages;  // whoever runs the turn starts it
    std::array<Steady, kBurstMax> steady;
    std::array<Mapping, kBurstMax> mapping;
    std::array<nat::Newcomer, kBurstMax> newcomer;
    std::array<Work, kBurstMax> work;
    std::array<std::uint8_t, kScratchBytes> scratch;

    [[nodiscard]] static std::size_t bytes_needed(const WorkerSizes& sizes) noexcept;
    /// Builds the state at the front of `memory` (zeroed, cache-line aligned, bytes_needed() long).
    /// `fib` outlives it.
    static WorkerState* create(std::span<std::byte> memory, const WorkerSizes& sizes, unsigned id,
                               const nat::Seed& seed, const Fib& fib,
                               const nat::PortRecord& record = {}) noexcept;

    /// An IPv4 identification. Runs through all 65,536 values before any returns, from a start
    /// nobody knows (RFC 6864 s4.3).
    [[nodiscard]] std::uint16_t next_ip_id() noexcept {
        return static_cast<std::uint16_t>(++ip_id_counter + seed.b);
    }

private:
    WorkerState(std::span<std::byte> tables, std::span<std::byte> fragment_memory,
                const WorkerSizes& sizes, unsigned worker_id, const nat::Seed& s,
                const nat::PortRecord& record) noexcept
        : id(worker_id),
          engine(tables, sizes.tables, s, worker_id, counters, record),
          fragments(fragment_memory, sizes.fragment_entries, sizes.fragment_cells, s),
          fib(nullptr),
          seed(s) {}
};

}  // namespace isthmus::pipeline
