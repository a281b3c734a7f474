// SPDX-License-Identifier: Apache-2.0
#include "common/config/schema_rows.h"

namespace isthmus::config {

namespace {

// A row has as many words as it has, and a table as many rows.
// NOLINTBEGIN(readability-function-size)
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

}  // namespace

void nat64_rows(Rows& rows) {
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
    rows.number("nat64.icmp", "burst_per_source", 1, 1000000, false, "errors",
                "to one that heard nothing for a while",
                ISTHMUS_FIELD(nat64.icmp.burst_per_source));
    rows.choice(
        "nat64.icmp", "error_source", {"router", "session"}, false,
        "source of translated ICMPv4 errors: the router that sent them, or the session's remote",
        ISTHMUS_FIELD(nat64.icmp.error_source));
    rows.boolean(
        "nat64.icmp", "name_routers", false,
        "without state: errors that leave from rfc6791_pool, or from an interface instead, "
        "carry the IPv6 router's address (RFC 6791 section 4, RFC 5837)",
        ISTHMUS_FIELD(nat64.icmp.name_routers));
}

// NOLINTEND(readability-function-size)

}  // namespace isthmus::config
