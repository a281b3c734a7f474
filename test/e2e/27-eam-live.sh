#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The EAM table is edited while it is used: nobody else notices, what contradicts itself is refused
# whole, and a host that loses its entry becomes a subscriber like others.
# ids: T-7757-001 T-7757-002
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
nat64_extra="stateless: { eam = ( { ipv4 = \"203.0.113.65\"; ipv6 = \"$client_addr\"; } ); };"
lab_chain
gw_start
in_ns server4 ping -c 1 -W 2 203.0.113.65
ping_long() { in_ns server4 ping -i 0.05 -c 60 -W 1 203.0.113.65 >"$lab_dir/long.log"; }
ping_long &
for i in 1 2 3 4 5; do
    sed -i "s|eam = (|eam = ( { ipv4 = \"203.0.113.10$i\"; ipv6 = \"2001:db8:6:e::$i\"; },|" "$(gw_conf)"
    ctl reload
done
wait $!
expect_match "a flow through five reloads" " 0% packet loss" "$(cat "$lab_dir/long.log")"
expect_match "the table" "203.0.113.105/32 +2001:db8:6:e::5/128" "$(ctl show stateless)"

# Refused: the line and the remedy; what ran goes on.
cp "$(gw_conf)" "$lab_dir/good.conf"
sed -i "s|eam = (|eam = ( { ipv4 = \"203.0.113.65\"; ipv6 = \"2001:db8:6:e::9\"; },|" "$(gw_conf)"
expect_status "a prefix twice" 1 ctl reload
expect_match "its line" "isthmus.conf:[0-9]+: EAM entry 203.0.113.65/32 .* repeats a prefix of 203.0.113.65/32 .* \(line [0-9]+\)" "$out"
cp "$lab_dir/good.conf" "$(gw_conf)"
sed -i "s|eam = (|eam = ( { ipv4 = \"203.0.113.8\"; ipv6 = \"2001:db8:6:e::9\"; },|" "$(gw_conf)"
expect_status "a pool address" 1 ctl reload
expect_match "the overlap" "overlaps pool entry 203.0.113.0/28" "$out"
cp "$lab_dir/good.conf" "$(gw_conf)"
sed -i "s|eam = (|eam = ( { ipv4 = \"203.0.113.64/26\"; ipv6 = \"2001:db8:6:f::/122\"; },|" "$(gw_conf)"
expect_match "an overlap is said" "overlaps .* \(line [0-9]+\): the longest prefix decides" "$(ctl reload 2>&1)"
in_ns server4 ping -c 1 -W 2 203.0.113.65
expect_equal "the longest prefix" "$client_addr" "$(ctl_value maps_to show stateless --map 203.0.113.65)"

# Without its entry the host gets a pool address, and IPv4 cannot reach it any more.
sed -i "/stateless: /d" "$(gw_conf)"
ctl reload
expect_status "no entry" 1 in_ns server4 ping -c 1 -W 1 203.0.113.65
spawn_py who server4 udp who "$server_addr" 4444
wait_for 5 "the server" grep -q ready "$lab_dir/who.log"
py client6 udp flood "$(v6_of "$server_addr")" 4444 1 --from-port 777
lab_join who 5
expect_match "source" "from 203.0.113.([0-9]|1[0-5]) " "$(cat "$lab_dir/who.log")"
# And by command: it is back at once, and shown; a dry run changes nothing.
ctl eam add 203.0.113.65 "$client_addr" --dry-run
expect_equal "a dry run" 0 "$(ctl show stateless --count)"
ctl eam add 203.0.113.65 "$client_addr"
in_ns server4 ping -c 1 -W 2 203.0.113.65
expect_status "twice" 1 ctl eam add 203.0.113.65 2001:db8:6:e::9
expect_match "why not" "repeats a prefix" "$out"
ctl eam remove "$client_addr"
expect_status "removed" 1 in_ns server4 ping -c 1 -W 1 203.0.113.65
expect_status "no entry to remove" 1 ctl eam remove 203.0.113.65
ctl check
