// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema.h"

namespace isthmus::config {

namespace {

/// A field of Config as two functions; the only use of the preprocessor here: a member path is no
/// value.
// A row has as many words as it has, and a table as many rows; `path` is no expression.
// NOLINTBEGIN(readability-function-size,bugprone-macro-parentheses)
#define ISTHMUS_FIELD(path) \
    [](Config & c) -> auto& { return c.path; }

class Rows {
public:
    template <typename Field>
    void number(const char* section, const char* name, std::int64_t least, std::int64_t most,
                bool start_only, const char* unit, const char* help, Field field) {
        Key k = base(section, name, Key::Type::number, start_only, help);
        k.least = least;
        k.most = most;
        k.unit = unit;
        bind_number(k, field);
    }
    template <typename Field>
    void boolean(const char* section, const char* name, bool start_only, const char* help,
                 Field field) {
        Key k = base(section, name, Key::Type::boolean, start_only, help);
        k.most = 1;
        bind_number(k, field);
    }
    template <typename Field>
    void choice(const char* section, const char* name, std::vector<std::string> choices,
                bool start_only, const char* help, Field field) {
        Key k = base(section, name, Key::Type::choice, start_only, help);
        k.choices = std::move(choices);
        bind_number(k, field);
    }
    template <typename Field>
    void text(const char* section, const char* name, bool start_only, const char* help,
              Field field) {
        Key k = base(section, name, Key::Type::text, start_only, help);
        k.get_text = [field](const Config& c) { return field(const_cast<Config&>(c)); };
        k.set_text = [field](Config& c, const std::string& v) { field(c) = v; };
        keys.push_back(std::move(k));
    }
    std::vector<Key> keys;

private:
    static Key base(const char* section, const char* name, Key::Type type, bool start_only,
                    const char* help) {
        Key k;
        k.section = section;
        k.name = name;
        k.type = type;
        k.start_only = start_only;
        k.help = help;
        return k;
    }
    template <typename Field>
    void bind_number(Key& k, Field field) {
        k.get = [field](const Config& c) {
            return static_cast<std::int64_t>(field(const_cast<Config&>(c)));
        };
        k.set = [field](Config& c, std::int64_t v) {
            auto& target = field(c);
            target = static_cast<std::remove_reference_t<decltype(target)>>(v);
        };
        keys.push_back(std::move(k));
    }
};

void logs(Rows& rows) {
    rows.boolean("control.log", "bindings", true,
                 "record bindings; not those inside a port block or a deterministic range",
                 ISTHMUS_FIELD(control.log.bindings));
    rows.boolean("control.log", "sessions", true,
                 "record sessions, with their destinations (RFC 6888 REQ-12 advises against)",
                 ISTHMUS_FIELD(control.log.sessions));
    rows.boolean("control.log", "blocks", true, "record port blocks",
                 ISTHMUS_FIELD(control.log.blocks));
    rows.boolean("control.log", "addresses", true,
                 "record which subscriber is paired with which address",
                 ISTHMUS_FIELD(control.log.addresses));
    rows.boolean("control.log", "refusals", true, "record exhausted pools and exceeded quotas",
                 ISTHMUS_FIELD(control.log.refusals));
    rows.choice("control.log", "when_down", {"translate", "refuse"}, true,
                "what happens while a log takes no records: translate: when no more can wait they "
                "are lost, and a gap record says which; refuse: new bindings and blocks are "
                "refused (drop reason log_path_down)",
                ISTHMUS_FIELD(control.log.when_down));
    rows.number("control.log", "mark_seconds", 1, 86400, true, "seconds",
                "between two marks, which say up to where the log is complete",
                ISTHMUS_FIELD(control.log.mark_seconds));
    rows.number("control.log", "waiting_most", 1000, 100000000, true, "records",
                "that wait in memory, of about 100 bytes each, for a log that takes none",
                ISTHMUS_FIELD(control.log.waiting_most));
    const char* const at = "control.alarms";
    rows.number(at, "pool_high", 0, 100, true, "percent",
                "of a pool's ports in use, of the protocol that uses most: from there on "
                "threshold_reached is recorded (RFC 8158 section 4.5); 0: never",
                ISTHMUS_FIELD(control.alarms.pool_high));
    rows.number(at, "pool_low", 0, 100, true, "percent",
                "the same when a pool falls back to it; 0: never",
                ISTHMUS_FIELD(control.alarms.pool_low));
    rows.number(at, "bindings_high", 0, 1000000000, true, "bindings", "of the gateway; 0: never",
                ISTHMUS_FIELD(control.alarms.bindings_high));
    rows.number(at, "subscribers_high", 0, 1000000000, true, "subscribers",
                "with bindings; 0: never", ISTHMUS_FIELD(control.alarms.subscribers_high));
    rows.number(at, "quiet_seconds", 10, 3600, true, "seconds",
                "between two records of the same threshold (RFC 7659 section 3.1.2)",
                ISTHMUS_FIELD(control.alarms.quiet_seconds));
    rows.boolean("control.http", "enabled", true, "serve /metrics and the status page",
                 ISTHMUS_FIELD(control.http.enabled));
    rows.text("control.http", "address", true, "IPv4 or IPv6 address to listen on",
              ISTHMUS_FIELD(control.http.address));
    rows.number("control.http", "port", 1, 65535, true, "", "TCP port to listen on",
                ISTHMUS_FIELD(control.http.port));
}

void dns64(Rows& rows) {
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
    rows.text("dns64", "tls_certificate", true, "file, for tls:// in listen",
              ISTHMUS_FIELD(dns64.tls_certificate));
    rows.text("dns64", "tls_key", true, "file, for tls:// in listen", ISTHMUS_FIELD(dns64.tls_key));
    rows.text("dns64", "tls_ca", false, "file, for tls:// in upstreams; empty: the system's",
              ISTHMUS_FIELD(dns64.tls_ca));
    rows.text("dns64", "trust_anchor", true, "file, for validation = \"recursive\"",
              ISTHMUS_FIELD(dns64.trust_anchor));
}

void add_carrier(Rows& rows) {
    rows.number("nat64.port_blocks", "size", 0, 32768, true, "ports",
                "ports are given out in blocks of so many, a power of two from 64; 0: one by one "
                "(RFC 6888 REQ-14)",
                ISTHMUS_FIELD(nat64.port_blocks.size));
    rows.number("nat64.port_blocks", "per_subscriber", 1, 16, false, "blocks", "",
                ISTHMUS_FIELD(nat64.port_blocks.per_subscriber));
    rows.number("nat64.port_blocks", "hold", 0, 86400, false, "seconds",
                "before a released block is given to another subscriber",
                ISTHMUS_FIELD(nat64.port_blocks.hold));
    rows.text("nat64.deterministic", "source", true,
              "IPv6 prefix whose subscribers get their ports by calculation (RFC 7422); empty: off",
              ISTHMUS_FIELD(nat64.deterministic.source));
    rows.text("nat64.deterministic", "pool", true, "name of the pool that only they use",
              ISTHMUS_FIELD(nat64.deterministic.pool));
    rows.number("nat64.deterministic", "subscribers_per_address", 1, 32768, true, "subscribers",
                "the compression ratio C",
                ISTHMUS_FIELD(nat64.deterministic.subscribers_per_address));
    rows.number("nat64.deterministic", "dynamic", 0, 255, true, "shares",
                "shares of each address kept for port blocks, D; 0: none",
                ISTHMUS_FIELD(nat64.deterministic.dynamic));
    rows.number("nat64.deterministic", "blocks_per_subscriber", 0, 16, true, "blocks",
                "most blocks of the dynamic part, M",
                ISTHMUS_FIELD(nat64.deterministic.blocks_per_subscriber));
    rows.choice("nat64.stateless", "hairpin", {"intrinsic", "simple", "off"}, false,
                "two hosts of the EAM table talk through their IPv4 addresses (RFC 7757 section 4)",
                ISTHMUS_FIELD(nat64.stateless.hairpin));
    rows.choice("nat64.stateless", "udp_zero_checksum", {"compute", "drop"}, false,
                "IPv4 UDP without checksum, where no state is kept (RFC 7915 section 4.5)",
                ISTHMUS_FIELD(nat64.stateless.udp_zero_checksum));
    rows.boolean(
        "nat64.stateless", "answer_arp", false,
        "answer ARP for the IPv4 addresses of eam and ipv4 on networks that they are on; off: "
        "they are routed here, or (CLAT) belong to hosts that answer themselves",
        ISTHMUS_FIELD(nat64.stateless.answer_arp));
}

std::vector<Key> make() {
    Rows rows;
    rows.number("nat64", "subscriber_prefix_length", 32, 128, true, "bits",
                "length of the source prefix that limits are counted against",
                ISTHMUS_FIELD(nat64.subscriber_prefix_len));
    rows.boolean("nat64", "wkp_allow_non_global", false,
                 "translate private IPv4 addresses behind 64:ff9b::/96 too (RFC 6052 section 3.1 "
                 "forbids it)",
                 ISTHMUS_FIELD(nat64.wkp_allow_non_global));
    rows.choice("nat64", "filtering", {"endpoint-independent", "address-dependent"}, false,
                "who may send to a binding from IPv4 (RFC 6146 section 3.5)",
                ISTHMUS_FIELD(nat64.filtering));
    rows.choice("nat64", "pooling", {"hard", "soft"}, false,
                "whether a subscriber may get ports of a second address when his own is full",
                ISTHMUS_FIELD(nat64.pooling));
    rows.boolean("nat64", "preserve_parity", false,
                 "UDP: an even port is mapped to an even one (RFC 4787 REQ-4)",
                 ISTHMUS_FIELD(nat64.preserve_parity));
    rows.boolean("nat64", "drop_external_tcp", false, "refuse TCP connections opened from IPv4",
                 ISTHMUS_FIELD(nat64.drop_external_tcp));
    rows.boolean("nat64", "drop_icmpv6_info", false, "refuse pings from IPv6",
                 ISTHMUS_FIELD(nat64.drop_icmpv6_info));
    rows.boolean("nat64", "v4_refresh", false, "packets from IPv4 keep a session alive",
                 ISTHMUS_FIELD(nat64.v4_refresh));
    rows.boolean("nat64", "tcp_probes", false,
                 "ask an idle TCP client whether it is still there (RFC 6146 section 3.5.2.2)",
                 ISTHMUS_FIELD(nat64.tcp_probes));
    rows.boolean("nat64", "rst_in_fin", false,
                 "an RST after a FIN ends the session soon (RFC 7857 section 2.2)",
                 ISTHMUS_FIELD(nat64.rst_in_fin));
    rows.boolean("nat64", "drop_tcp_without_session", false,
                 "drop TCP segments without SYN that have a binding but no session (RFC 6146 "
                 "section 3.5.2.2 lets them pass)",
                 ISTHMUS_FIELD(nat64.drop_tcp_without_session));
    rows.choice("nat64", "profile", {"default", "strict", "unsafe"}, false,
                "strict: RFC 6146 by the letter, rst_in_fin is off; unsafe: nat64.lifetimes may "
                "be below the RFCs' floors, for tests",
                ISTHMUS_FIELD(nat64.profile));
    rows.number("nat64", "lowest_ipv6_mtu", 1280, 9000, false, "bytes",
                "IPv4 packets without DF are cut to it (RFC 7915 section 4.1)",
                ISTHMUS_FIELD(nat64.lowest_ipv6_mtu));
    rows.number("nat64", "tcp_mss_clamp_ipv6", 0, 8960, false, "bytes",
                "largest MSS in SYNs towards IPv6; 0: left alone",
                ISTHMUS_FIELD(nat64.tcp_mss_clamp_ipv6));
    rows.number("nat64", "tcp_mss_clamp_ipv4", 0, 8960, false, "bytes",
                "largest MSS in SYNs towards IPv4; 0: left alone",
                ISTHMUS_FIELD(nat64.tcp_mss_clamp_ipv4));
    rows.boolean("nat64", "copy_traffic_class", false,
                 "TOS is copied from Traffic Class; otherwise it is override_tos",
                 ISTHMUS_FIELD(nat64.copy_traffic_class));
    rows.number("nat64", "override_tos", 0, 255, false, "",
                "TOS of all IPv4 packets when copy_traffic_class is false",
                ISTHMUS_FIELD(nat64.override_tos));
    rows.boolean("nat64", "reset_traffic_class", false, "Traffic Class of all IPv6 packets is 0",
                 ISTHMUS_FIELD(nat64.reset_traffic_class));
    rows.boolean("nat64", "udp_ipv6_zero_checksum", false,
                 "forward IPv6 UDP without checksum (RFC 6935 tunnels)",
                 ISTHMUS_FIELD(nat64.udp_ipv6_zero_checksum));
    rows.choice("nat64", "frag_id", {"copy", "remap"}, false,
                "identification of IPv4 fragments: the low half of the IPv6 one (RFC 7915 section "
                "5.1.1), or one of our own for each datagram (RFC 7857 section 10)",
                ISTHMUS_FIELD(nat64.frag_id));
    rows.number("nat64.lifetimes", "udp", 120, 86400, false, "seconds",
                "idle UDP session (RFC 4787 REQ-5)", ISTHMUS_FIELD(nat64.lifetimes.udp));
    rows.number("nat64.lifetimes", "icmp", 60, 86400, false, "seconds",
                "idle ping (RFC 5508 REQ-2)", ISTHMUS_FIELD(nat64.lifetimes.icmp));
    rows.number("nat64.lifetimes", "tcp_established", 7200, 864000, false, "seconds",
                "idle TCP connection (RFC 5382 REQ-5)",
                ISTHMUS_FIELD(nat64.lifetimes.tcp_established));
    rows.number("nat64.lifetimes", "tcp_transitory", 240, 86400, false, "seconds",
                "TCP connection that opens or closes (RFC 5382 REQ-5)",
                ISTHMUS_FIELD(nat64.lifetimes.tcp_transitory));
    rows.number("nat64.lifetimes", "tcp_half_open", 10, 86400, false, "seconds",
                "TCP connection that nobody has answered yet (RFC 7857 section 2.1)",
                ISTHMUS_FIELD(nat64.lifetimes.tcp_half_open));
    rows.number("nat64.lifetimes", "fragment", 2, 60, false, "seconds",
                "fragment that waits for its first one (RFC 6146 section 4)",
                ISTHMUS_FIELD(nat64.lifetimes.fragment));
    rows.number("nat64.lifetimes", "port_hold", 0, 3600, false, "seconds",
                "before a released UDP port or ICMP identifier is used again (RFC 6888 REQ-8)",
                ISTHMUS_FIELD(nat64.lifetimes.port_hold));
    rows.number("nat64.limits", "ports_per_subscriber", 1, 10000000, false, "ports",
                "of each protocol", ISTHMUS_FIELD(nat64.limits.ports_per_subscriber));
    rows.number("nat64.limits", "ports_per_subscriber_alarm", 0, 10000000, false, "ports",
                "of a protocol: a subscriber who gets so many is recorded as threshold_reached "
                "(RFC 8158 section 4.5); 0: never",
                ISTHMUS_FIELD(nat64.limits.ports_per_subscriber_alarm));
    rows.number("nat64.limits", "sessions_per_subscriber", 1, 100000000, false, "sessions", "",
                ISTHMUS_FIELD(nat64.limits.sessions_per_subscriber));
    rows.number("nat64.limits", "sessions_per_binding", 1, 100000000, false, "sessions",
                "of one client port", ISTHMUS_FIELD(nat64.limits.sessions_per_binding));
    rows.number("nat64.limits", "new_sessions_per_second", 0, 100000000, false, "sessions",
                "of one subscriber; 0: no limit",
                ISTHMUS_FIELD(nat64.limits.new_sessions_per_second));
    rows.number("nat64.limits", "stored_syns", 0, 1048576, true, "SYNs",
                "SYNs from IPv4 held for a simultaneous open, of all workers (RFC 5382 REQ-4)",
                ISTHMUS_FIELD(nat64.limits.stored_syns));
    rows.number("nat64.limits", "stored_syns_per_source", 0, 255, false, "SYNs",
                "of one IPv4 address, in each worker",
                ISTHMUS_FIELD(nat64.limits.stored_syns_per_source));
    rows.number("nat64.limits", "ports_held", 0, 100000000, false, "ports",
                "UDP ports and ICMP identifiers at rest for lifetimes.port_hold, in each worker; "
                "above it the oldest is used again early (RFC 6888 REQ-8); 0: as many as bindings",
                ISTHMUS_FIELD(nat64.limits.ports_held));
    add_carrier(rows);
    rows.choice("nat64.icmp", "to_ipv6", {"send", "rate-limit", "off"}, false,
                "ICMPv6 errors of our own", ISTHMUS_FIELD(nat64.icmp.to_ipv6));
    rows.choice("nat64.icmp", "to_ipv4", {"send", "rate-limit", "off"}, false,
                "ICMPv4 errors of our own", ISTHMUS_FIELD(nat64.icmp.to_ipv4));
    rows.number("nat64.icmp", "rate", 1, 1000000, false, "errors per second",
                "of each family and worker", ISTHMUS_FIELD(nat64.icmp.rate));
    rows.number("nat64.icmp", "burst", 1, 1000000, false, "errors", "",
                ISTHMUS_FIELD(nat64.icmp.burst));
    rows.number("nat64.icmp", "rate_per_source", 1, 1000000, false, "errors per second",
                "to one /64 or IPv4 address", ISTHMUS_FIELD(nat64.icmp.rate_per_source));
    rows.choice(
        "nat64.icmp", "error_source", {"router", "session"}, false,
        "source of translated ICMPv4 errors: the router that sent them, or the session's remote",
        ISTHMUS_FIELD(nat64.icmp.error_source));
    rows.text("dataplane", "socket", true, "Unix socket of isthmus-dataplane",
              ISTHMUS_FIELD(dataplane.socket));
    rows.text(
        "dataplane", "socket_group", true,
        "group that may use the socket, besides root: that of isthmus-control. A host without "
        "the default one: root only",
        ISTHMUS_FIELD(dataplane.socket_group));
    rows.number("dataplane", "main_cpu", 0, 1023, true, "", "CPU of the main thread",
                ISTHMUS_FIELD(dataplane.main_cpu));
    rows.choice("dataplane", "idle", {"auto", "poll", "sleep"}, true,
                "what a worker does without packets; auto: sleep on virtual devices",
                ISTHMUS_FIELD(dataplane.idle));
    rows.choice("dataplane", "hugepages", {"auto", "yes", "no"}, true, "",
                ISTHMUS_FIELD(dataplane.hugepages));
    rows.number("dataplane", "memory_mib", 0, 1048576, true, "MiB",
                "memory for DPDK; 0: as much as the buffers need",
                ISTHMUS_FIELD(dataplane.memory_mib));
    rows.text("dataplane", "file_prefix", true, "DPDK file prefix; one for each instance",
              ISTHMUS_FIELD(dataplane.file_prefix));
    rows.text("dataplane", "punt_netns", true,
              "network namespace of the punt interfaces; empty: ours",
              ISTHMUS_FIELD(dataplane.punt_netns));
    rows.number("dataplane", "max_sessions", 64, 200000000, true, "sessions", "of all workers",
                ISTHMUS_FIELD(dataplane.max_sessions));
    rows.number("dataplane", "max_bindings", 0, 200000000, true, "bindings", "0: as max_sessions",
                ISTHMUS_FIELD(dataplane.max_bindings));
    rows.number("dataplane", "max_subscribers", 0, 100000000, true, "subscribers",
                "0: a sixteenth of max_bindings, at least 4096",
                ISTHMUS_FIELD(dataplane.max_subscribers));
    rows.number("dataplane", "max_pool_addresses", 1, 1024, true, "addresses",
                "768 KiB each, for each worker", ISTHMUS_FIELD(dataplane.max_pool_addresses));
    rows.choice(
        "dataplane", "unknown_ports", {"use", "rest"}, true,
        "ports of which no record is left (the machine was booted, or this is the cold standby "
        "of another one): use them at once, or let all rest for lifetimes.port_hold first",
        ISTHMUS_FIELD(dataplane.unknown_ports));
    rows.number(
        "dataplane", "log_events", 0, 67108864, true, "records",
        "of the NAT's logs that wait for isthmus-control, of all workers, 64 bytes each; 0: "
        "as many as bindings, at least 65536, at most 4194304",
        ISTHMUS_FIELD(dataplane.log_events));
    rows.number("dataplane", "buffers", 0, 16777216, true, "packet buffers", "0: computed",
                ISTHMUS_FIELD(dataplane.buffers));
    rows.text("control", "socket", true, "Unix socket for isthmusctl",
              ISTHMUS_FIELD(control.socket));
    rows.text("control", "read_group", false,
              "groups whose members may look, besides root; several with commas between",
              ISTHMUS_FIELD(control.read_group));
    rows.text("control", "read_users", false, "users who may look, besides root",
              ISTHMUS_FIELD(control.read_users));
    rows.text("control", "admin_group", false,
              "groups whose members may change and look, besides root",
              ISTHMUS_FIELD(control.admin_group));
    rows.text("control", "admin_users", false, "users who may change and look, besides root",
              ISTHMUS_FIELD(control.admin_users));
    rows.text("control", "state_dir", true, "where the running policy and its history are kept",
              ISTHMUS_FIELD(control.state_dir));
    rows.text("control", "log_level", false, "debug, info, warn or error",
              ISTHMUS_FIELD(control.log_level));
    logs(rows);
    dns64(rows);
    return std::move(rows.keys);
}

// NOLINTEND(readability-function-size,bugprone-macro-parentheses)

}  // namespace

const std::vector<Key>& schema() {
    static const std::vector<Key> kKeys = make();
    return kKeys;
}

}  // namespace isthmus::config
