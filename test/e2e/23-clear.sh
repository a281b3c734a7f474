#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Clearing: one session, one remote, one subscriber, one pool address, all; each says how many.
# ids: T-9693-006
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1 ]'
lab_chain
gw_start
server_echo
count() { ctl show sessions --count; }
ask 100 --count 20 --spread
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_equal "sessions" 21 "$(count)"
row=$(ctl show sessions --protocol udp --json | head -n 1)
words=$(/usr/bin/python3 -c 'import json,sys; r=json.loads(sys.argv[1]); print(r["protocol"], r["x"], r["x_id"], r["z"], r["z_id"])' "$row")
# Previews close nothing.
# shellcheck disable=SC2086 # five words
expect_match "preview of one" "would close 1 session and 1 binding of 1 subscriber$" "$(ctl clear sessions --session $words --dry-run)"
expect_match "preview of a remote" "would close 20 sessions and 20 bindings of 1 subscriber$" \
    "$(ctl clear sessions --remote "$server_addr" --protocol udp --dry-run)"
expect_match "preview of a subscriber" "would close 21 sessions and 21 bindings of 1 subscriber$" \
    "$(ctl clear sessions --subscriber 2001:db8:6:c::/64 --dry-run)"
expect_match "preview of a stranger" "would close 0 sessions and 0 bindings of 0 subscribers$" \
    "$(ctl clear sessions --subscriber 2001:db8:6:dead::/64 --dry-run)"
expect_equal "preview of all, as JSON" 21 "$(ctl_value sessions clear sessions --all --dry-run)"
expect_equal "as many as before" 21 "$(count)"
# shellcheck disable=SC2086 # five words
expect_match "one" "closed 1 session and 1 binding in [0-9.]+ ms" "$(ctl clear sessions --session $words)"
expect_equal "one less" 20 "$(count)"
expect_match "by protocol" "closed 1 session " "$(ctl clear sessions --remote "$server_addr" --protocol icmp)"
expect_match "another subscriber" "closed 0 sessions" "$(ctl clear sessions --subscriber 2001:db8:6:dead::/64)"
expect_match "the subscriber" "closed 19 sessions and 19 bindings" "$(ctl clear sessions --subscriber 2001:db8:6:c::/64)"
ask 100 --count 10 --spread
t=$(ctl show bindings --json | head -n 1 | /usr/bin/python3 "$tools/json_value.py" t)
expect_match "the address" "closed 10 sessions and 10 bindings" "$(ctl clear sessions --pool-address "$t")"
ask 100 --count 30 --spread
expect_match "all" "closed 30 sessions and 30 bindings in" "$(ctl clear sessions --all)"
expect_equal "nothing" 0 "$(ctl show bindings --count)"
expect_status "nothing said" 2 ctl clear sessions
expect_status "two things" 2 ctl clear sessions --all --remote "$server_addr"
expect_status "not ours" 1 ctl clear sessions --pool-address 192.0.2.1
ask 100
ctl check
