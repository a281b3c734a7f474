#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reload --confirm goes back by itself: in time, with control killed in between, and with its state damaged.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
new_pool() { ctl show config | grep -q 203.0.113.32/28; }
old_pool() { ctl show pools | grep -q '203.0.113.1 ' && ! new_pool; }
sed -i "s|203.0.113.0/28|203.0.113.32/28|" "$(gw_conf)"
expect_match "reload" "goes back in 1 s unless" "$(ctl reload --confirm 1)"
new_pool || fail "the new pool does not run"
expect_match "status" "waits_for_confirmation" "$(ctl status)"
expect_status "another change meanwhile" 1 ctl pool add 203.0.113.64
expect_match "another change meanwhile" "isthmusctl confirm" "$out"
wait_for 4 "the old pool" old_pool
expect_match "history" "isthmus-control +rollback: reload by root was not confirmed within 1 s" "$(ctl show history)"
# Control dies while the change waits.
ctl reload --confirm 2
lab_stop control KILL
sleep 2
gw_start_control
wait_for 4 "the old pool after control died" old_pool
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
# Confirmed, it stays.
ctl reload --confirm 2
expect_match "confirm" "confirmed" "$(ctl confirm)"
sleep 2.2
new_pool || fail "a confirmed change went back"
# Control's state is damaged while it is dead: it starts, and the file rules.
lab_stop control KILL
head -c 100 /dev/urandom >"$lab_dir/state/running-policy.conf"
head -c 100 /dev/urandom >"$lab_dir/state/waiting.json"
for f in "$lab_dir"/state/history/*.json; do : >"$f"; done
gw_start_control
new_pool || fail "the file does not rule"
expect_match "the log" "is damaged" "$(cat "$lab_dir/control.log")"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
