#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Static bindings: a server behind the gateway is reached from IPv4; single, in ranges, on an address
# outside the pool; added live over a dynamic binding only by force.
# ids: T-6146-tbl-005 T-6146-tbl-006 T-6146-tbl-007
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
nat64_extra="static = (
  { protocol = \"udp\"; ipv4 = \"203.0.113.1\"; ports = \"7007-7009\"; ipv6 = \"$client_addr\"; ipv6_ports = \"7-9\"; },
  { protocol = \"all\"; ipv4 = \"203.0.113.99\"; ports = \"80\"; ipv6 = \"$client_addr\"; outside_pool = true; } );"
lab_chain
gw_start
spawn_py echo6 client6 udp echo "$client_addr" 8
wait_for 5 "the echo server" grep -q ready "$lab_dir/echo6.log"
py server4 udp ask 203.0.113.1 7008 400
expect_match "show bindings" "static" "$(ctl show bindings --protocol udp)"
lab_spawn web client6 /usr/bin/python3 -m http.server --bind "$client_addr" --directory "$lab_dir/state" 80
wait_for 5 "the web server" lab_listening client6 tcp 80
in_ns server4 curl -sf -m 5 -o /dev/null http://203.0.113.99/
# The host's own packets leave from the binding.
spawn_py who server4 udp who "$server_addr" 4444
wait_for 5 "the server" grep -q ready "$lab_dir/who.log"
py client6 udp flood "$(v6_of "$server_addr")" 4444 1 --from-port 9
lab_join who 5
expect_match "source of port 9" "from 203.0.113.1 7009" "$(cat "$lab_dir/who.log")"
# Over a dynamic binding: refused with the holder's name, done by force.
spawn_py echo server4 udp echo "$server_addr" 7
wait_for 5 "the echo server" grep -q ready "$lab_dir/echo.log"
ask 100
row=$(ctl show bindings --protocol udp --json | grep dynamic | head -n 1)
t=$(/usr/bin/python3 -c 'import json,sys; print(json.loads(sys.argv[1])["t"])' "$row")
port=$(/usr/bin/python3 -c 'import json,sys; print(json.loads(sys.argv[1])["t_id"])' "$row")
expect_status "over a dynamic one" 1 ctl static add udp "$t" "$port" 2001:db8:6::77 53
expect_match "the holder" "held by $client_addr port" "$out"
expect_match "dry run" "would close 1 session and 1 binding of 1 subscriber" \
    "$(ctl static add udp "$t" "$port" 2001:db8:6::77 53 --dry-run)"
expect_match "by force" "closed 1 session" "$(ctl static add udp "$t" "$port" 2001:db8:6::77 53 --force)"
expect_match "the new binding" "2001:db8:6::77 " "$(ctl show bindings --protocol udp)"
ctl static remove udp "$t" "$port"
expect_status "twice" 1 ctl static remove udp "$t" "$port"
expect_status "not in the pool" 1 ctl static add tcp 203.0.113.200 80 2001:db8:6::77
expect_match "the remedy" "outside_pool = true" "$out"
ctl check
