#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A dataplane that was killed, and one that ended in order, know at the next start which ports were in use: nobody
# gets them before port_hold has passed, and packets for their last users come to nobody.
# ids: T-6888-022
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
nat64_text="prefixes = [ \"$pref64\" ]; pool = ( { addresses = \"203.0.113.7\"; ports = \"2000-2007\"; } );"
nat64_extra='profile = "unsafe"; preserve_parity = false; lifetimes: { port_hold = 5; };'
lab_chain
gw_start
server_echo

# Ports of the pool that the bindings use, sorted.
used() { ctl show bindings --json | grep -o '203\.0\.113\.7:[0-9]*\|"t_id": *[0-9]*' | grep -o '[0-9]*$' | sort -u; }
restart() { # SIGNAL
    lab_stop dataplane "$1" 10
    gw_start_dataplane
    wait_for 15 "the policy to run in the dataplane" gw_policy_runs
    wait_for 5 "the links" gw_links_up
}

for port in 100 101 102 103 104; do ask "$port"; done
before=$(used)
expect_equal "ports in use" 5 "$(wc -w <<<"$before")"
restart KILL
expect_match "the new process says so" "on 1 addresses, rest" "$(cat "$lab_dir/dataplane.log")"
for port in 200 201 202; do ask "$port"; done
after=$(used)
expect_equal "ports that were free" 3 "$(wc -w <<<"$after")"
expect_equal "no port of before among them" "" "$(comm -12 <(echo "$before") <(echo "$after"))"
ask 203 2>/dev/null && fail "a ninth port"
expect_match "refused" "pool4_exhausted" "$(ctl show drops)"
wait_for 12 "the ports of before" ask 204
# The second restart, in order.
before=$(used)
restart TERM
ask 300
expect_equal "a port of before" "" "$(comm -12 <(echo "$before") <(used))"
ctl check
