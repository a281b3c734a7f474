#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A dataplane that stands still, or is killed, delays nobody who does not need it, and is asked again by itself.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
kill -STOP "${lab_pid[dataplane]}"
lab_spawn list gw bash -c "'$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show sessions; echo status \$?"
for i in 1 2 3 4 5 6; do lab_spawn "wait$i" gw "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" show pools; done
began=$(date +%s%N)
ctl show config >"$lab_dir/config.txt"
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -lt 700 ] || fail "show config took $took ms beside requests that wait for the dataplane"
expect_match "the policy" "203.0.113.0/28" "$(cat "$lab_dir/config.txt")"
began=$(date +%s%N)
expect_match "status" "state: away" "$(ctl status)"
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -lt 2500 ] || fail "status took $took ms"
expect_status "a change" 5 ctl pool add 203.0.113.64
expect_match "a change" "nothing was changed: .*does not answer" "$out"
expect_no_match "the policy" "203.0.113.64" "$(ctl show config)"
lab_join list 10
expect_match "a list" "status 5" "$(cat "$lab_dir/list.log")"
expect_match "a list" "the dataplane does not answer" "$(cat "$lab_dir/list.log")"
kill -CONT "${lab_pid[dataplane]}"
wait_for 5 "the dataplane to be seen again" gw_policy_runs
ctl pool add 203.0.113.64
expect_match "the pool" "203.0.113.64" "$(ctl show pools)"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
for i in 1 2 3 4 5 6; do lab_join "wait$i" 10 || true; done
