#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Explicit address mappings beside a stateful NAT64: hosts with entries keep their addresses in both
# directions, IPv4 opens too, two of them and a subscriber reach each other by IPv4 addresses.
# ids: T-7757-002 T-7757-003 T-6791-001 T-6791-003 T-7915-4to6-040
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
r6=1
other_addr=2001:db8:6:d::2
plain_addr=2001:db8:6:c::99 # of client6 too, without an entry
nat64_extra="icmp: { rfc6791_pool = ( \"203.0.113.78\" ); };
    stateless: { eam = (
        { ipv4 = \"203.0.113.65\"; ipv6 = \"$client_addr\"; },
        { ipv4 = \"203.0.113.72/30\"; ipv6 = \"2001:db8:6:d::/126\"; } ); };"
lab_chain
lab_ns other6
lab_wire r6a host1 other6 eth0
lab_addr r6a host1 2001:db8:6:d::1/64
lab_addr other6 eth0 "$other_addr/64"
lab_route other6 default via 2001:db8:6:d::1
lab_addr client6 eth0 "$plain_addr/64"
gw_start

# IPv6 opens: the server sees the entry's address and the port as it was.
spawn_py who server4 udp who "$server_addr" 4444
wait_for 5 "the server" grep -q ready "$lab_dir/who.log"
py client6 udp flood "$(v6_of "$server_addr")" 4444 1 --from-port 777 --from "$client_addr"
lab_join who 5
expect_match "source" "from 203.0.113.65 777" "$(cat "$lab_dir/who.log")"
in_ns client6 ping -c 2 -i 0.2 -W 2 -I "$client_addr" "$(v6_of "$server_addr")"

# IPv4 opens: ping, a page, fragments, and a router without an IPv4 address on the way.
in_ns server4 ping -c 2 -i 0.2 -W 2 203.0.113.65
in_ns server4 ping -c 2 -i 0.2 -W 2 203.0.113.74
head -c 200000 /dev/urandom >"$lab_dir/page"
for ns in client6 other6; do
    lab_spawn "web_$ns" "$ns" /usr/bin/python3 -m http.server 80 --bind :: --directory "$lab_dir"
done
wait_for 15 "the web servers" eval 'lab_listening client6 tcp 80 && lab_listening other6 tcp 80'
in_ns server4 curl -sS -m 10 -o "$lab_dir/got" http://203.0.113.65/page
cmp "$lab_dir/page" "$lab_dir/got"
spawn_py echo6 client6 udp echo "$client_addr" 7
wait_for 5 "the echo server" grep -q ready "$lab_dir/echo6.log"
py server4 udp ask 203.0.113.65 7 3000
path=$(in_ns server4 traceroute -n -q 1 -w 2 203.0.113.65)
printf '%s\n' "$path"
expect_match "the gateway" "^ 1  $gw4_addr " "$path"
expect_match "a router without a mapping" "^ 2  203.0.113.78 " "$path"
expect_match "the host" "^ 3  203.0.113.65 " "$path"

# Hairpins: two hosts with entries; and a subscriber of the stateful NAT64, whose replies come back.
in_ns client6 curl -sS -m 10 --interface "$client_addr" -o "$lab_dir/got" "http://[$(v6_of 203.0.113.74)]/page"
cmp "$lab_dir/page" "$lab_dir/got"
expect_match "who asked" "$(v6_of 203.0.113.65)" "$(cat "$lab_dir/web_other6.log")"
in_ns client6 curl -sS -m 10 --interface "$plain_addr" -o "$lab_dir/got" "http://[$(v6_of 203.0.113.74)]/page"
cmp "$lab_dir/page" "$lab_dir/got"
expect_match "a session for the subscriber alone" "$plain_addr .*203.0.113.74" "$(ctl show sessions --protocol tcp)"
expect_no_match "none for hosts with entries" "$client_addr " "$(ctl show sessions)"
path=$(in_ns client6 traceroute -n -q 1 -w 2 -s "$client_addr" "$(v6_of 203.0.113.74)")
printf '%s\n' "$path"
expect_match "the far end of a hairpin" "$(v6_of 203.0.113.74) " "$(tail -n 1 <<<"$path")"

# What the operator sees.
table=$(ctl show stateless)
printf '%s\n' "$table"
expect_match "the table" "eam +203.0.113.72/30 +2001:db8:6:d::/126" "$table"
expect_equal "a mapping" 203.0.113.74 "$(ctl_value maps_to show stateless --map "$other_addr")"
expect_equal "and back" "$other_addr" "$(ctl_value maps_to show stateless --map 203.0.113.74)"
expect_status "no address" 1 ctl show stateless --map banana
[ "$(ctl_value stateless_64.value show counters)" -gt 10 ] || fail "stateless_64 counts too little"
[ "$(ctl_value stateless_46.value show counters)" -gt 10 ] || fail "stateless_46 counts too little"
ctl check
