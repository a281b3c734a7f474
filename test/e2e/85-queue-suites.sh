#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One pool address for two workers (its ports are split), and the injected packets of tests 71, 72 and 77 on queues
# of our choice: all at worker 0, all at worker 1, and in turns, so that the fragments of one packet, and an error
# and its flow, arrive at different workers. What comes out is the same, octet by octet.
# ids: T-6146-frag-011 T-7915-4to6-035 T-6146-hair-001
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
# shellcheck source=test/e2e/queues.sh
. "$(dirname "$0")/queues.sh"
lab_begin
nat64_extra="$inject_static $inject_errors"
queues_gateway memif
value() { ctl_value "$1.value" show counters; }
inject_on() { # QUEUES GROUP...
    local queues=$1
    shift
    INJECT_SETTLE=0.005 INJECT_MACS="$queue_mac6 $queue_mac4" /usr/bin/python3 "$tools/inject/run.py" \
        "queues:$queues" "$lab_dir/q6" "$gw_mac6" "queues:$queues" "$lab_dir/q4" "$gw_mac4" "$@" ||
        fail "on queues $queues: not translated as they should be"
}
inject_on 0 fragments mapping
inject_on 1 fragments mapping
# What becomes of these depends on which piece comes first: not ours to say with two queues.
INJECT_EXCEPT="exact duplicates|overlapping pieces" inject_on 0,1 fragments mapping icmp46
for reason in subscriber port fragment; do
    [ "$(value "handed_over_$reason")" -ge 20 ] || fail "handed over as a $reason's: $(value "handed_over_$reason")"
done
expect_equal "taken over" "$(value handed_over)" "$(value taken_over)"
expect_status "the tables agree" 0 ctl check
