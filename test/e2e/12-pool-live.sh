#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Addresses are added to and removed from the pool while it is used.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_status "overlap" 1 ctl pool add 203.0.113.3
expect_status "nonsense" 1 ctl pool add banana
expect_status "an address of this host" 1 ctl pool add 198.51.100.0/30
expect_match "an address of this host" "^isthmusctl: nothing was changed: pool entry 198.51.100.0/30 contains 198.51.100.1, which this host uses itself" "$out"
ctl static add tcp 203.0.113.1 80 2001:db8:6:c::9 >/dev/null
expect_status "a port twice" 1 ctl static add tcp 203.0.113.1 80 2001:db8:6:c::8
expect_no_match "a port twice" "line" "$out"
ctl static remove tcp 203.0.113.1 80 >/dev/null
expect_match "who changed what" "static.remove tcp 203.0.113.1:80 by root: changed nat64.static" "$(cat "$lab_dir/control.log")"
ctl pool add 203.0.113.64/27
ctl pool remove 203.0.113.70
expect_equal "an entry with a hole is five" 6 "$(ctl show config | grep -o "{ addresses" | wc -l)"
ctl pool remove 203.0.113.64-203.0.113.95
ctl pool add 203.0.113.32/30
ctl pool remove 203.0.113.0/28
wait_for 5 "the old sessions to go" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show sessions --count)\" = 0 ]"
in_ns client6 ping -c 2 -W 2 "$(v6_of "$server_addr")"
expect_match "the new address" "203.0.113.3[2-5]" "$(ctl show sessions)"
expect_status "the last ones" 1 ctl pool remove 203.0.113.32/30
