// SPDX-License-Identifier: Apache-2.0
// The table of metrics: /metrics and docs/metrics.md are made from it, and from the tables of
// counters and drop reasons.
#pragma once

#include <prometheus/metric_type.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "common/stats/counters.h"

namespace isthmus::control {

using prometheus::MetricType;

/// Where a row's values come from: fields of objects in the dataplane's `metrics`.
enum class MetricOf : std::uint8_t { self, workers, ports, pools, outlets };

struct MetricRow {
    std::string_view name;
    MetricType type;
    MetricOf of;
    std::string_view field;  // of the object; self: control computes it
    std::string_view help;
    std::string_view label = {}, value = {};  // one more label
    double factor = 1;
};

inline constexpr auto kCounterType = MetricType::Counter;
inline constexpr auto kGaugeType = MetricType::Gauge;

// Rows of one name stand together.
inline constexpr auto kMetrics = std::to_array<MetricRow>({
    {"isthmus_build_info", kGaugeType, MetricOf::self, "", "1, with the versions as labels"},
    {"isthmus_control_start_time_seconds", kGaugeType, MetricOf::self, "",
     "when isthmus-control started"},
    {"isthmus_control_scrapes_total", kCounterType, MetricOf::self, "", "answers to /metrics"},
    {"isthmus_dataplane_up", kGaugeType, MetricOf::self, "",
     "1 when the dataplane answered a second ago"},
    {"isthmus_dataplane_sample_age_seconds", kGaugeType, MetricOf::self, "",
     "age of the values that come from the dataplane"},
    {"isthmus_dataplane_start_time_seconds", kGaugeType, MetricOf::self, "",
     "when isthmus-dataplane started: its counters began at 0"},
    {"isthmus_policy_generation", kGaugeType, MetricOf::self, "",
     "number of the snapshot that workers run"},
    {"isthmus_policy_applied", kGaugeType, MetricOf::self, "",
     "1 when the dataplane runs what control wants"},
    {"isthmus_policy_waits_for_confirmation", kGaugeType, MetricOf::self, "",
     "1 while a change goes back by itself unless it is confirmed"},
    {"isthmus_dropped_packets_total", kCounterType, MetricOf::self, "",
     "packets not forwarded, by reason (isthmus-drops(7))"},
    {"isthmus_subscriber_ports", MetricType::Histogram, MetricOf::self, "",
     "ports of dynamic bindings that subscribers have now, of all protocols; subscribers without "
     "any are not counted; no rate() of it"},
    {"isthmus_subscriber_sessions", MetricType::Histogram, MetricOf::self, "",
     "sessions that subscribers have now; no rate() of it"},

    {"isthmus_worker_turns_total", kCounterType, MetricOf::workers, "turns",
     "rounds of a worker's loop"},
    {"isthmus_worker_busy_turns_total", kCounterType, MetricOf::workers, "busy_turns",
     "rounds that had packets"},
    {"isthmus_worker_busy_cycles_total", kCounterType, MetricOf::workers, "busy_cycles",
     "TSC cycles in rounds that had packets"},
    {"isthmus_worker_cycles_per_second", kGaugeType, MetricOf::workers, "cycles_per_second",
     "frequency of the TSC: busy cycles by it are the busy share"},
    {"isthmus_worker_longest_turn_cycles", kGaugeType, MetricOf::workers, "turn_max_cycles",
     "longest round since start"},
    {"isthmus_worker_received_packets_total", kCounterType, MetricOf::workers, "rx_packets",
     "packets from ports"},
    {"isthmus_worker_taken_over_packets_total", kCounterType, MetricOf::workers, "taken_over",
     "packets from other workers"},
    {"isthmus_worker_bindings", kGaugeType, MetricOf::workers, "bindings", "bindings now"},
    {"isthmus_worker_bindings_limit", kGaugeType, MetricOf::workers, "bindings_size",
     "bindings there is room for"},
    {"isthmus_worker_sessions", kGaugeType, MetricOf::workers, "sessions", "sessions now"},
    {"isthmus_worker_sessions_limit", kGaugeType, MetricOf::workers, "sessions_size",
     "sessions there is room for"},
    {"isthmus_worker_subscribers", kGaugeType, MetricOf::workers, "subscribers",
     "subscribers with bindings"},
    {"isthmus_worker_subscribers_limit", kGaugeType, MetricOf::workers, "subscribers_size",
     "subscribers there is room for"},
    {"isthmus_worker_stored_syns", kGaugeType, MetricOf::workers, "stored_syns",
     "SYNs of the IPv4 side that wait (RFC 6146 section 3.5.2.2)"},
    {"isthmus_worker_expiry_rounds_total", kCounterType, MetricOf::workers, "expiry_rounds",
     "rounds of the hand that reaps expired bindings: one in about 4 seconds when it keeps up"},
    {"isthmus_worker_swept_generation", kGaugeType, MetricOf::workers, "swept_generation",
     "newest policy whose retired addresses and prefixes are swept"},
    {"isthmus_worker_events_waiting", kGaugeType, MetricOf::workers, "events_waiting",
     "events that wait for control and its logs"},
    {"isthmus_worker_events_limit", kGaugeType, MetricOf::workers, "events_size",
     "events there is room for"},

    {"isthmus_port_up", kGaugeType, MetricOf::ports, "link", "1 when the port's link is up"},
    {"isthmus_port_speed_bytes_per_second",
     kGaugeType,
     MetricOf::ports,
     "link_mbps",
     "speed of the link; 0: unknown",
     {},
     {},
     125000},
    {"isthmus_port_mtu_bytes", kGaugeType, MetricOf::ports, "mtu_bytes", "longest IP packet"},
    {"isthmus_port_received_packets_total", kCounterType, MetricOf::ports, "rx_packets",
     "by the device"},
    {"isthmus_port_received_bytes_total", kCounterType, MetricOf::ports, "rx_bytes",
     "by the device"},
    {"isthmus_port_receive_missed_packets_total", kCounterType, MetricOf::ports, "rx_missed",
     "packets that the device had no descriptor for: workers too slow"},
    {"isthmus_port_receive_errors_total", kCounterType, MetricOf::ports, "rx_errors",
     "by the device"},
    {"isthmus_port_receive_no_buffer_total", kCounterType, MetricOf::ports, "rx_no_buffer",
     "packets that there was no buffer for"},
    {"isthmus_port_sent_packets_total", kCounterType, MetricOf::ports, "tx_packets",
     "by the device"},
    {"isthmus_port_sent_bytes_total", kCounterType, MetricOf::ports, "tx_bytes", "by the device"},
    {"isthmus_port_send_errors_total", kCounterType, MetricOf::ports, "tx_errors", "by the device"},
    {"isthmus_port_punted_packets_total", kCounterType, MetricOf::ports, "punted",
     "packets handed to the kernel"},
    {"isthmus_port_punt_dropped_packets_total", kCounterType, MetricOf::ports, "punt_dropped",
     "packets that the kernel's interface did not take"},
    {"isthmus_port_from_kernel_packets_total", kCounterType, MetricOf::ports, "from_kernel",
     "packets sent for the kernel"},

    {"isthmus_pool_ports_in_use", kGaugeType, MetricOf::pools, "udp_in_use",
     "ports (identifiers) of a pool address that bindings use", "protocol", "udp"},
    {"isthmus_pool_ports_in_use", kGaugeType, MetricOf::pools, "tcp_in_use", "", "protocol", "tcp"},
    {"isthmus_pool_ports_in_use", kGaugeType, MetricOf::pools, "icmp_in_use", "", "protocol",
     "icmp"},
    {"isthmus_pool_ports_free", kGaugeType, MetricOf::pools, "udp_free",
     "ports of a pool address that can be given out now; resting ones are in neither", "protocol",
     "udp"},
    {"isthmus_pool_ports_free", kGaugeType, MetricOf::pools, "tcp_free", "", "protocol", "tcp"},
    {"isthmus_pool_ports_free", kGaugeType, MetricOf::pools, "icmp_free", "", "protocol", "icmp"},

    {"isthmus_log_records_total", kCounterType, MetricOf::self, "",
     "log records taken from the dataplane"},
    {"isthmus_log_lost_records_total", kCounterType, MetricOf::self, "",
     "log records that never reached control: the workers' rings were full"},
    {"isthmus_log_gaps_total", kCounterType, MetricOf::self, "", "gap records written for them"},
    {"isthmus_log_waiting_records", kGaugeType, MetricOf::self, "",
     "records that wait in control for a log that takes none"},
    {"isthmus_log_newest_record_time_seconds", kGaugeType, MetricOf::self, "",
     "time of the newest record taken"},
    {"isthmus_log_outlet_up", kGaugeType, MetricOf::outlets, "up",
     "1 when the outlet takes records"},
    {"isthmus_log_outlet_delivered_records_total", kCounterType, MetricOf::outlets, "delivered",
     "records delivered"},
    {"isthmus_log_outlet_lost_records_total", kCounterType, MetricOf::outlets, "lost",
     "records given up: the outlet took none"},
    {"isthmus_log_outlet_failures_total", kCounterType, MetricOf::outlets, "failures",
     "attempts to deliver that failed"},
    {"isthmus_log_outlet_spooled_bytes", kGaugeType, MetricOf::outlets, "spooled",
     "on disk, waiting for the collector"},
});

/// A counter of the workers by its Prometheus name: packets of two directions are one family.
struct CounterName {
    Counter id;
    std::string_view name, label, value;
};
inline constexpr auto kCounterNames = std::to_array<CounterName>({
    {Counter::rx_packets, "isthmus_received_packets_total", "", ""},
    {Counter::rx_bytes, "isthmus_received_bytes_total", "", ""},
    {Counter::tx_packets, "isthmus_sent_packets_total", "", ""},
    {Counter::tx_bytes, "isthmus_sent_bytes_total", "", ""},
    {Counter::translated_64, "isthmus_translated_packets_total", "direction", "6to4"},
    {Counter::translated_46, "isthmus_translated_packets_total", "direction", "4to6"},
    {Counter::hairpinned, "isthmus_hairpinned_packets_total", "", ""},
    {Counter::punted, "isthmus_punted_packets_total", "", ""},
    {Counter::from_kernel, "isthmus_from_kernel_packets_total", "", ""},
    {Counter::handed_over, "isthmus_handed_over_packets_total", "", ""},
    {Counter::taken_over, "isthmus_taken_over_packets_total", "", ""},
    {Counter::icmp6_errors_sent, "isthmus_icmp_errors_sent_total", "family", "ipv6"},
    {Counter::icmp4_errors_sent, "isthmus_icmp_errors_sent_total", "family", "ipv4"},
    {Counter::neighbour_held, "isthmus_neighbour_held_packets_total", "", ""},
});

}  // namespace isthmus::control
