#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three workers on two CPUs with one pool address, at devices that know nothing of owners: each flow keeps its order,
# fragments and ICMP errors find the owner, subscribers meet through the pool, and every packet that was received is
# translated, dropped for a reason or handed over and taken over.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1, 0 ]' pool=203.0.113.1/32
lab_chain
sources=()
for i in {1..12}; do
    sources+=("2001:db8:6:$i::2")
    lab_addr client6 eth0 "2001:db8:6:$i::2/128"
done
gw_start
server_echo
for source in "${sources[@]}"; do ask 64 --from "$source"; done
value() { ctl_value "$1.value" show counters; }
before=$(value translated_64)
out=$(py client6 order 7 "$(v6_of "$server_addr")" 24 100 "${sources[@]}")
expect_equal "24 flows of 12 subscribers" "sent 2400, lost 0, out of order 0" "$out"
expect_equal "translated 6 to 4, once each" 2400 "$(($(value translated_64) - before))"
for source in "${sources[@]:0:4}"; do ask 3000 --from "$source" --count 2; done
expect_equal "an ICMP error finds the owner" ECONNREFUSED \
    "$(py client6 meet refused "$(v6_of "$server_addr")" 9 --from "${sources[5]}")"
spawn_py reflect server4 meet reflect "$server_addr" 3478
wait_for 5 "the mirror" grep -q ready "$lab_dir/reflect.log"
expect_match "everybody meets everybody" "^30 pairs met" \
    "$(py client6 meet hairpin "$pref64" "$server_addr" 3478 "${sources[@]:0:6}")"
[ "$(value handed_over)" -gt 1000 ] || fail "only $(value handed_over) packets were handed over: the test tests nothing"
expect_equal "taken over" "$(value handed_over)" "$(value taken_over)"
n=0
for w in 0 1 2; do n=$((n + $(ctl_value "$w.subscribers" show workers))); done
expect_equal "subscribers of the three" 12 "$n"
expect_equal "each has ports of the one address" 3 \
    "$(ctl show workers --json | /usr/bin/python3 -c 'import json,sys; print(sum(1 for w in json.load(sys.stdin) if w["ports_free"] > 0))')"
expect_status "the tables agree" 0 ctl check
