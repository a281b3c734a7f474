// SPDX-License-Identifier: Apache-2.0
// The typed model of isthmus.conf: what an operator may say, with its defaults.
//
// One file serves four programs; each reads its own section and `nat64`. Every field here is one
// row of the schema table in schema.cc (name, unit, range, start-only or live, help), from which
// the parser, the manual page and the sample file are made. Lists are kept in the order written.
//
// "start-only" fields take effect when isthmus-dataplane starts; changing one by reload is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/dns64.h"
#include "common/config/log_config.h"
#include "common/config/port_range.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"

namespace isthmus::config {

/// Where a value was written, for messages: line 0 means "default".
struct Origin {
    unsigned line = 0;
};

/// One element of nat64.prefixes.
struct PrefixEntry {
    Pref64 prefix;
    Origin origin;
};

/// One element of nat64.pool: addresses with the ports we may use on them.
struct PoolEntry {
    Prefix4 addresses;
    PortRange ports;
    std::string name;              // of the pool; empty: the default one, for all without a rule
    bool drain = false;            // no new bindings; removed when empty, or at the deadline
    std::int64_t drain_until = 0;  // Unix seconds; 0: no deadline
    Origin origin;
};

/// One element of nat64.rules: who gets addresses of a named pool; the longest source decides.
struct RuleEntry {
    Prefix6 source;
    std::string pool;
    Origin origin;
};

/// One element of nat64.static: X' and T, as many ports on both sides (RFC 6146 section 3.1).
struct StaticEntry {
    enum class Protocol : std::uint8_t { tcp, udp, icmp, all };
    Protocol protocol = Protocol::tcp;
    Ipv6Addr ipv6;
    Ipv4Addr ipv4;
    PortRange ports{0, 0}, ipv6_ports{0, 0};  // of T, of X'
    bool outside_pool = false;                // T is not in the pool, and serves this only
    Origin origin;
};

/// One element of nat64.exclude: destinations that are not translated (RFC 6888 REQ-6).
struct ExcludeEntry {
    Prefix4 destination;
    PortRange ports{0, 65535};  // 0-65535: all protocols
    Origin origin;
};

/// One element of nat64.udp_timers (RFC 4787 REQ-5).
struct UdpTimerEntry {
    std::uint16_t port = 0;  // destination
    std::uint32_t seconds = 300;
    Origin origin;
};

/// Ports given out in blocks (RFC 6888 REQ-14); size 0: off.
struct PortBlocks {
    std::uint32_t size = 0;  // ports, a power of two; start-only
    std::uint32_t per_subscriber = 8;
    std::uint32_t hold = 120;  // seconds before a released block is given to somebody else
};

/// RFC 7422; source empty: off. All start-only.
struct Deterministic {
    std::string source;                          // IPv6 prefix: the subscribers
    std::string pool;                            // by name; nobody else uses it
    std::uint32_t subscribers_per_address = 14;  // C
    std::uint32_t dynamic = 2;                   // D: shares of an address kept for blocks
    std::uint32_t blocks_per_subscriber = 2;     // M: of the dynamic part
};

/// One element of nat64.stateless.eam (RFC 7757).
struct EamEntry {
    Prefix4 ipv4;
    Prefix6 ipv6;
    bool force = false;  // inside a NAT64 prefix, on purpose
    Origin origin;
};

enum class EamHairpin : std::uint8_t { intrinsic, simple, off };
enum class UdpZeroChecksum : std::uint8_t { compute, drop };

/// What is translated without state (RFC 7915, RFC 7757).
struct Stateless {
    std::vector<PrefixEntry> prefixes;  // RFC 6052, for addresses without an EAM entry
    std::vector<Prefix4> ipv4;          // destinations that these prefixes stand for hosts of
    std::vector<EamEntry> eam;
    EamHairpin hairpin = EamHairpin::intrinsic;
    UdpZeroChecksum udp_zero_checksum = UdpZeroChecksum::compute;
    bool answer_arp = false;  // for the IPv4 addresses of eam and ipv4
    [[nodiscard]] bool on() const { return !prefixes.empty() || !eam.empty(); }
};

enum class Filtering : std::uint8_t { endpoint_independent, address_dependent };
enum class Pooling : std::uint8_t { hard, soft };
enum class IcmpErrors : std::uint8_t { send, rate_limit, off };
enum class ErrorSource : std::uint8_t { router, session };
enum class FragId : std::uint8_t { copy, remap };
enum class Profile : std::uint8_t { standard, strict, unsafe };

struct Lifetimes {  // seconds
    std::uint32_t udp = 300;
    std::uint32_t icmp = 60;
    std::uint32_t tcp_established = 7440;
    std::uint32_t tcp_transitory = 240;
    std::uint32_t tcp_half_open = 240;
    std::uint32_t fragment = 2;
    std::uint32_t port_hold = 120;  // before a released UDP or ICMP port is used again
};

struct Limits {
    std::uint32_t ports_per_subscriber = 2048;  // of each protocol
    std::uint32_t sessions_per_subscriber = 8192;
    std::uint32_t sessions_per_binding = 4096;
    std::uint32_t new_sessions_per_second = 0;  // of one subscriber; 0: no limit
    std::uint32_t stored_syns = 1024;           // of all workers; start-only
    std::uint32_t stored_syns_per_source = 4;
    std::uint32_t ports_held = 0;  // of each worker, at rest after release; 0: as many as bindings
    std::uint32_t ports_per_subscriber_alarm = 0;  // told to the logs; 0: never
};

struct IcmpPolicy {
    IcmpErrors to_ipv6 = IcmpErrors::rate_limit;
    IcmpErrors to_ipv4 = IcmpErrors::rate_limit;
    std::uint32_t rate = 1000;  // errors per second of each family
    std::uint32_t burst = 200;  // errors
    std::uint32_t rate_per_source =
        10;  // errors per second to one source /64 (IPv6) or address (IPv4)
    std::uint32_t burst_per_source = 50;  // errors
    ErrorSource error_source = ErrorSource::router;
    std::vector<Ipv4Addr> rfc6791_pool;
    bool name_routers = false;
};

struct Nat64Config {
    std::vector<PrefixEntry> prefixes;  // empty: the well-known prefix
    std::vector<PoolEntry> pool;
    std::vector<RuleEntry> rules;
    std::vector<StaticEntry> fixed;  // nat64.static
    std::vector<ExcludeEntry> exclude;
    std::vector<UdpTimerEntry> udp_timers;
    PortBlocks port_blocks;
    Deterministic deterministic;
    Stateless stateless;
    std::uint8_t subscriber_prefix_len = 64;  // bits; start-only
    bool wkp_allow_non_global = false;
    std::vector<Prefix4> non_global;  // replaces the built-in table when not empty
    Filtering filtering = Filtering::endpoint_independent;
    Pooling pooling = Pooling::hard;
    bool preserve_parity = true;
    bool drop_external_tcp = false;
    bool drop_icmpv6_info = false;
    bool v4_refresh = true;
    bool tcp_probes = true;
    bool rst_in_fin = true;
    bool drop_tcp_without_session = false;
    Profile profile = Profile::standard;
    std::uint32_t lowest_ipv6_mtu = 1280;  // bytes
    std::uint32_t tcp_mss_clamp_ipv6 = 0;  // bytes of MSS, towards IPv6; 0: off
    std::uint32_t tcp_mss_clamp_ipv4 = 0;  // bytes of MSS, towards IPv4; 0: off
    bool copy_traffic_class = true;        // 6->4: TOS from Traffic Class, else override_tos
    std::uint8_t override_tos = 0;
    bool reset_traffic_class = false;     // 4->6: Traffic Class 0
    bool udp_ipv6_zero_checksum = false;  // forward IPv6 UDP without checksum (RFC 6935 tunnels)
    FragId frag_id = FragId::copy;
    std::uint32_t fragment_memory_kib = 4096;  // per worker; start-only
    Lifetimes lifetimes;
    Limits limits;
    IcmpPolicy icmp;
    /// True when something is to be translated with state.
    [[nodiscard]] bool stateful() const { return !pool.empty() || !fixed.empty(); }
};

struct StaticNeighbour {
    std::string address;  // IPv4 or IPv6, validated
    MacAddr mac;
    std::uint16_t vlan = 0;  // 0: untagged
    Origin origin;
};

struct Route {
    std::string to;   // IPv4 or IPv6 prefix, validated
    std::string via;  // next hop, same family
    Origin origin;
};

/// What stands on the punt interface of a port, or of a VLAN on it.
struct InterfaceConfig {
    std::vector<std::string> addresses;  // "192.0.2.1/24": put on the punt interface
    std::vector<Route> routes;           // installed by way of the punt interface
    std::vector<StaticNeighbour> neighbours;
    Origin origin;
};

/// One element of dataplane.ports[].vlans: a punt interface of its own, named PORT.ID.
struct VlanConfig : InterfaceConfig {
    std::uint16_t id = 0;   // 1 to 4094
    std::uint16_t mtu = 0;  // 0: the port's
};

/// One element of dataplane.ports. All start-only but addresses, routes and neighbours.
struct PortConfig : InterfaceConfig {
    std::string name;  // of the port and of its punt interface in the kernel, at most 15 characters
    std::string device;           // PCI address, or vdev string ("net_af_packet0,iface=eth1")
    std::uint16_t mtu = 1500;     // bytes of IP packet
    std::uint16_t rx_queues = 0;  // 0: one per worker, as far as the device has them
    std::uint16_t descriptors = 1024;
    bool promiscuous = false;
    std::vector<VlanConfig> vlans;
};

enum class Idle : std::uint8_t { automatic, poll, sleep };
enum class Hugepages : std::uint8_t { automatic, yes, no };
enum class UnknownPorts : std::uint8_t { use, rest };

struct DataplaneConfig {
    std::string socket = "/run/isthmus/dataplane.sock";
    std::string socket_group = "isthmus";  // may talk to the socket besides root; empty: root only
    std::vector<std::uint16_t> workers;  // CPUs, one worker each; empty: one worker on the last CPU
    std::uint16_t main_cpu = 0;
    Idle idle = Idle::automatic;
    Hugepages hugepages = Hugepages::automatic;
    std::uint32_t memory_mib = 0;  // for DPDK; 0: as much as the buffers need
    std::string file_prefix = "isthmus";
    std::string punt_netns;  // name of a network namespace; empty: the one we run in
    std::uint32_t max_sessions = 1'000'000;  // of all workers
    std::uint32_t max_bindings = 0;          // 0: as max_sessions
    std::uint32_t max_subscribers = 0;       // 0: a sixteenth of max_bindings, at least 4096
    std::uint32_t max_pool_addresses = 64;
    UnknownPorts unknown_ports = UnknownPorts::use;
    std::uint32_t log_events = 0;  // that wait for isthmus-control; 0: as many as bindings
    std::uint32_t buffers = 0;     // packet buffers; 0: computed from ports and workers
    std::vector<PortConfig> ports;
    std::vector<std::string> eal_args;  // passed on to DPDK as they are
};

struct ControlConfig {
    std::string socket = "/run/isthmus/control/control.sock";
    std::string read_group, read_users;    // may read, besides root; names with commas between
    std::string admin_group, admin_users;  // may change and read, besides root
    std::string state_dir = "/var/lib/isthmus";
    std::string log_level = "info";
    std::vector<LogOutlet> logs;
    LogEvents log;
    Alarms alarms;
    HttpConfig http;
};

/// The whole file.
struct Config {
    Nat64Config nat64;
    DataplaneConfig dataplane;
    ControlConfig control;
    Dns64Config dns64;
    bool has_dns64 = false;
    bool has_dataplane = false;  // the text has that section; a policy alone has not
};

}  // namespace isthmus::config
