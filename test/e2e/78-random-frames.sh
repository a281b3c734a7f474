#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Valid frames with spoilt bits, lengths, offsets and headers, and plain noise, on both sides: nothing malformed leaves,
# the tables stay sound, an honest host's packets pass meanwhile octet by octet, the next packet is translated as ever.
# ISTHMUS_FUZZ_SECONDS: how long; 3.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
nat64_extra="limits = { stored_syns = 0; };" # an answer six seconds later would come into the last cases
inject_begin
seed=${ISTHMUS_SEED:-$RANDOM} # printed: the same again with ISTHMUS_SEED=N
seconds=${ISTHMUS_FUZZ_SECONDS:-3}
spawn_py watch4 a4 frame_watch eth0 "$(mac_of g4)" $((seconds + 2))
spawn_py watch6 a6 frame_watch eth0 "$(mac_of g6)" $((seconds + 2))
wait_for 5 "the watchers" grep -q ready "$lab_dir/watch4.log" "$lab_dir/watch6.log"
spawn_py fuzz6 a6 frame_fuzz eth0 "$(mac_of g6)" 6 2001:db8:6:c::2 2001:db8:64::c000:221 "$seconds" "$seed"
spawn_py fuzz4 a4 frame_fuzz eth0 "$(mac_of g4)" 4 192.0.2.33 203.0.113.1 "$seconds" "$((seed + 1))"
/usr/bin/python3 "$tools/inject/flow.py" "$(ns_name a6)" eth0 "$(mac_of g6)" "$(ns_name a4)" eth0 "$(mac_of g4)" "$seconds" ||
    fail "the honest host's flow (seed $seed)"
lab_join fuzz6 15 || fail "the IPv6 side"
lab_join fuzz4 15 || fail "the IPv4 side"
lab_join watch4 15 || fail "what left on the IPv4 side (seed $seed): $(cat "$lab_dir/watch4.log")"
lab_join watch6 15 || fail "what left on the IPv6 side (seed $seed): $(cat "$lab_dir/watch6.log")"
grep -h '^s' "$lab_dir"/fuzz[46].log "$lab_dir"/watch[46].log
lab_alive dataplane || fail "the dataplane is gone (seed $seed)"
for side in 4 6; do
    [ "$(awk '/^saw/ { print $2 }' "$lab_dir/watch$side.log")" -gt 100 ] || fail "hardly anything left on side $side"
done
ctl check
inject headers46 headers64
