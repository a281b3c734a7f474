// SPDX-License-Identifier: Apache-2.0
// The `dns64` section of isthmus.conf: what an operator may say to isthmus-dns64. The prefixes are
// those of `nat64`, unless a view names its own. Every scalar is one row of the schema
// (schema_dns64.cc); the lists are read by parse_dns64.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/port_range.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"

namespace isthmus::config {

enum class Transport : std::uint8_t {
    udp,  // a listener: UDP and TCP; an upstream: UDP, TCP where needed
    tcp,
    tls,  // DNS over TLS, RFC 7858
    xdp,  // a listener on an interface's AF_XDP sockets
};

/// "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53", "2001:db8::53", "tcp://...",
/// "tls://[2001:db8::53]:853#dns.example.net" (the name that the certificate must bear),
/// "xdp:eth0".
struct Endpoint {
    Transport transport = Transport::udp;
    bool is_v6 = true;
    Ipv4Addr v4{};
    Ipv6Addr v6{};
    std::uint16_t port = 53;
    std::string name;  // tls: of the certificate; xdp: of the interface
    unsigned line = 0;

    [[nodiscard]] std::string text() const;
};

/// An address range that gets prefixes of its own (RFC 6147 s5.2); none: never synthesized.
struct Dns64Range {
    Prefix4 ipv4;
    std::vector<Pref64> prefixes;
    unsigned line = 0;
};

inline constexpr std::string_view kHttp = "http://";

/// Who translates these prefixes, and where it says whether it is well: the path of
/// isthmus-control's socket, or "http://ADDRESS:PORT".
struct Dns64Gateway {
    std::vector<Pref64> prefixes;
    std::string status;
    unsigned line = 0;
};

/// A client's network, of either family.
struct Network {
    bool is_v6 = true;
    Prefix4 v4{};
    Prefix6 v6{};
    [[nodiscard]] std::string text() const { return is_v6 ? v6.text() : v4.text(); }
    friend bool operator==(const Network&, const Network&) = default;
};

enum class CdOnly : std::uint8_t { plain, synthesize };

/// What a client gets. The section itself is the default view; an element of dns64.views starts as
/// a copy of it and replaces what it names.
struct Dns64View {
    std::string name = "default";
    std::vector<Network> clients;  // of the default view: none, all others
    bool synthesis = true;
    std::vector<Pref64> prefixes;    // empty: nat64.prefixes, or the well-known prefix
    std::vector<Dns64Range> ranges;  // longest match wins over `prefixes`
    std::vector<Prefix4> exclude_ipv4;
    std::vector<Prefix6> exclude_aaaa{{Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0xffff, 0, 0}), 96}};
    std::vector<std::string> exclude_names;  // they and what lies below are not synthesized
    std::vector<std::string> include_names;  // not empty: only these are synthesized
    std::vector<std::string> ignore_aaaa;    // real AAAA of these are ignored (RFC 6147 s5.1.1)
    bool break_dnssec = true;                // false: DO=1 and secure gets the validated negative
    CdOnly cd_only = CdOnly::plain;
    unsigned line = 0;
};

enum class Validation : std::uint8_t {
    none,       // upstream's AD bit says nothing
    trust_ad,   // the way to the upstream is secure: its AD bit is believed
    recursive,  // no upstream: libunbound resolves and validates
};
enum class EdeMode : std::uint8_t { off, on, all };
enum class AnyMode : std::uint8_t { pass, hinfo };
enum class LocalReverse : std::uint8_t { off, private_ranges, all };
enum class CookieMode : std::uint8_t { off, on, required };

struct Dns64Limits {
    std::uint32_t tcp_idle = 10;  // seconds
    std::uint32_t tcp_connections = 1000;
    std::uint32_t tcp_per_client = 25;
    std::uint32_t queries_in_flight = 10000;  // of one thread
    std::uint32_t rate = 0;                   // responses per second to one /24 or /56; 0: no limit
    std::uint32_t rate_slip = 2;              // every n-th answer over the rate goes out truncated
    std::uint32_t aaaa_timeout_ms = 2000;
    std::uint32_t total_timeout_ms = 5000;
    std::uint32_t retransmit_ms = 400;
};

struct Dns64Cache {
    std::uint32_t memory_mib = 128;       // of all threads
    std::uint32_t ttl_most = 86400;       // seconds, for positive answers
    std::uint32_t negative_most = 10800;  // seconds, RFC 2308 s5: 3 h
    std::uint32_t failure = 5;            // seconds, RFC 9520 s3.2: 1 to 300
    bool prefetch = true;                 // popular names are asked again in the last tenth
    bool nxdomain_cut = true;             // RFC 8020
    bool serve_stale = false;             // RFC 8767
    std::uint32_t stale_most = 86400;     // seconds an expired answer is kept
    std::uint32_t stale_wait_ms = 1800;   // before an expired answer is given
    std::uint32_t stale_ttl = 30;         // seconds
};

enum class LogClients : std::uint8_t { full, network, none };

struct Dns64Log {
    std::string file;          // query log, JSON lines; empty: off
    std::uint32_t sample = 1;  // one of so many queries
    LogClients clients = LogClients::full;
    std::uint32_t max_size_mib = 100;  // of the file, then it is rotated; 0: never
    std::uint32_t max_hours = 0;       // likewise
    std::uint32_t max_files = 10;      // FILE.1 and so on
};

struct Dns64Config {
    std::vector<Endpoint> listen;     // empty: [::1]:53 and 127.0.0.1:53
    std::vector<Endpoint> upstreams;  // in order of preference
    std::vector<std::uint16_t> cpus;  // one thread each; empty: `threads` threads, not pinned
    std::uint16_t threads = 1;
    Validation validation = Validation::none;
    bool parallel = true;  // AAAA and A are asked at once
    bool case_0x20 = false;
    bool upstream_cookies = false;
    std::vector<Endpoint> upstream_source;        // addresses to ask from, no ports; empty: routing
    std::vector<PortRange> upstream_avoid_ports;  // that no query leaves from
    CookieMode cookies = CookieMode::on;
    /// 32 hexadecimal digits each, the same on all servers of an anycast address; empty: drawn at
    /// the start. The previous one is still accepted.
    std::string cookie_secret, cookie_secret_previous;
    EdeMode ede = EdeMode::on;
    AnyMode any = AnyMode::pass;
    LocalReverse local_reverse = LocalReverse::private_ranges;
    std::vector<std::string> resolve_zones;  // special names and local zones asked upstream anyway
    std::string nat64_fqdn;                  // PTR of the well-known addresses (RFC 7050 s3.1.1)
    std::vector<Network> allow;              // besides the clients of views; empty: local networks
    std::vector<Dns64Gateway> gateways;
    std::uint32_t gateway_patience = 10;  // seconds without a word, until it counts as well
    Dns64View view;                       // the default view
    std::vector<Dns64View> views;
    Dns64Limits limits;
    Dns64Cache cache;
    Dns64Log query_log;
    std::string metrics = "127.0.0.1:9465";                // empty: none
    std::string socket = "/run/isthmus/dns64/dns64.sock";  // empty: none
    std::string socket_group = "isthmus";                  // may do everything there besides root
    std::string user = "isthmus-dns64";
    std::string tls_certificate, tls_key;  // of tls:// listeners
    std::string tls_ca;                    // trust of tls:// upstreams; empty: the system's
    std::string trust_anchor = "/usr/share/dns/root.key";
};

}  // namespace isthmus::config
