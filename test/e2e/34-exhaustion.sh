#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool without a free port is a normal state: who asks for more hears 1/3, what lives goes on, nothing is
# closed for it, other protocols have their own ports; with room it goes on. The same of a subscriber's share.
# ids: T-6146-udp-015 T-6888-004 T-6888-012 T-6888-013 T-6888-015
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
other=2001:db8:6:d::2
pool='203.0.113.1"; ports = "1024-1087'
nat64_extra='lifetimes: { port_hold = 0; }; limits: { ports_per_subscriber = 60; }; icmp: { to_ipv6 = "send"; };'
lab_chain
lab_addr client6 eth0 "$other/128"
gw_start
server_echo
bindings() { ctl show bindings --count --protocol udp; }
from_other() { py client6 udp ask "$(v6_of "$server_addr")" 7 100 --from "$other" "$@"; }
from_other --count 3 --spread
spawn_py stream client6 udp stream "$(v6_of "$server_addr")" 7 4 50
wait_for 5 "the stream's session" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show bindings --count --protocol udp)\" = 4 ]"
# The subscriber's share: 59 more, then 1/3; the other one still gets his.
py client6 udp flood "$(v6_of "$server_addr")" 9 59
expect_equal "its share" 63 "$(bindings)"
expect_equal "above its share" EHOSTUNREACH "$(py client6 meet refused "$(v6_of "$server_addr")" 7)"
[ "$(drops subscriber_ports)" -gt 0 ] || fail "no drop for the share"
from_other
# Now no port is left to anybody.
expect_equal "the whole pool" 64 "$(bindings)"
expect_equal "no port left" EHOSTUNREACH "$(py client6 meet refused "$(v6_of "$server_addr")" 7 --from "$other")"
[ "$(drops pool4_exhausted)" -gt 0 ] || fail "no drop for the pool"
in_ns client6 ping -c 1 -W 2 -I "$other" "$(v6_of "$server_addr")"
lab_join stream 15
expect_match "the stream" "lost 0" "$(cat "$lab_dir/stream.log")"
expect_equal "nothing was closed" 64 "$(bindings)"
ctl check
# A little room, and it goes on.
ctl clear sessions --subscriber 2001:db8:6:c::/64
from_other
ask 100
ctl check
