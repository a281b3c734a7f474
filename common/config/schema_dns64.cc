// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema_rows.h"

namespace isthmus::config {

// A row has as many words as it has, and a table as many rows.
// NOLINTBEGIN(readability-function-size)
void dns64_rows(Rows& rows) {
    rows.number("dns64", "threads", 1, 256, true, "threads", "when dns64.cpus is empty",
                ISTHMUS_FIELD(dns64.threads));
    rows.choice("dns64", "validation", {"none", "trust-ad", "recursive"}, false,
                "none: upstream's AD bit says nothing; trust-ad: it is believed; recursive: no "
                "upstreams, we resolve and validate ourselves",
                ISTHMUS_FIELD(dns64.validation));
    rows.boolean("dns64", "parallel", false, "ask for AAAA and A at once (RFC 6147 section 5.1.8)",
                 ISTHMUS_FIELD(dns64.parallel));
    rows.boolean("dns64", "case_0x20", false, "random case in names sent upstream",
                 ISTHMUS_FIELD(dns64.case_0x20));
    rows.boolean("dns64", "upstream_cookies", false, "cookies towards upstreams (RFC 7873)",
                 ISTHMUS_FIELD(dns64.upstream_cookies));
    rows.choice("dns64", "cookies", {"off", "on", "required"}, false,
                "cookies towards clients (RFC 7873)", ISTHMUS_FIELD(dns64.cookies));
    rows.text("dns64", "cookie_secret", false,
              "32 hexadecimal digits, the same on all servers of an address (RFC 9018 section 5); "
              "empty: drawn at the start",
              ISTHMUS_FIELD(dns64.cookie_secret));
    rows.text("dns64", "cookie_secret_previous", false,
              "is still accepted, while cookie_secret is being replaced",
              ISTHMUS_FIELD(dns64.cookie_secret_previous));
    rows.choice("dns64", "ede", {"off", "on", "all"}, false,
                "Extended DNS Errors (RFC 8914); all: also why an AAAA was not synthesized",
                ISTHMUS_FIELD(dns64.ede));
    rows.choice("dns64", "any", {"pass", "hinfo"}, false,
                "answer to ANY: upstream's, or one HINFO (RFC 8482)", ISTHMUS_FIELD(dns64.any));
    rows.choice("dns64", "local_reverse", {"off", "private", "all"}, false,
                "reverse zones answered here (RFC 6303); private: without those for documentation",
                ISTHMUS_FIELD(dns64.local_reverse));
    rows.text("dns64", "nat64_fqdn", false,
              "PTR of the well-known addresses in place of ipv4only.arpa (RFC 7050 section 3.1.1)",
              ISTHMUS_FIELD(dns64.nat64_fqdn));
    rows.boolean("dns64", "synthesis", false, "of the default view: AAAA are synthesized",
                 ISTHMUS_FIELD(dns64.view.synthesis));
    rows.boolean("dns64", "break_dnssec", false,
                 "false: a client with DO=1 gets the validated negative answer",
                 ISTHMUS_FIELD(dns64.view.break_dnssec));
    rows.choice("dns64", "cd_only", {"plain", "synthesize"}, false, "answer to CD=1 without DO=1",
                ISTHMUS_FIELD(dns64.view.cd_only));
    rows.number("dns64.limits", "tcp_idle", 1, 3600, false, "seconds", "idle TCP connection",
                ISTHMUS_FIELD(dns64.limits.tcp_idle));
    rows.number("dns64.limits", "tcp_connections", 1, 1000000, false, "connections",
                "of each thread", ISTHMUS_FIELD(dns64.limits.tcp_connections));
    rows.number("dns64.limits", "tcp_per_client", 1, 100000, false, "connections", "of one client",
                ISTHMUS_FIELD(dns64.limits.tcp_per_client));
    rows.number("dns64.limits", "queries_in_flight", 1, 1000000, false, "queries", "of each thread",
                ISTHMUS_FIELD(dns64.limits.queries_in_flight));
    rows.number("dns64.limits", "rate", 0, 1000000, false, "responses per second",
                "to one /24 or /56; 0: no limit", ISTHMUS_FIELD(dns64.limits.rate));
    rows.number("dns64.limits", "rate_slip", 0, 100, false, "responses",
                "every n-th over the rate goes out truncated; 0: none",
                ISTHMUS_FIELD(dns64.limits.rate_slip));
    rows.number("dns64.limits", "aaaa_timeout_ms", 100, 30000, false, "milliseconds",
                "for the AAAA query (RFC 6147 section 5.1.3)",
                ISTHMUS_FIELD(dns64.limits.aaaa_timeout_ms));
    rows.number("dns64.limits", "total_timeout_ms", 200, 60000, false, "milliseconds",
                "for a client's question", ISTHMUS_FIELD(dns64.limits.total_timeout_ms));
    rows.number("dns64.limits", "retransmit_ms", 50, 10000, false, "milliseconds",
                "before an upstream is asked again", ISTHMUS_FIELD(dns64.limits.retransmit_ms));
    rows.number("dns64.cache", "memory_mib", 1, 1048576, true, "MiB", "of all threads",
                ISTHMUS_FIELD(dns64.cache.memory_mib));
    rows.number("dns64.cache", "ttl_most", 1, 604800, false, "seconds", "for positive answers",
                ISTHMUS_FIELD(dns64.cache.ttl_most));
    rows.number("dns64.cache", "negative_most", 1, 86400, false, "seconds",
                "for negative answers (RFC 2308 section 5)",
                ISTHMUS_FIELD(dns64.cache.negative_most));
    rows.number("dns64.cache", "failure", 1, 300, false, "seconds",
                "for failures (RFC 9520 section 3.2)", ISTHMUS_FIELD(dns64.cache.failure));
    rows.boolean("dns64.cache", "prefetch", false, "ask for popular names again before they expire",
                 ISTHMUS_FIELD(dns64.cache.prefetch));
    rows.boolean("dns64.cache", "nxdomain_cut", false,
                 "nothing exists below a name that does not (RFC 8020)",
                 ISTHMUS_FIELD(dns64.cache.nxdomain_cut));
    rows.boolean("dns64.cache", "serve_stale", false,
                 "expired answers when upstreams fail (RFC 8767)",
                 ISTHMUS_FIELD(dns64.cache.serve_stale));
    rows.number("dns64.cache", "stale_most", 1, 604800, false, "seconds",
                "that an expired answer is kept", ISTHMUS_FIELD(dns64.cache.stale_most));
    rows.number("dns64.cache", "stale_wait_ms", 0, 30000, false, "milliseconds",
                "before an expired answer is given", ISTHMUS_FIELD(dns64.cache.stale_wait_ms));
    rows.number("dns64.cache", "stale_ttl", 1, 300, false, "seconds", "TTL of an expired answer",
                ISTHMUS_FIELD(dns64.cache.stale_ttl));
    rows.text("dns64.query_log", "file", false, "JSON lines; empty: off",
              ISTHMUS_FIELD(dns64.query_log.file));
    rows.number("dns64.query_log", "sample", 1, 1000000000, false, "queries",
                "one of so many is logged", ISTHMUS_FIELD(dns64.query_log.sample));
    rows.choice("dns64.query_log", "clients", {"full", "network", "none"}, false,
                "what is logged of a client: his address, its /24 or /56, nothing",
                ISTHMUS_FIELD(dns64.query_log.clients));
    rows.number("dns64.query_log", "max_size_mib", 0, 1000000, false, "MiB",
                "FILE is rotated to FILE.1 and so on; 0: never",
                ISTHMUS_FIELD(dns64.query_log.max_size_mib));
    rows.number("dns64.query_log", "max_hours", 0, 100000, false, "hours",
                "of FILE, then it is rotated; 0: never", ISTHMUS_FIELD(dns64.query_log.max_hours));
    rows.number("dns64.query_log", "max_files", 0, 10000, false, "files",
                "rotated ones that are kept", ISTHMUS_FIELD(dns64.query_log.max_files));
    rows.number("dns64", "gateway_patience", 1, 3600, false, "seconds",
                "without a word of a gateway of dns64.gateways, until its prefixes are used as "
                "those of one that is well",
                ISTHMUS_FIELD(dns64.gateway_patience));
    rows.text("dns64", "metrics", true, "IPv4 address and port of /metrics; empty: none",
              ISTHMUS_FIELD(dns64.metrics));
    rows.text("dns64", "socket", true,
              "Unix socket for isthmusctl and isthmus-control; empty: none",
              ISTHMUS_FIELD(dns64.socket));
    rows.text("dns64", "socket_group", false,
              "group that may do everything on the socket, besides root and those of "
              "control.admin_group and admin_users: that of isthmus-control. The default one need "
              "not be there",
              ISTHMUS_FIELD(dns64.socket_group));
    rows.text("dns64", "user", true, "user that the server becomes", ISTHMUS_FIELD(dns64.user));
    rows.text("dns64", "tls_certificate", false, "file, for tls:// in listen",
              ISTHMUS_FIELD(dns64.tls_certificate));
    rows.text("dns64", "tls_key", false, "file, for tls:// in listen",
              ISTHMUS_FIELD(dns64.tls_key));
    rows.text("dns64", "tls_ca", false, "file, for tls:// in upstreams; empty: the system's",
              ISTHMUS_FIELD(dns64.tls_ca));
    rows.text("dns64", "trust_anchor", true, "file, for validation = \"recursive\"",
              ISTHMUS_FIELD(dns64.trust_anchor));
}

// NOLINTEND(readability-function-size)

}  // namespace isthmus::config
