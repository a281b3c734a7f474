#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool address is drained: what lives goes on, nothing new comes, it leaves when empty or at the
# deadline. Prefixes come and go. What a change closes is said before.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
pool=203.0.113.1/32
lab_chain
gw_start
server_echo
spawn_py stream client6 udp stream "$(v6_of "$server_addr")" 7 6 50
wait_for 5 "the stream's session" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show sessions --count)\" -gt 0 ]"
expect_status "the last address" 1 ctl pool drain 203.0.113.1
ctl pool add 203.0.113.2
ctl pool drain 203.0.113.1
expect_match "draining" "203.0.113.1 .*draining" "$(ctl show pools)"
ask 100 --count 5 --spread
expect_equal "the old address" 1 "$(ctl show bindings --json | grep -c '"203.0.113.1"')"
expect_equal "the new address" 5 "$(ctl show bindings --json | grep -c '"203.0.113.2"')"
lab_join stream 20
expect_match "nothing was lost" "lost 0" "$(cat "$lab_dir/stream.log")"
ctl pool undrain 203.0.113.1
expect_no_match "undrained" "draining" "$(ctl show pools)"
ctl pool drain 203.0.113.1
expect_match "preview" "would close 1 session and 1 binding of 1 subscriber" "$(ctl pool remove 203.0.113.1 --dry-run)"
ctl clear sessions --pool-address 203.0.113.1
wait_for 5 "the address to leave" bash -c "! '$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show pools | grep -q '203.0.113.1 '"
# At its deadline it goes with what lives on it.
ctl pool add 203.0.113.3
ctl pool drain 203.0.113.2 --deadline 1s
wait_for 6 "the deadline" bash -c "! '$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show pools | grep -q '203.0.113.2 '"
ask 100
# Prefixes: a second one lives, and takes its sessions with it.
ctl prefix add 2001:db8:65::/96
lab_route client6 2001:db8:65::/96 via "$gw6_addr"
in_ns client6 ping -c 1 -W 2 2001:db8:65::c633:640a
expect_match "preview" "would close 1 session and 1 binding" "$(ctl prefix remove 2001:db8:65::/96 --dry-run)"
ctl prefix remove 2001:db8:65::/96
expect_status "gone" 1 in_ns client6 ping -c 1 -W 1 2001:db8:65::c633:640a
expect_status "the last prefix" 1 ctl prefix remove "$pref64"
ask 100
ctl check
