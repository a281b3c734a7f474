#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each process killed with SIGKILL in the midst of its work: a reload, a change that waits, a clear, a
# list, the rotation of a log. What comes back is one policy or the other, whole, the same in control,
# in the dataplane and on disk; the log has every record once, or says what is missing.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; max_size_mib = 1; max_files = 20; } ); log = { mark_seconds = 1; };"
dataplane_extra='log_events = 65536;'
nat64_extra='lifetimes: { port_hold = 0; }; limits: { ports_per_subscriber = 60000; sessions_per_subscriber = 60000; };'
gw_start
server_echo
pools() { ctl show pools --json | grep -o '"address": "[^"]*"' | sort -u | wc -l; }
one_policy() { # WHAT: all agree on one of two policies
    local n
    wait_for 15 "one policy after $1" gw_policy_runs
    n=$(pools)
    [ "$n" = 16 ] || [ "$n" = 8 ] || fail "$1: the pool has $n addresses"
    expect_match "$1: what control wants" "203.0.113.0/$([ "$n" = 16 ] && echo 28 || echo 29)\"" "$(ctl show config)"
    expect_match "$1: what is on disk" "203.0.113.0/$([ "$n" = 16 ] && echo 28 || echo 29)\"" "$(cat "$lab_dir/state/running-policy.conf")"
    ask 50 --count 1 >"$lab_dir/asked"
}
other_pool() { # the file gets the other one of the two
    if grep -q 203.0.113.0/28 "$(gw_conf)"; then sed -i 's|203.0.113.0/28|203.0.113.0/29|' "$(gw_conf)"; else sed -i 's|203.0.113.0/29|203.0.113.0/28|' "$(gw_conf)"; fi
}
soon() { sleep "0.00$((RANDOM % 10))"; }

for round in 1 2 3 4; do
    other_pool
    (ctl reload >/dev/null 2>&1 || true) &
    soon
    lab_stop control KILL
    wait $!
    gw_start_control
    one_policy "control killed in a reload ($round)"
done
for round in 1 2; do
    other_pool
    (ctl reload >/dev/null 2>&1 || true) &
    soon
    lab_stop dataplane KILL
    wait $!
    gw_start_dataplane
    one_policy "the dataplane killed in a reload ($round)"
done

# A change that waits for its confirmation, while the dataplane dies: it goes back all the same.
before=$(pools)
other_pool
ctl reload --confirm 2 >/dev/null
lab_stop dataplane KILL
gw_start_dataplane
is_as_before() { gw_policy_runs && [ "$(pools)" = "$before" ]; }
wait_for 8 "the policy before the change" is_as_before
one_policy "the dataplane killed while a change waited"

# A clear and a list of many, cut short from either side.
for _ in 1 2 3 4; do py client6 udp flood "$(v6_of "$server_addr")" 9 3000; done
wait_for 5 "the sessions" eval '[ "$(ctl show sessions --count)" -ge 6000 ]'
(ctl show sessions --json >"$lab_dir/list" 2>"$lab_dir/list.err" || echo "status $?" >>"$lab_dir/list.err") &
sleep 0.03
lab_stop control KILL
wait $!
[ ! -s "$lab_dir/list.err" ] || expect_match "a list cut short says so" "status [1-5]" "$(cat "$lab_dir/list.err")"
expect_equal "broken rows" 0 "$(grep -vc '^{.*}$' "$lab_dir/list" || true)"
gw_start_control
(ctl clear sessions --all >"$lab_dir/clear" 2>&1 || true) &
soon
lab_stop control KILL
wait $!
gw_start_control
expect_match "the tables after half a clear" "every invariant holds" "$(ctl check)"
one_policy "control killed in a clear"

# The log is rotated under load, and control killed meanwhile: no line is broken, no record missing or twice.
for round in 1 2 3; do
    py client6 udp flood "$(v6_of "$server_addr")" 9 6000
    soon
    lab_stop control KILL
    gw_start_control
done
ctl clear sessions --all >/dev/null
drained() { [ "$(ctl_value waiting show logs)" = 0 ] && sleep 1.5 && [ "$(ctl_value waiting show logs)" = 0 ]; }
wait_for 15 "the log to be written" drained
[ -e "$lab_dir/nat.json.1" ] || fail "the log was never rotated"
/usr/bin/python3 "$tools/log_proof.py" "$lab_dir"/nat.json*
lab_stop dataplane KILL
gw_start_dataplane
one_policy "the end"
wait_for 5 "the log to know of the dataplane's death" grep -q '"dataplane_started".*"before":"' "$lab_dir/nat.json"
