#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Alarms: a pool that is nearly used up, a subscriber with many ports, many bindings; each once, in the
# JSON log, by syslog as a warning, and by IPFIX as libfixbuf's ipfixDump reads it. Off they say nothing.
# ids: T-8158-007 T-7659-002 T-7422-007 T-7659-003
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
pool='203.0.113.1"; ports = "1024-1151' # 128 ports
nat64_extra='lifetimes: { port_hold = 0; }; limits: { ports_per_subscriber = 100; ports_per_subscriber_alarm = 40; };'
control_extra="logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; },
      { type = \"syslog\"; transport = \"unix\"; address = \"$lab_dir/log.sock\"; },
      { type = \"ipfix\"; transport = \"tcp\"; address = \"127.0.0.1\"; port = 4740; } );
    alarms = { pool_high = 75; bindings_high = 60; subscribers_high = 2; quiet_seconds = 10; };"
spawn_py tcp gw ipfix_sink 127.0.0.1 4740 "$lab_dir/tcp.ipfix"
spawn_py syslog gw collector unix "$lab_dir/log.sock" "$lab_dir/syslog.txt"
wait_for 10 "the IPFIX collector" grep -q ready "$lab_dir/tcp.log"
wait_for 10 "the syslog collector" grep -q ready "$lab_dir/syslog.log"
gw_start
server_echo
alarms() { grep -c '"event":"threshold_reached"' "$lab_dir/nat.json" || true; }
alarm() { grep -Eq "\"event\":\"threshold_reached\".*$1" "$lab_dir/nat.json"; }
py client6 udp flood "$(v6_of "$server_addr")" 9 39
sleep 2.2 # two looks of control
expect_equal "alarms below each threshold" 0 "$(alarms)"
py client6 udp flood "$(v6_of "$server_addr")" 9 10
wait_for 5 "the subscriber's alarm" alarm '"threshold":"subscriber_ports_high","protocol":"udp","x":"2001:db8:6:c::(/64|2)","limit":40'
py client6 udp flood "$(v6_of "$server_addr")" 9 48
wait_for 5 "the pool's alarm" alarm '"limit":75,"pool":"default","pool_id":0,"threshold":"pool_high","value":7[5-9]'
wait_for 5 "the bindings' alarm" alarm '"limit":60,"threshold":"bindings_high"'
sleep 1.2
expect_equal "alarms, each once" 3 "$(alarms)"
expect_no_match "subscribers" 'subscribers_high' "$(cat "$lab_dir/nat.json")"
# The limit itself: refused, and counted (RFC 7659 s3.1.1).
py client6 udp flood "$(v6_of "$server_addr")" 9 5
[ "$(drops subscriber_ports)" -ge 1 ] || fail "nothing was refused above the limit"
wait_for 5 "the quota by JSON" grep -q '"event":"quota_exceeded".*"reason":"subscriber_ports","limit":100' "$lab_dir/nat.json"
lab_stop control TERM # what was sent is at the collectors
expect_match "by syslog, a warning" '^<132>1 .* threshold_reached \[nat64@32473 .*threshold="pool_high"' "$(cat "$lab_dir/syslog.txt")"
ipfixDump --in "$lab_dir/tcp.ipfix" >"$lab_dir/dump.txt"
for want in 'addressPoolHighThreshold.* 75$' 'addressPortMappingHighThreshold.* 60$' \
    'addressPortMappingPerUserHighThreshold.* 40$' 'natThresholdEvent.* 4$' 'natEvent.* 18$'; do
    expect_match "by ipfixDump" "$want" "$(cat "$lab_dir/dump.txt")"
done
