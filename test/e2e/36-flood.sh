#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One subscriber floods (UDP flows of one packet, SYNs, fragments), an IPv4 host floods SYNs to nobody: caps
# hold, and another subscriber's traffic, also new flows and fragments, passes untouched.
# ids: T-6146-sec-001 T-6269-003 T-6146-frag-004 T-6146-tcp-012
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
nat64_extra='limits: { ports_per_subscriber = 300; sessions_per_subscriber = 400; stored_syns = 64; };'
dataplane_extra='max_bindings = 2048; max_subscribers = 512;'
lab_chain
gw_start
server_echo
ask 100
# Another subscriber all the while: a stream, and datagrams in pieces each way, each of a new flow.
spawn_py stream client6 udp stream "$(v6_of "$server_addr")" 7 8 50
spawn_py pieces client6 udp ask "$(v6_of "$server_addr")" 7 3000 --count 250 --spread --once --pause 0.02
for kind in udp syn fragment; do py client6 flows flood "$kind" "$pref64" 8.8.8.8 6000 --rate 4000; done
py server4 flows flood syn4 "$pref64" 203.0.113.3 4000 --rate 4000
for reason in subscriber_ports fragment_source_share tcp_syn_store_full; do
    [ "$(drops $reason)" -gt 0 ] || fail "no drop for $reason"
done
expect_equal "UDP ports of the flooding one" 300 "$(ctl show subscribers --json | grep -o '"udp_ports": *300' | grep -o '[0-9]*$')"
expect_match "TCP too" '"tcp_ports": *100' "$(ctl show subscribers --json)"
[ "$(drops subscriber_sessions)" -gt 0 ] || fail "no drop for its sessions"
ask 1000 --count 3 --spread
lab_join stream 20
expect_equal "the other subscriber's stream" "sent 400 lost 0" "$(cat "$lab_dir/stream.log")"
lab_join pieces 10 || fail "the other subscriber's new flows: $(cat "$lab_dir/pieces.log")"
ctl check
