// SPDX-License-Identifier: Apache-2.0
// Every drop has a reason, and a reason is one row of kDrops: counters, CLI, metrics and the manual
// are made from this table. A reason without a row, or in another order, does not compile.
//
// Names are for operators: stable once released. `source` is the clause that demands the drop, or
// "ours" where the standards leave the choice.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace isthmus {

enum class Drop : std::uint8_t {
    none,
    // the frame and its headers
    frame_malformed,
    foreign_mac,
    l3_truncated,
    ipv4_bad_version,
    ipv4_bad_checksum,
    ipv4_bad_options,
    ipv4_source_route,
    ipv6_bad_version,
    ipv6_jumbogram,
    ext_header_limit,
    ext_header_after_fragment,
    routing_segments_left,
    l4_truncated,
    udp_bad_length,
    udp_zero_checksum,
    tcp_tiny_fragment,
    hop_limit,
    // addresses
    source_illegal,
    source_in_pref64,
    source_in_pool4,
    destination_illegal,
    wkp_non_global,
    source_unmapped,
    not_translated,
    no_policy,
    // protocols and ICMP
    protocol_unsupported,
    icmp_unsupported,
    icmp_bad_checksum,
    icmp_inner_malformed,
    icmp_inner_is_error,
    icmp_extension_malformed,
    icmp_no_mapping,
    icmp_info_refused,
    // size
    too_big,
    fragment_too_big,
    // fragments
    fragment_icmp,
    fragment_overlap,
    fragment_bad_length,
    fragment_memory,
    fragment_source_share,
    fragment_timeout,
    // state
    no_binding,
    filtered,
    tcp_not_syn,
    tcp_external_refused,
    tcp_syn_stored,
    tcp_syn_store_full,
    pool4_exhausted,
    binding_table_full,
    session_table_full,
    subscriber_table_full,
    subscriber_ports,
    subscriber_sessions,
    subscriber_rate,
    subscriber_blocks,
    log_path_down,
    excluded,
    binding_sessions,
    hairpin_loop,
    // the way out
    no_route,
    no_neighbour,
    neighbour_queue_full,
    no_buffer,
    tx_full,
    // handing over and punting
    handover_full,
    punt_full,
    punt_policed,
    count_
};

struct DropInfo {
    Drop id;
    std::string_view name, help, source;
};

inline constexpr auto kDrops = std::to_array<DropInfo>({
    {Drop::none, "none", "not dropped", "-"},
    {Drop::frame_malformed, "frame_malformed",
     "Ethernet or VLAN header cut short, or a broken buffer chain from the device", "ours"},
    {Drop::foreign_mac, "foreign_mac", "frame for the link address of another host",
     "RFC 1812 s5.3.4"},
    {Drop::l3_truncated, "l3_truncated", "IP header or its length field does not fit in the frame",
     "RFC 1812 s5.2.2, RFC 8200 s3"},
    {Drop::ipv4_bad_version, "ipv4_bad_version",
     "version is not 4, or header length below five words", "RFC 1812 s5.2.2"},
    {Drop::ipv4_bad_checksum, "ipv4_bad_checksum", "IPv4 header checksum is wrong",
     "RFC 1812 s5.2.2"},
    {Drop::ipv4_bad_options, "ipv4_bad_options",
     "an IPv4 option has length 0 or 1 or runs past the header", "RFC 791 s3.1"},
    {Drop::ipv4_source_route, "ipv4_source_route", "unexpired source route option; ICMPv4 3/5 sent",
     "RFC 7915 s4.1"},
    {Drop::ipv6_bad_version, "ipv6_bad_version", "version is not 6", "RFC 8200 s3"},
    {Drop::ipv6_jumbogram, "ipv6_jumbogram", "payload length 0 with headers to follow", "RFC 2675"},
    {Drop::ext_header_limit, "ext_header_limit",
     "IPv6 header chain is too long, or not whole in the first fragment; ICMPv6 4/3 sent",
     "RFC 7112 s5"},
    {Drop::ext_header_after_fragment, "ext_header_after_fragment",
     "extension header behind the Fragment Header; ICMPv6 1/1 sent", "RFC 7915 s5.1.1"},
    {Drop::routing_segments_left, "routing_segments_left",
     "Routing header with segments left; ICMPv6 4/0 sent", "RFC 7915 s5.1"},
    {Drop::l4_truncated, "l4_truncated", "TCP, UDP or ICMP header cut short", "RFC 6146 s3.4"},
    {Drop::udp_bad_length, "udp_bad_length", "UDP length below 8 or past the packet", "RFC 768"},
    {Drop::udp_zero_checksum, "udp_zero_checksum",
     "UDP without checksum where it cannot be, or by policy must not be, computed",
     "RFC 7915 s4.5, RFC 8200 s8.1"},
    {Drop::tcp_tiny_fragment, "tcp_tiny_fragment",
     "fragment that would overwrite the TCP header, or a first one too short to hold it",
     "RFC 1858 s3.2, s4.2"},
    {Drop::hop_limit, "hop_limit", "TTL or Hop Limit used up; Time Exceeded sent",
     "RFC 7915 s4.1, s5.1"},
    {Drop::source_illegal, "source_illegal", "source address that no unicast packet may have",
     "RFC 1812 s5.3.7, RFC 7915 s5.1, RFC 3927 s7"},
    {Drop::source_in_pref64, "source_in_pref64",
     "IPv6 source inside a NAT64 prefix: a loop or a forgery", "RFC 6146 s3.5"},
    {Drop::source_in_pool4, "source_in_pool4",
     "IPv4 source is one of our pool addresses, arriving from outside", "ours"},
    {Drop::destination_illegal, "destination_illegal",
     "destination is multicast, broadcast, loopback or link-local: never translated",
     "RFC 7915 s1.2, RFC 3927 s7"},
    {Drop::wkp_non_global, "wkp_non_global", "non-global IPv4 address behind the well-known prefix",
     "RFC 6052 s3.1"},
    {Drop::source_unmapped, "source_unmapped",
     "source without a mapping, to a destination that is translated without state; ICMPv6 1/1 or "
     "ICMPv4 3/13 sent",
     "RFC 7915 s6"},
    {Drop::not_translated, "not_translated",
     "destination is neither behind a NAT64 prefix, nor in the pool, nor our own", "RFC 6146 s3.5"},
    {Drop::no_policy, "no_policy", "no policy has been received from isthmus-control yet", "ours"},
    {Drop::protocol_unsupported, "protocol_unsupported",
     "transport other than TCP, UDP, ICMP; ICMPv6 1/4 or ICMPv4 3/2 sent", "RFC 6146 s3.4"},
    {Drop::icmp_unsupported, "icmp_unsupported",
     "ICMP type or code that has no counterpart in the other family", "RFC 7915 s4.2, s5.2"},
    {Drop::icmp_bad_checksum, "icmp_bad_checksum", "ICMP error with a wrong checksum",
     "RFC 5508 REQ-3"},
    {Drop::icmp_inner_malformed, "icmp_inner_malformed",
     "the packet that an ICMP error quotes is too short or not fit to find its session",
     "RFC 6146 s3.4"},
    {Drop::icmp_inner_is_error, "icmp_inner_is_error", "ICMP error that quotes an ICMP error",
     "RFC 7915 s4.3, s5.3"},
    {Drop::icmp_extension_malformed, "icmp_extension_malformed",
     "ICMP extension length points past the message", "RFC 4884 s5"},
    {Drop::icmp_no_mapping, "icmp_no_mapping", "ICMP error about a packet of no session of ours",
     "RFC 5508 REQ-4, REQ-5"},
    {Drop::icmp_info_refused, "icmp_info_refused", "IPv6 echo refused by policy (drop_icmpv6_info)",
     "RFC 6146 s3.5.3"},
    {Drop::too_big, "too_big",
     "larger than the next link and not to be fragmented; Packet Too Big or 3/4 sent",
     "RFC 7915 s1.4, s4.1"},
    {Drop::fragment_too_big, "fragment_too_big",
     "later fragment larger than the next link and not to be cut", "RFC 7915 s1.4"},
    {Drop::fragment_icmp, "fragment_icmp", "fragmented ICMP where it cannot be reassembled",
     "RFC 7915 s1.2"},
    {Drop::fragment_overlap, "fragment_overlap", "overlapping fragments: the whole datagram goes",
     "RFC 5722"},
    {Drop::fragment_bad_length, "fragment_bad_length",
     "empty fragment, one ending past 65,535, or, with state, not a multiple of 8",
     "RFC 8200 s4.5"},
    {Drop::fragment_memory, "fragment_memory", "no memory left to hold a fragment",
     "RFC 6146 s3.4"},
    {Drop::fragment_source_share, "fragment_source_share",
     "one source holds its whole share of the fragment memory", "RFC 4787 REQ-14"},
    {Drop::fragment_timeout, "fragment_timeout", "held fragment whose first one never came",
     "RFC 6146 s4"},
    {Drop::no_binding, "no_binding", "IPv4 packet to a pool address and port that nobody uses",
     "RFC 6146 s3.5.1"},
    {Drop::filtered, "filtered", "remote address not yet contacted (address-dependent filtering)",
     "RFC 6146 s3.5.1"},
    {Drop::tcp_not_syn, "tcp_not_syn", "TCP segment without SYN and without a binding",
     "RFC 6146 s3.5.2.2"},
    {Drop::tcp_external_refused, "tcp_external_refused",
     "TCP connection from the IPv4 side refused by policy (drop_external_tcp)",
     "RFC 6146 s3.5.2.2"},
    {Drop::tcp_syn_stored, "tcp_syn_stored",
     "SYN from the IPv4 side held for six seconds, not forwarded", "RFC 6146 s3.5.2.2"},
    {Drop::tcp_syn_store_full, "tcp_syn_store_full",
     "SYN from the IPv4 side that could not be held", "RFC 5382 REQ-4"},
    {Drop::pool4_exhausted, "pool4_exhausted", "no free port left; ICMPv6 1/3 sent",
     "RFC 6146 s3.5.1.1"},
    {Drop::binding_table_full, "binding_table_full", "binding table is full; ICMPv6 1/3 sent",
     "RFC 6146 s5.3"},
    {Drop::session_table_full, "session_table_full", "session table is full; ICMPv6 1/3 sent",
     "RFC 6146 s5.3"},
    {Drop::subscriber_table_full, "subscriber_table_full",
     "subscriber table is full; ICMPv6 1/3 sent", "RFC 6146 s5.3"},
    {Drop::subscriber_ports, "subscriber_ports", "subscriber has used its ports; ICMPv6 1/3 sent",
     "RFC 6888 REQ-4"},
    {Drop::subscriber_sessions, "subscriber_sessions",
     "subscriber has used its sessions; ICMPv6 1/3 sent", "RFC 6888 REQ-5"},
    {Drop::subscriber_rate, "subscriber_rate", "subscriber creates sessions too fast",
     "RFC 6888 REQ-5"},
    {Drop::subscriber_blocks, "subscriber_blocks",
     "subscriber has used its port blocks; ICMPv6 1/3 sent", "RFC 6888 REQ-4"},
    {Drop::log_path_down, "log_path_down",
     "the record of a new binding or block could not be kept, and the policy is to refuse it then; "
     "ICMPv6 1/3 sent",
     "RFC 6888 s4"},
    {Drop::excluded, "excluded", "destination excluded from translation; ICMPv6 1/1 sent",
     "RFC 6888 REQ-6"},
    {Drop::binding_sessions, "binding_sessions", "binding has used its sessions", "RFC 6888 REQ-5"},
    {Drop::hairpin_loop, "hairpin_loop", "a hairpinned packet that would be hairpinned again",
     "RFC 6146 s3.8"},
    {Drop::no_route, "no_route", "no route to the destination leaves by a port of ours",
     "RFC 1812 s5.2.7"},
    {Drop::no_neighbour, "no_neighbour", "the next hop did not answer ARP or Neighbour Discovery",
     "RFC 4861 s7.2.2"},
    {Drop::neighbour_queue_full, "neighbour_queue_full",
     "too many packets wait for the next hop's link address", "RFC 4861 s7.2.2"},
    {Drop::no_buffer, "no_buffer", "no packet buffer free for a fragment or an ICMP error", "ours"},
    {Drop::tx_full, "tx_full", "the port's transmit queue did not take the packet", "ours"},
    {Drop::handover_full, "handover_full", "ring to the owning worker is full", "ours"},
    {Drop::punt_full, "punt_full", "ring to the kernel is full", "ours"},
    {Drop::punt_policed, "punt_policed", "more packets for the kernel than their class may send",
     "ours"},
});

inline constexpr std::size_t kDropCount = static_cast<std::size_t>(Drop::count_);

/// True when row i describes enumerator i, for all of them.
template <typename Table>
[[nodiscard]] constexpr bool table_is_complete(const Table& table, std::size_t want) {
    if (table.size() != want) return false;
    for (std::size_t i = 0; i < table.size(); i++) {
        if (static_cast<std::size_t>(table[i].id) != i) return false;
    }
    return true;
}
static_assert(table_is_complete(kDrops, kDropCount));

[[nodiscard]] constexpr const DropInfo& info_of(Drop d) {
    return kDrops[static_cast<std::size_t>(d)];
}

}  // namespace isthmus
