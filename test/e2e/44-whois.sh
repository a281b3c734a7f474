#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isthmusctl whois: whose was a public address and port at a time? From the log with its rotated
# files; from port blocks; by calculation. With the lifetime, and what speaks against the answer.
# ids: T-6888-020 T-7422-001 T-7422-003
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; max_size_mib = 1; } );
    log = { mark_seconds = 1; };"
gw_start
server_echo
ask 64
read -r t t_id x x_id < <(ctl show bindings --json | /usr/bin/python3 "$tools/first_binding.py")
before=$(date -u -d '-1 hour' +%Y-%m-%dT%H:%M:%SZ)
sleep 1.2 # the next mark says that the log is complete
now=$(date -u -d '-1 second' +%Y-%m-%dT%H:%M:%S.%3NZ)
sleep 1.2
answer=$(ctl whois "$t:$t_id" --at "$now" --protocol udp)
expect_match "subscriber" "subscriber +$x port $x_id" "$answer"
expect_match "still there" "until +not ended" "$answer"
expect_match "certainty" "^ *certain" "$answer"
expect_equal "as JSON" "$x" "$(ctl_value x whois "$t:$t_id" --at "$now" --protocol udp)"
expect_status "another protocol: nobody" 1 ctl whois "$t:$t_id" --at "$now" --protocol tcp
expect_match "nobody" "nobody had it" "$out"
expect_status "before the log begins" 1 ctl whois "$t:$t_id" --at "$before" --protocol udp
expect_match "it says that it does not know" "uncertain.*the log begins at|the log begins at" "$out"

# After the end of it; and with more than a file of records behind.
ctl clear sessions --all >/dev/null
for n in 1 2 3; do
    py client6 udp flood "$(v6_of "$server_addr")" 7 1500
    sleep 0.2
    ctl clear sessions --all >/dev/null
done
rotated() { [ -f "$lab_dir/nat.json.1" ]; }
wait_for 20 "a rotated log" rotated
answer=$(ctl whois "$t:$t_id" --at "$now" --protocol udp)
expect_match "from a rotated file" "subscriber +$x port $x_id" "$answer"
expect_match "its end" "until +20" "$answer"
# From logs that were put away, compressed; nobody is asked.
answer=$(for file in $(find "$lab_dir" -name 'nat.json.*' | sort -rV) "$lab_dir/nat.json"; do cat "$file"; done | gzip | zcat |
    "$bin/control/isthmusctl" --socket "$lab_dir/nobody" whois "$t:$t_id" --at "$now" --protocol udp --log -)
expect_match "from a log that was put away" "subscriber +$x port $x_id" "$answer"
expect_match "how sure" "^ *certain" "$answer"
expect_status "no such log" 2 ctl whois "$t:$t_id" --protocol udp --log "$lab_dir/nothing"

expect_status "wrong words" 2 ctl whois 203.0.113.9 --protocol udp
expect_status "wrong time" 1 ctl whois 203.0.113.9:80 --at yesterday --protocol udp
expect_match "wrong time" "2026-11-03T10:02:00Z" "$out"
expect_status "a time that has not come" 1 ctl whois 203.0.113.9:80 --at 2199-11-03T10:02:00Z --protocol udp
expect_match "a time that has not come" "has not come" "$out"
ask 64
read -r t t_id x x_id < <(ctl show bindings --json | /usr/bin/python3 "$tools/first_binding.py")
old=$t:$t_id
sleep 0.3
then=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
lab_stop control TERM
lab_stop dataplane KILL

# Deterministic: by calculation, certain because the log has the parameters.
nat64_extra='deterministic = { source = "2001:db8:6:c::/62"; pool = "det"; dynamic = 0; };'
gw_write_conf
sed -i "s|addresses = \"$pool\"; }|addresses = \"$pool\"; name = \"det\"; }|" "$(gw_conf)"
gw_start
wait_for 5 "the parameters' record" grep -q '"event":"deterministic"' "$lab_dir/nat.json"
ask 64
read -r t t_id x x_id < <(ctl show bindings --json | /usr/bin/python3 "$tools/first_binding.py")
sleep 1.2
now=$(date -u -d '-1 second' +%Y-%m-%dT%H:%M:%S.%3NZ)
sleep 1.2
answer=$(ctl whois "$t:$t_id" --at "$now" --protocol udp)
expect_match "calculated" "subscriber +2001:db8:6:c::/64" "$answer"
expect_match "calculated" "by +calculation" "$answer"
expect_match "calculated" "^ *certain" "$answer"
expect_match "the parameters' record" '"event":"deterministic".*"parameters"' "$(cat "$lab_dir/nat.json")"
# With the old dataplane ended all that it had.
expect_match "another dataplane" "until +20" "$(ctl whois "$old" --at "$then" --protocol udp)"
