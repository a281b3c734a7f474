#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Port blocks: a subscriber's ports lie in his blocks, which an operator can list.
# ids: T-6888-018 T-6269-001
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
nat64_extra='port_blocks = { size = 128; per_subscriber = 2; hold = 60; };'
lab_chain
gw_start
server_echo
ask 100 --count 40 --spread
blocks=$(ctl show blocks)
expect_match "the block" "2001:db8:6:c::/64" "$blocks"
expect_equal "one block" 2 "$(wc -l <<<"$blocks")"
range=$(ctl_value ports show blocks --sort bindings --limit 1)
ctl show bindings --protocol udp --json | /usr/bin/python3 -c '
import json, sys
first, last = map(int, sys.argv[1].split("-"))
rows = [json.loads(l) for l in sys.stdin]
assert len(rows) == 40, len(rows)
assert all(first <= r["t_id"] <= last for r in rows), (first, last, rows)
' "$range"
expect_match "his ports" "2001:db8:6:c::/64" "$(ctl show subscribers)"
expect_equal "blocks of the subscriber" 1 "$(ctl show subscribers --json | /usr/bin/python3 "$tools/json_value.py" blocks)"
# 256 ports in all, then no more, and the client is told.
py client6 udp flood "$(v6_of "$server_addr")" 7 300
wait_for 3 "refusals" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show drops | grep -c subscriber_blocks)\" = 1 ]"
expect_equal "two blocks" 3 "$(ctl show blocks | wc -l)"
expect_status "size by reload" 1 bash -c "sed -i 's/size = 128/size = 256/' '$(gw_conf)'; '$bin/control/isthmusctl' --socket '$lab_dir/control.sock' reload"
expect_match "start-only" "nat64.port_blocks.size: takes effect only when" "$out"
ctl clear sessions --all
expect_equal "all released" 1 "$(ctl show blocks | wc -l)"
ctl check
