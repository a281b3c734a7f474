#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Syslog (RFC 5424) over UDP, TCP and a Unix socket, read by a strict parser. A collector that dies
# under load gets all it missed from the spool when it is back, also when control died meanwhile; a
# spool that is full loses and says so; nothing leaves the host unprotected unless it was asked for.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="logs = (
      { type = \"syslog\"; transport = \"udp\"; address = \"127.0.0.1\"; port = 5514; },
      { type = \"syslog\"; transport = \"tcp\"; address = \"127.0.0.1\"; port = 5515; spool_mib = 4; },
      { type = \"syslog\"; transport = \"unix\"; address = \"$lab_dir/log.sock\"; facility = \"local3\"; },
      { type = \"json\"; file = \"$lab_dir/nat.json\"; } );
    log = { mark_seconds = 1; };"
collector() { spawn_py "$1" gw collector "$1" "$2" "$lab_dir/$1.txt"; }
collectors_ready() {
    local kind
    for kind in udp tcp unix; do grep -q ready "$lab_dir/$kind.log" || return 1; done
}
collector udp 127.0.0.1:5514
collector tcp 127.0.0.1:5515
collector unix "$lab_dir/log.sock"
wait_for 20 "the collectors" collectors_ready
gw_start
server_echo
ask 64 --count 3 --spread
for kind in udp tcp unix; do
    seen() { [ "$(grep -c 'binding_created \[nat64@32473 instance="[0-9a-f]*" worker="0" seq="[0-9]*" protocol="udp" x="2001:db8:6:c::2"' "$lab_dir/$kind.txt")" = 3 ]; }
    wait_for 20 "three bindings by $kind" seen
done
expect_match "local0, info" '^<134>1 ' "$(grep binding_created "$lab_dir/udp.txt")"
expect_match "local3, info" '^<158>1 ' "$(grep binding_created "$lab_dir/unix.txt")"

# The TCP collector is killed under load; control too; both come back: every number is there.
lab_spawn load client6 /usr/bin/python3 "$tools/udp.py" ask "$(v6_of "$server_addr")" 7 64 --count 800 --spread
sleep 0.3
lab_stop tcp KILL
spools() { [ "$(ctl_value outlets.1.state show logs)" = spools ]; }
lab_join load 30
wait_for 20 "records in the spool" spools
lab_stop control KILL
gw_start_control
collector tcp 127.0.0.1:5515
all_there() { /usr/bin/python3 "$tools/syslog_numbers.py" "$lab_dir/tcp.txt" 750 2>/dev/null; }
wait_for 20 "every record at the TCP collector" all_there
expect_no_match "gaps" " gap " "$(cat "$lab_dir/tcp.txt")"
empty() { [ "$(ctl_value outlets.1.spooled_bytes show logs)" = 0 ]; }
wait_for 20 "the spool to be empty" empty

# What would go over the network in the clear is refused, with what to do.
sed 's/address = "127.0.0.1"; port = 5514/address = "192.0.2.9"; port = 5514/' "$(gw_conf)" >"$lab_dir/far.conf"
expect_status "cleartext" 1 "$bin/control/isthmus-control" -c "$lab_dir/far.conf" --check
expect_match "cleartext" "cleartext = true" "$out"
