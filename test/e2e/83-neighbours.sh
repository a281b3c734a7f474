#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Next hops whose link address is not known: gateways are asked for before anybody sends to them,
# hosts of a connected network are found within milliseconds, and what comes meanwhile is kept. A
# neighbour of the configuration needs no answer at all.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
port4_extra='neighbours = ( { address = "198.19.0.1"; mac = "02:00:00:00:00:44"; } );'
lab_chain
ip -n "$(ns_name server4)" link set eth0 address 02:00:00:00:00:44
for net in 198.18.0.0/17 198.19.0.0/24; do in_ns server4 ip route add local $net dev lo; done
gw_start
value() { ctl_value "$1.value" show counters; }
knows() { ctl show neighbours --json | grep -q "\"$1\""; }

# Nobody has sent a packet yet.
wait_for 5 "the gateway of the IPv4 side" knows 198.51.100.2
wait_for 5 "the gateway of the IPv6 side" knows 2001:db8:6::2
server_echo
ask 64
expect_equal "packets that waited for a gateway" 0 "$(value neighbour_held)"
# As after a link was down.
ip -n "$(ns_name punt)" neigh flush dev p4
wait_for 5 "the gateway again" knows 198.51.100.2

# The kernel keeps a gateway alive while a route leads to it, and not longer.
kept() { ip -n "$(ns_name punt)" neigh show dev p4 | grep -q "$1.*managed"; }
not_kept() { ! kept "$1"; }
ip -n "$(ns_name punt)" route add 192.0.2.0/24 via 198.51.100.6 dev p4 onlink
wait_for 5 "the second gateway to be kept" kept 198.51.100.6
ip -n "$(ns_name punt)" route del 192.0.2.0/24
wait_for 5 "nobody to keep the second gateway" not_kept 198.51.100.6
kept 198.51.100.2 || fail "the first gateway is not kept any more"

# A connected network of many hosts.
ip -n "$(ns_name punt)" route add 198.18.0.0/15 dev p4
to_strangers() { # FIRST HOSTS EACH [PAUSE]
    : >"$lab_dir/sink.log"
    spawn_py sink server4 strangers sink 9 $(($2 * $3))
    wait_for 5 "the sink" grep -q ready "$lab_dir/sink.log"
    py client6 strangers send 9 "$(v6_of "$1")" "${@:2}"
    lab_join sink
    out=$(tail -n 1 "$lab_dir/sink.log")
    say "$2 hosts, $3 packets for each: $out"
}
to_strangers 198.18.1.0 1 200
expect_match "200 packets for a host that nobody knows" "^lost 0," "$out"
to_strangers 198.18.2.0 500 1
expect_match "500 hosts that nobody knows, at once" "^lost 0," "$out"
expect_equal "packets without room" 0 "$(drops neighbour_queue_full)"
# The least of many: this machine has other work, too.
to_strangers 198.18.8.0 30 1 20
delay=${out#*least delay } delay=${delay%.*}
[ "$delay" -lt 4 ] || fail "no host was found within 4 ms: $out"
# Hosts that are not there do not keep others from being found.
py client6 strangers send 9 "$(v6_of 198.18.200.0)" 400 1
to_strangers 198.18.9.0 20 1
expect_match "20 hosts among 400 that are not there" "^lost 0," "$out"

held=$(value neighbour_held)
to_strangers 198.19.0.1 1 50
expect_match "a neighbour of the configuration" "^lost 0," "$out"
expect_equal "packets that waited for it" "$held" "$(value neighbour_held)"
