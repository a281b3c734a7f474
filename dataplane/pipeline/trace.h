// SPDX-License-Identifier: Apache-2.0
// Tracing: what every stage decided for the packets that match a filter, and their bytes before and
// after, recorded into a ring that the agent empties.
//
// Nothing in the stages knows of it. While a trace is on, run_pipeline() (pipeline.cc) takes the
// packets that may match one at a time through the very same stages (traced_run.h): what
// the pure stage functions say of the packet is asked beforehand, what came of it is read from the
// output lists and the counters that moved. Off, it costs one load and branch for each burst.
//
// One trace at a time. The agent starts and stops it; the worker alone turns it off, so that it
// never reads a filter that changes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "common/base/units.h"
#include "common/net/prefix.h"
#include "common/net/tuple.h"
#include "common/stats/counters.h"
#include "common/stats/drop.h"
#include "dataplane/nat/records.h"
#include "dataplane/pipeline/burst.h"

namespace isthmus::pipeline {

inline constexpr unsigned kTraceKept = 1792;   // bytes of a packet in one record
inline constexpr unsigned kTraceRing = 512;    // records; a power of two
inline constexpr unsigned kTraceOutputs = 16;  // packets that one packet became, at most shown
inline constexpr unsigned kTraceMoved = 12;    // counters that one packet moved, at most shown

/// Which packets; every given field must hold.
struct TraceFilter {
    Prefix6 subscriber;  // length 0: any
    bool has_remote = false;
    Ipv4Addr remote;
    int proto = -1;           // Proto; an ICMP error also by what it quotes
    bool only_drops = false;  // any reason, or `why`
    Drop why = Drop::none;
    std::uint32_t keep_bytes = kTraceKept;  // of each packet
};

/// What the stages say of an arrival.
enum class TraceWay : std::uint8_t {
    dropped,
    punted,
    handed_over,
    six_to_four,
    four_to_six,
    stateless_64,
    stateless_46
};
enum class TraceEnd : std::uint8_t { dropped, sent, punted, handed_over, kept };

struct TraceRecord {
    enum class Kind : std::uint8_t { arrived, left };
    std::uint64_t at_ns;
    std::uint64_t serial;  // of the packet at this worker; what left has that of its cause
    Kind kind;
    TraceEnd end;             // arrived: what became of it; left: sent, punted or handed over
    std::uint16_t port;       // arrived on, or left by
    std::uint16_t vlan;       // as the device stripped it or shall add it
    std::uint16_t to_worker;  // handed over
    std::uint32_t len_bytes, kept_bytes;

    // Of an arrival.
    TraceWay way;
    Drop refused_by_stage;  // classify or parse said so
    Drop why;               // the first drop that was counted
    bool handed_in, hairpin;
    const char* payload;  // "udp", "icmp error", ...; a literal
    bool is_icmp, has_ids;
    std::uint8_t protocol, hop_limit, icmp_type, icmp_code;
    bool parsed, fragment, more;
    std::uint32_t frag_offset;
    std::uint16_t prefix, slot;
    Be16 src_id, dst_id;
    nat::Index found;  // by the look-up, before anything was decided
    nat::Index used;   // the binding afterwards; nat::kNone: none
    Endpoint6 x;
    Endpoint4 t;
    std::uint16_t n_outputs;  // those that are not shown included
    std::uint16_t n_shown;    // records of kind `left` that follow
    std::uint8_t n_moved;
    struct Moved {
        Counter counter;
        std::uint32_t by;
    };
    std::array<Moved, kTraceMoved> moved;

    std::array<std::uint8_t, kTraceKept> bytes;  // from the link header on
};

class Trace {
public:
    // The agent's thread.
    /// False: the one before has not ended everywhere. `count`: arrivals to record.
    bool start(const TraceFilter& filter, std::uint64_t count) noexcept;
    void stop() noexcept;
    [[nodiscard]] bool is_idle() const noexcept {
        return state_.load(std::memory_order_acquire) == State::idle;
    }
    /// The oldest record, until pop(); nullptr: none.
    [[nodiscard]] const TraceRecord* front() const noexcept;
    void pop() noexcept;
    /// Arrivals that matched and found no room.
    [[nodiscard]] std::uint64_t lost() const noexcept {
        return lost_.load(std::memory_order_relaxed);
    }

    // The worker's.
    [[nodiscard]] bool is_on() const noexcept {
        return state_.load(std::memory_order_acquire) != State::idle;
    }
    /// Once a turn while on: true when it goes on.
    bool goes_on() noexcept;
    [[nodiscard]] bool wants_more() const noexcept { return left_ != 0; }
    [[nodiscard]] const TraceFilter& filter() const noexcept { return filter_; }
    /// Record `i` of the group that commit() will publish; nullptr: no room.
    [[nodiscard]] TraceRecord* slot(unsigned i) noexcept;
    /// `arrivals`: what it takes off the count.
    void commit(unsigned n_records, unsigned arrivals) noexcept;
    void lose() noexcept;
    [[nodiscard]] std::uint64_t next_serial() noexcept { return ++serial_; }
    /// Where the packets of a burst wait while they are taken one at a time.
    [[nodiscard]] std::array<Packet, kBurstMax>& waiting() noexcept { return waiting_; }

private:
    enum class State : std::uint8_t { idle, on, stopping };
    std::atomic<State> state_{State::idle};
    TraceFilter filter_;
    std::uint64_t left_ = 0;
    std::uint64_t serial_ = 0;
    alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};  // records published
    std::atomic<std::uint64_t> lost_{0};
    alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};  // records taken
    std::array<Packet, kBurstMax> waiting_;
    std::array<TraceRecord, kTraceRing> ring_;  // not touched before a trace is on
};

}  // namespace isthmus::pipeline
