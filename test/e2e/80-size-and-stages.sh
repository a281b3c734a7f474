#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a configuration takes is known before anything is taken, and refused with the same words at
# start; where the cycles go is shown while packets flow.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
dp=$bin/dataplane/isthmus-dataplane
expect_status "size" 0 "$dp" --size --sessions 2M --pool 16 --workers 2
expect_match "size" "2,000,000 sessions, 16 pool addresses, 2 workers" "$out"
expect_match "size" "1,032,192 of each protocol" "$out"
expect_status "size, one of each" 0 "$dp" --size --sessions 1.5m --pool 1 --workers 1
expect_match "size, one of each" "1,500,000 sessions, 1 pool address, 1 worker$" "$out"
for wrong in "--sessions 2X" "--sessions 0" "--sessions 201M" "--sessions -1" "--sessions 1..5M" "--sessions 1e6" \
    "--sessions 18446744073709551617" "--pool 0" "--pool 1025" "--pool 10.0.0.0/24" "--workers 0" "--workers 65"; do
    # shellcheck disable=SC2086 # two words
    expect_status "size $wrong" 2 "$dp" --size $wrong
    expect_match "size $wrong: what is wrong" "${wrong% *}: \"${wrong#* }\"" "$out"
done
expect_status "too many" 1 "$dp" --size --sessions 200M --pool 1024 --workers 64
words=$(grep -o 'does not fit: NUMA node 0 needs' <<<"$out") || fail "too many: $out"
workers='[ 0, 1 ]'
dataplane_extra='log_events = 67108864; max_bindings = 200000000;'
lab_chain
gw_write_conf
expect_status "start" 1 in_ns gw "$dp" -c "$(gw_conf)"
expect_match "start" "$words" "$out"
expect_match "start says what to do" "lower dataplane.max_sessions" "$out"
sed -i 's/max_bindings = 200000000;//; s/log_events = 67108864;//' "$(gw_conf)"
gw_start
server_echo
ask 200 --count 200 --spread
text=$(ctl show workers)
expect_match "show workers" "TSC cycles for a packet" "$text"
expect_match "its instruction set" "instructions.*x86-64" "$(tr '\n' ' ' <<<"$text")"
expect_match "show workers" "receive +read +lookup +send +transmit +housekeeping" "$text"
for stage in read lookup send; do
    n=$(($(ctl_value "0.stages.$stage.packets" show workers) + $(ctl_value "1.stages.$stage.packets" show workers)))
    [ "$n" -ge 400 ] || fail "stage $stage saw $n packets"
    [ "$(ctl_value "0.stages.$stage.cycles" show workers)" -gt 0 ] || fail "stage $stage took no cycles"
done
