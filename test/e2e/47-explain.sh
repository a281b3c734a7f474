#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# explain says what would become of a packet; then the packet is sent, and that is what becomes of it.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
workers='[ ]'
nat64_extra='limits = { ports_per_subscriber = 3; };
    exclude = ( { destination = "198.51.100.128/25"; } );'
gw_write_conf
gw_start
server_echo

z6=$(v6_of "$server_addr")
verdict() { ctl explain "$@" | sed -n 's/^verdict  *//p'; }

# A new subscriber: nothing is there yet, the next hop was resolved when its route came.
knows_gateway() { ctl explain "$client_addr" to "$z6" udp 7 | grep -q '198.51.100.2, known'; }
wait_for 5 "the gateway's link address" knows_gateway
text=$(ctl explain "$client_addr" to "$z6" udp 7)
expect_match "prefix" "^prefix +$pref64 for $server_addr\$" "$text"
expect_match "subscriber" "^subscriber +2001:db8:6:c::/64, worker 0; none of its bindings live" "$text"
expect_match "quota" "^left +3 ports, 8192 sessions" "$text"
expect_match "binding" "^binding +would be made: $client_addr port 49152 <-> 203.0.113.[0-9]+, port from" "$text"
expect_match "route" "^route +0.0.0.0/0 by p4" "$text"
expect_match "neighbour" "^neighbour +198.51.100.2, known, [0-9a-f:]{17}" "$text"
expect_match "verdict" "^verdict +would pass\$" "$text"
expect_equal "bindings after asking" 0 "$(ctl show bindings --count)"
ask 50 --count 1

# Its binding is there now; both ways through it would pass.
row=$(ctl show sessions --protocol udp --json)
x_id=$(grep -o '"x_id":[0-9]*' <<<"$row" | cut -d: -f2)
t=$(grep -o '"t":"[^"]*"' <<<"$row" | cut -d'"' -f4)
t_id=$(grep -o '"t_id":[0-9]*' <<<"$row" | cut -d: -f2)
text=$(ctl explain "[$client_addr]:$x_id" '->' "$z6" udp 7 | sed 's/idle for [0-9]* s/idle for 0 s/')
expect_match "binding" "^binding +there: $client_addr port $x_id <-> $t port $t_id \(dynamic, 1 session\)" "$text"
expect_match "session" "^session +open, idle for [0-9]+ s" "$text"
expect_match "neighbour" "^neighbour +198.51.100.2, known, [0-9a-f:]{17}" "$text"
expect_match "verdict" "^verdict +would pass\$" "$text"
expect_equal "one text, with an arrow" "$text" "$(ctl explain "[$client_addr]:$x_id -> $z6 udp 7" | sed 's/idle for [0-9]* s/idle for 0 s/')"
text=$(ctl explain --from "$server_addr:7" --to "$t:$t_id" udp)
expect_match "way back" "^binding +there: $client_addr port $x_id" "$text"
expect_match "way back" "^route +2001:db8:6:(:/(48|64)|c::2/128) by p6" "$text"
expect_match "way back" "^verdict +would pass\$" "$text"

# Refusals: said, and then counted.
too_big=$(verdict "$client_addr" "$z6" udp 7 --bytes 1600)
expect_match "too big" "would be dropped: too_big .*; its sender gets an ICMP error" "$too_big"
expect_match "excluded" "dropped: excluded" "$(verdict "$client_addr" "$(v6_of 198.51.100.129)" tcp 443)"
expect_equal "a count" 0 "$(drops excluded)"
in_ns client6 curl -s -m 1 "http://[$(v6_of 198.51.100.129)]/" >"$lab_dir/curl.out" || true
[ "$(drops excluded)" -gt 0 ] || fail "excluded was said and did not happen"
expect_match "no binding" "dropped: no_binding" "$(verdict --from "$server_addr:9" --to 203.0.113.4:2000 --protocol udp)"
in_ns server4 bash -c 'echo stray >/dev/udp/203.0.113.4/2000'
wait_for 3 "the stray packet to be dropped" eval '[ "$(drops no_binding)" = 1 ]'
for _ in 1 2; do ask 50 --count 1 >"$lab_dir/asks"; done # each from a port of its own: the quota is used up
expect_match "quota" "dropped: subscriber_ports" "$(verdict "$client_addr" "$z6" udp 7)"
in_ns client6 bash -c "echo one more >/dev/udp/$z6/7"
wait_for 3 "the fourth port to be refused" eval '[ "$(drops subscriber_ports)" = 1 ]'
expect_equal "to the gateway itself" "not translated: goes to the kernel" "$(verdict "$client_addr" "$gw6_addr" tcp 22)"
expect_equal "for programs" dropped "$(ctl_value verdict explain --from "$server_addr:9" --to 203.0.113.4:2000)"

# What makes no sense is a sentence.
expect_status "the shell's redirection" 2 ctl explain "$client_addr" - tcp 443
expect_match "the shell's redirection" "explain SOURCE to DESTINATION" "$out"
expect_status "no address" 2 ctl explain 2001:db8::x "$z6" tcp 443
expect_status "two families" 1 ctl explain "$client_addr" 192.0.2.1 tcp 443
expect_match "two families" "64:ff9b::203.0.113.7" "$out"
expect_status "no port" 2 ctl explain "$client_addr" "$z6" tcp
expect_match "no port" "the port that the packet goes to" "$out"
