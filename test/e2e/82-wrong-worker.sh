#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packets that a device delivers to the wrong worker are handed over: each flow keeps its order, no
# packet is lost, and nobody but the owner translates. One pool address for two workers: its ports
# are split. The reasons of the hand-overs are counted. (Of sixteen subscribers, the key being drawn, one
# worker has none in one of 32,768 runs.)
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1 ]' pool=203.0.113.1/32
lab_chain
sources=()
for i in {1..16}; do
    sources+=("2001:db8:6:$i::2")
    lab_addr client6 eth0 "2001:db8:6:$i::2/128"
done
gw_start
server_echo
# Every worker knows the next hops' addresses then.
for source in "${sources[@]}"; do ask 64 --from "$source"; done
before=$(ctl_value translated_64.value show counters)
out=$(py client6 order 7 "$(v6_of "$server_addr")" 32 200 "${sources[@]}")
expect_equal "32 flows of 16 subscribers" "sent 6400, lost 0, out of order 0" "$out"
value() { ctl_value "$1.value" show counters; }
over=$(value handed_over)
[ "$over" -gt 1000 ] || fail "only $over packets were handed over: the test tests nothing"
expect_equal "taken over" "$over" "$(value taken_over)"
expect_equal "reasons" "$over" "$(($(value handed_over_subscriber) + $(value handed_over_port) + $(value handed_over_fragment)))"
expect_equal "translated 6 to 4, once each" 6400 "$(($(value translated_64) - before))"
expect_equal "translated 4 to 6, once each" 6400 "$(($(value translated_46) - before))"
for w in 0 1; do
    n=$(ctl_value "$w.subscribers" show workers)
    [ "$n" -ge 1 ] || fail "worker $w has no subscriber"
done
expect_equal "subscribers" 16 "$(($(ctl_value 0.subscribers show workers) + $(ctl_value 1.subscribers show workers)))"
expect_status "the tables agree" 0 ctl check
