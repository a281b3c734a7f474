#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A collector that takes the connection and reads nothing more (SIGSTOP), under load: packets, new bindings,
# the operator's socket and the other log go on; the spool fills to its limit and not beyond; what is lost is
# told to the collector itself when it reads again.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; },
      { type = \"syslog\"; transport = \"tcp\"; address = \"127.0.0.1\"; port = 5514; spool_mib = 1; } );
    log = { mark_seconds = 1; waiting_most = 2000; };"
nat64_extra='lifetimes: { port_hold = 0; }; limits: { ports_per_subscriber = 60000; sessions_per_subscriber = 60000; };'
spawn_py collector gw collector tcp 127.0.0.1:5514 "$lab_dir/syslog.txt"
wait_for 10 "the collector" grep -q ready "$lab_dir/collector.log"
gw_start
server_echo
ask 50 --count 1 >"$lab_dir/asked"
wait_for 5 "the first record" grep -q binding_created "$lab_dir/syslog.txt"
tcp_log() { ctl_value "outlets.1.$1" show logs; }

for pid in $(ip netns pids "$(ns_name gw)"); do
    grep -qz "collector" "/proc/$pid/cmdline" && kill -STOP "$pid" && stopped=$pid
done
loses() {
    py client6 udp flood "$(v6_of "$server_addr")" 9 1500
    ctl clear sessions --all >/dev/null
    [ "$(tcp_log lost)" -gt 0 ]
}
wait_for 40 "the spool to be full" loses
[ "$(tcp_log spooled_bytes)" -le 1048576 ] || fail "the spool has $(tcp_log spooled_bytes) bytes, more than its limit"
[ "$(du -sb "$lab_dir/state/log-spool" | cut -f1)" -le 1200000 ] || fail "the spool takes more of the disk than its limit"
begin=$(date +%s%N)
ctl status >/dev/null
took=$((($(date +%s%N) - begin) / 1000000))
[ "$took" -lt 2500 ] || fail "status took $took ms beside a collector that stands still"
ask 50 --count 3 >"$lab_dir/asked"
expect_equal "refused for the log" 0 "$(drops log_path_down)"

kill -CONT "$stopped"
told() { grep -q ' gap \[nat64@32473 .*where="control"' "$lab_dir/syslog.txt"; }
wait_for 20 "the gap, told to the collector" told
empty() { [ "$(tcp_log spooled_bytes)" = 0 ] && [ "$(ctl_value waiting show logs)" = 0 ]; }
wait_for 20 "the spool to be empty" empty
lost=$(tcp_log lost)
said=$(grep -o ' gap \[nat64@32473 .*where="control"[^]]*' "$lab_dir/syslog.txt" | grep -o 'lost="[0-9]*"' | grep -o '[0-9]*' | awk '{ n += $1 } END { print n }')
expect_equal "records that the gaps tell" "$lost" "$said"
expect_equal "lost by the other log" 0 "$(ctl_value outlets.0.lost show logs)"
/usr/bin/python3 "$tools/log_proof.py" "$lab_dir/nat.json"
