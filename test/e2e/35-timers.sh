#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Timers end to end, short ones (profile "unsafe"): sessions end, pings and half-open connections too; an idle
# connection is probed and lives when its host answers; longer timers given live keep what is there.
# ids: T-6146-udp-003 T-6146-tbl-004 T-6146-tcp-023 T-6146-tcp-025 T-4787-002
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
timers='udp = 2; icmp = 2; tcp_established = 2; tcp_transitory = 6; tcp_half_open = 2; port_hold = 0;'
nat64_extra="profile = \"unsafe\"; lifetimes: { $timers };"
lab_chain
gw_start
server_echo
spawn_py accept server4 meet accept "$server_addr" 80
wait_for 5 "the TCP server" grep -q ready "$lab_dir/accept.log"
bindings() { ctl show bindings --count --protocol "$1"; }
gone() { [ "$(bindings "$1")" = 0 ]; }
spawn_py connect client6 meet connect "$(v6_of "$server_addr")" 80 7
ask 100
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
in_ns client6 timeout 1 bash -c "exec 3<>/dev/tcp/$(v6_of 8.8.8.8)/80" || true
expect_equal "UDP" 1 "$(bindings udp)"
expect_equal "ping" 1 "$(bindings icmp)"
expect_equal "TCP" 2 "$(bindings tcp)"
wait_for 9 "UDP to end" gone udp
wait_for 9 "the ping to end" gone icmp
wait_for 9 "the half-open connection to end" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show bindings --count --protocol tcp)\" = 1 ]"
# Longer ones, live: they count for what is there.
ask 100
timers=${timers/udp = 2/udp = 600} timers=${timers/half_open = 2/half_open = 600}
nat64_extra="profile = \"unsafe\"; lifetimes: { $timers };"
gw_write_conf
ctl reload
in_ns client6 timeout 1 bash -c "exec 3<>/dev/tcp/$(v6_of 8.8.8.8)/80" || true
lab_join connect 15
expect_match "after seven idle seconds" "again" "$(cat "$lab_dir/connect.log")"
probes=$(ctl show counters | awk '$1 == "tcp_probes_sent" { print $2 }')
[ "$probes" -gt 0 ] || fail "no probe was sent"
sleep 2
expect_equal "it lives on" 1 "$(bindings udp)"
# Shorter ones: what they close is said before.
sed -i 's/half_open = 600/half_open = 1/' "$(gw_conf)"
expect_match "half-open" "would close 1 session and 1 binding of 1 subscriber" "$(ctl reload --dry-run)"
sed -i 's/udp = 600/udp = 2/' "$(gw_conf)"
expect_match "and UDP" "would close 2 sessions and 2 bindings of 1 subscriber" "$(ctl reload --dry-run)"
ctl reload
wait_for 9 "the shorter timer" gone udp
ctl check
