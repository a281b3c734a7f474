// SPDX-License-Identifier: Apache-2.0
// A worker's counters: one writer, any number of readers at any time.
//
// The writer adds with a relaxed load and store (no locked instruction: nobody else writes); a
// reader may see a value that is one burst old, never a torn one. What is counted is one row of
// kCounters.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "common/base/units.h"
#include "common/stats/drop.h"

namespace isthmus {

enum class Counter : std::uint8_t {
    rx_packets,
    rx_bytes,
    tx_packets,
    tx_bytes,
    translated_64,
    translated_46,
    hairpinned,
    punted,
    from_kernel,
    handed_over,
    taken_over,
    icmp6_errors_sent,
    icmp4_errors_sent,
    icmp_errors_limited,
    icmp_errors_translated,
    fragments_made,
    fragments_held,
    datagrams_reassembled,
    udp_checksums_computed,
    mss_clamped,
    u_octet_nonzero,
    neighbour_held,
    bindings_created,
    bindings_removed,
    sessions_created,
    sessions_removed,
    blocks_taken,
    blocks_released,
    parity_not_kept,
    tcp_probes_sent,
    events_told,
    events_lost,
    events_suppressed,
    steady,
    stateless_64,
    stateless_46,
    handed_over_subscriber,
    handed_over_port,
    handed_over_fragment,
    count_
};

struct CounterInfo {
    Counter id;
    std::string_view name, help;
};

inline constexpr auto kCounters = std::to_array<CounterInfo>({
    {Counter::rx_packets, "rx_packets", "packets received from ports"},
    {Counter::rx_bytes, "rx_bytes", "bytes received from ports, without FCS"},
    {Counter::tx_packets, "tx_packets", "packets given to ports"},
    {Counter::tx_bytes, "tx_bytes", "bytes given to ports, without FCS"},
    {Counter::translated_64, "translated_64", "packets translated from IPv6 to IPv4"},
    {Counter::translated_46, "translated_46", "packets translated from IPv4 to IPv6"},
    {Counter::hairpinned, "hairpinned", "packets translated twice, between two subscribers"},
    {Counter::punted, "punted", "packets handed to the kernel"},
    {Counter::from_kernel, "from_kernel", "packets sent for the kernel"},
    {Counter::handed_over, "handed_over", "packets handed to the worker that owns them"},
    {Counter::taken_over, "taken_over", "packets taken over from other workers"},
    {Counter::icmp6_errors_sent, "icmp6_errors_sent", "ICMPv6 errors made here"},
    {Counter::icmp4_errors_sent, "icmp4_errors_sent", "ICMPv4 errors made here"},
    {Counter::icmp_errors_limited, "icmp_errors_limited",
     "ICMP errors not sent, by the rate limit"},
    {Counter::icmp_errors_translated, "icmp_errors_translated",
     "ICMP errors of others, translated"},
    {Counter::fragments_made, "fragments_made", "fragments made of larger packets"},
    {Counter::fragments_held, "fragments_held", "fragments held until their first one came"},
    {Counter::datagrams_reassembled, "datagrams_reassembled",
     "datagrams put together for their checksum"},
    {Counter::udp_checksums_computed, "udp_checksums_computed",
     "UDP checksums computed for packets that had none"},
    {Counter::mss_clamped, "mss_clamped", "TCP MSS options lowered"},
    {Counter::u_octet_nonzero, "u_octet_nonzero",
     "destinations with bits 64-71 set, which were ignored"},
    {Counter::neighbour_held, "neighbour_held", "packets held while a next hop was resolved"},
    {Counter::bindings_created, "bindings_created", "bindings created"},
    {Counter::bindings_removed, "bindings_removed", "bindings removed"},
    {Counter::sessions_created, "sessions_created", "sessions created"},
    {Counter::sessions_removed, "sessions_removed", "sessions removed"},
    {Counter::blocks_taken, "blocks_taken", "port blocks given to subscribers"},
    {Counter::blocks_released, "blocks_released", "port blocks whose last binding went"},
    {Counter::parity_not_kept, "parity_not_kept",
     "UDP ports given without the parity of the client's"},
    {Counter::tcp_probes_sent, "tcp_probes_sent", "probes sent to idle TCP clients"},
    {Counter::events_told, "events_told", "events given to the log ring"},
    {Counter::events_lost, "events_lost", "events lost because the log ring was full"},
    {Counter::events_suppressed, "events_suppressed",
     "refusals not told to the logs, by the rate limit of such events"},
    {Counter::steady, "steady",
     "packets translated without any decision: of flows under way, or without state"},
    {Counter::stateless_64, "stateless_64", "of translated_64, packets translated without state"},
    {Counter::stateless_46, "stateless_46", "of translated_46, packets translated without state"},
    {Counter::handed_over_subscriber, "handed_over_subscriber",
     "of handed_over: from subscribers of another worker"},
    {Counter::handed_over_port, "handed_over_port",
     "of handed_over: to ports of another worker, ICMP errors included"},
    {Counter::handed_over_fragment, "handed_over_fragment",
     "of handed_over: fragments, to the worker that gathers them and back to the owner"},
});
inline constexpr std::size_t kCounterCount = static_cast<std::size_t>(Counter::count_);
static_assert(table_is_complete(kCounters, kCounterCount));

class alignas(kCacheLine) Counters {
public:
    void add(Counter c, std::uint64_t n = 1) noexcept {
        bump(counter_[static_cast<std::size_t>(c)], n);
    }
    void drop(Drop d, std::uint64_t n = 1) noexcept { bump(drop_[static_cast<std::size_t>(d)], n); }

    [[nodiscard]] std::uint64_t of(Counter c) const noexcept {
        return counter_[static_cast<std::size_t>(c)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t of(Drop d) const noexcept {
        return drop_[static_cast<std::size_t>(d)].load(std::memory_order_relaxed);
    }

private:
    static void bump(std::atomic<std::uint64_t>& cell, std::uint64_t n) noexcept {
        cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::array<std::atomic<std::uint64_t>, kCounterCount> counter_{};
    std::array<std::atomic<std::uint64_t>, kDropCount> drop_{};
};

}  // namespace isthmus
