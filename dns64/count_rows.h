// SPDX-License-Identifier: Apache-2.0
// The table of what a worker counts: `counters` and the metrics are made from it. Metrics have
// isthmus_dns64_ before the name, counters _total behind it.
#pragma once

#include <array>
#include <string_view>

#include "dns64/counters.h"

namespace isthmus::dns64 {

struct CountRow {
    std::string_view name, help;
    Count Counters::*field;
    bool is_gauge = false;  // now, not since the start
    std::string_view label = {}, value = {};
};

// Rows of one name stand together.
inline constexpr auto kCountRows = std::to_array<CountRow>({
    {"cache_hits", "queries answered with what lay ready", &Counters::cache_hits},
    {"cache_misses", "queries that took a resolution; its parts may have been in the cache",
     &Counters::cache_misses},
    {"cache_stale_answers", "expired answers given because upstreams failed (RFC 8767)",
     &Counters::cache_stale},
    {"cache_prefetches", "popular answers made anew before they expired", &Counters::prefetches},
    {"cache_inserted_entries", "entries written", &Counters::cache_inserted},
    {"cache_evicted_entries", "entries that made room for others", &Counters::cache_evicted},
    {"cache_entries", "entries now", &Counters::cache_entries, true},
    {"cache_used_bytes", "bytes of the entries now", &Counters::cache_bytes, true},
    {"truncated_answers", "answers from the cache too long for the client's UDP (TC=1)",
     &Counters::truncated},
    {"malformed_dropped_queries", "packets so broken, or so little a query, that none was answered",
     &Counters::dropped},
    {"rate_limited_queries", "queries over the rate of their client's network (limits.rate)",
     &Counters::rate_dropped, false, "action", "dropped"},
    {"rate_limited_queries", "", &Counters::rate_slipped, false, "action", "truncated"},
    {"good_cookie_queries", "queries with a valid server cookie (RFC 7873)",
     &Counters::cookies_good},
    {"overload_refused_queries", "queries refused: limits.queries_in_flight of a thread are open",
     &Counters::refused_overload},
    {"send_failures", "answers that the kernel did not take", &Counters::send_failed},
    {"xdp_queries", "of the UDP queries, those taken from interfaces (xdp: in listen)",
     &Counters::xdp_queries},
    {"xdp_bad_frames", "frames there with a wrong checksum, length or source", &Counters::xdp_bad},
    {"xdp_dropped_frames", "frames there that found no room", &Counters::xdp_dropped},
    {"query_log_records", "queries for the query log (one in query_log.sample)",
     &Counters::log_records},
    {"query_log_lost_records", "of these, those that its file did not take in time",
     &Counters::log_lost},
    {"resolutions", "resolutions under way now", &Counters::jobs, true},
    {"connections", "TCP and TLS connections now", &Counters::connections, true},
    {"connections_accepted", "TCP and TLS connections taken", &Counters::tcp_accepted},
    {"connections_refused", "connections closed at once: the client has its share, or no place",
     &Counters::tcp_refused},
    {"connections_idle_closed", "connections closed after limits.tcp_idle",
     &Counters::tcp_idle_closed},
    {"tls_failures", "TLS handshakes of clients that failed", &Counters::tls_failed},
    {"upstream_sent_queries", "queries sent to upstreams", &Counters::upstream_udp, false,
     "protocol", "udp"},
    {"upstream_sent_queries", "", &Counters::upstream_tcp, false, "protocol", "tcp"},
    {"upstream_sent_queries", "", &Counters::upstream_tls, false, "protocol", "tls"},
    {"upstream_answers", "answers of upstreams that were believed", &Counters::upstream_answers},
    {"upstream_joined_questions", "questions that were under way already for another client",
     &Counters::upstream_joined},
});

}  // namespace isthmus::dns64
