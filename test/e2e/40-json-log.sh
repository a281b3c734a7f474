#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The JSON log: bindings, sessions and pairings with subscriber, address and port, in order; a log
# that another control goes on with after kill -9, under load, without a number missing; rotation; a
# full disk, after which what was lost is said, and nothing else is; a log that refuses.
# ids: T-6269-002 T-8158-013
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
eval "usual_$(declare -f lab_at_exit)"
lab_at_exit() {
    usual_lab_at_exit "$1"
    umount -l "$small" 2>/dev/null || true
}
small=$lab_dir/small
mkdir "$small"
mount -t tmpfs -o size=8m tmpfs "$small"
nat64_log=$lab_dir/log/nat.json
control_extra="logs = ( { type = \"json\"; file = \"$nat64_log\"; max_size_mib = 1; max_files = 9; },
                    { type = \"json\"; file = \"$small/nat.json\"; } );
    log = { sessions = true; mark_seconds = 1; waiting_most = 4000; };"
dataplane_extra='log_events = 32768;'
gw_start
server_echo
log_check() { /usr/bin/python3 "$tools/json_log.py" "$@"; }
ask 64 --count 3 --spread
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")" >/dev/null

wait_for 20 "records of 4 bindings" log_check "$nat64_log" bindings 4 "$client_addr" 203.0.113.
log_check "$nat64_log" same-as-shown "$(ctl show bindings --json)"
wait_for 20 "a record of a session" grep -q '"event":"session_created".*"z":"198.51.100.10","z_id":7' "$nat64_log"
wait_for 20 "a record of the pairing" grep -q '"event":"address_bound".*"x":"2001:db8:6:c::/64"' "$nat64_log"
wait_for 20 "a mark" grep -q '"event":"mark"' "$nat64_log"
expect_match "show logs" "json-0 +up +[0-9]+ +0 +0 +$nat64_log" "$(ctl show logs)"
expect_match "show logs" "0 gaps with 0 lost records" "$(ctl show logs)"

# Numbers that are none acknowledge nothing, and the dataplane lives on.
instance=$(grep -o '"instance":"[0-9a-f]*"' "$nat64_log" | tail -n 1)
for wrong in '"ack": "x"' '"ack": {"0": 1}' '"ack": [[1]]' '"after": 7' '"after": [-1, 1e99]' '"most": -1' '"most": 99999999999'; do
    expect_match "events.take with $wrong" '"result"' "$(py gw rpc "$lab_dir/dataplane.sock" events.take "{$instance, $wrong}")"
done

# The pool address is taken away: what was bound ends, and the log says so.
ctl pool add 203.0.113.64 >/dev/null
ctl pool remove "$pool" >/dev/null
wait_for 20 "a record of a removed binding" grep -q '"event":"binding_removed"' "$nat64_log"

# Killed while 1500 bindings are made; the rings keep what nobody fetched.
flood() { py client6 udp flood "$(v6_of "$server_addr")" 7 "$@"; }
lab_spawn load client6 /usr/bin/python3 "$tools/udp.py" ask "$(v6_of "$server_addr")" 7 64 --count 1500 --spread
sleep 0.3
lab_stop control KILL
printf '{"time":"2026-11-25T10:00:00.000Z","event":"binding_cr' >>"$nat64_log" # half a line, as a crash leaves it
sleep 0.3
gw_start_control
lab_join load 30
wait_for 20 "2800 records" log_check "$nat64_log" no-gap 2800
expect_no_match "gap records" '"event":"gap"' "$(cat "$nat64_log")"
[ "$(log_check "$nat64_log" twice)" = 0 ] || fail "records came twice"

# The second log's disk is full: its records wait, then are lost, and it says which.
other_log_down() { [ "$(ctl_value outlets.1.state show logs)" = down ]; }
other_log_up() { [ "$(ctl_value outlets.1.state show logs)" = up ]; }
head -c 8m /dev/zero >"$small/filler" 2>/dev/null || true
flood 1900
wait_for 20 "the log on the full disk to be down" other_log_down
expect_match "why" "No space left" "$(ctl show logs)"
for n in 1 2 3; do
    ctl clear sessions --all >/dev/null
    flood 1900
    sleep 0.3
done
lost() { [ "$(ctl_value outlets.1.lost show logs)" -gt 0 ]; }
wait_for 20 "lost records" lost
rm "$small/filler"
wait_for 20 "the log to take records again" other_log_up
wait_for 20 "a gap record" grep -q '"event":"gap".*"where":"control"' "$small/nat.json"
ask 64 --spread
wait_for 20 "all that is missing to be said" log_check "$small/nat.json" gaps-said
log_check "$nat64_log" no-gap 9000
[ -f "$nat64_log.1" ] || fail "1 MiB and more of records, and the log was not rotated"

# Records that nobody fetches before a clean stop are in the log, and the stop too.
lab_stop control TERM
expect_match "the last line" '"event":"log_stopped"' "$(tail -n 1 "$nat64_log")"

# An operator who wants no translation without a log.
sed -i 's/mark_seconds = 1;/mark_seconds = 1; when_down = "refuse";/' "$(gw_conf)"
gw_start_control
ask 64
head -c 8m /dev/zero >"$small/filler" 2>/dev/null || true
flood 1900
wait_for 20 "the log on the full disk to be down" other_log_down
refused() { flood 20 && [ "$(drops log_path_down)" -gt 0 ]; }
wait_for 20 "refused bindings" refused
rm "$small/filler"
wait_for 20 "the log to take records again" other_log_up
sleep 0.5
ask 64 --count 3 --spread

# Keys that make no sense.
sed 's/type = "json"/type = "jason"/' "$(gw_conf)" >"$lab_dir/wrong.conf"
expect_status "a kind of log that there is not" 1 "$bin/control/isthmus-control" -c "$lab_dir/wrong.conf" --check
expect_match "it says which there are" "json" "$out"
