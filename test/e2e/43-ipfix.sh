#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# IPFIX (RFC 8158) by real collectors: nfcapd over UDP decodes bindings and pairings; over TCP, what
# came is read by libfixbuf's ipfixDump and by tshark, port blocks included. A collector that dies
# over TCP gets what it missed. What came over TCP, and over UDP to an IPv6 collector, holds against
# RFC 7011 message by message.
# ids: T-8158-009 T-8158-011
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
mkdir "$lab_dir/nfcapd"
control_extra='logs = (
      { type = "ipfix"; transport = "udp"; address = "127.0.0.1"; port = 4739; template_seconds = 1; domain = 7; },
      { type = "ipfix"; transport = "tcp"; address = "127.0.0.1"; port = 4740; domain = 7; },
      { type = "ipfix"; transport = "udp"; address = "::1"; port = 4741; template_seconds = 1; domain = 9; } );'
lab_spawn nfcapd gw nfcapd -w "$lab_dir/nfcapd" -p 4739 -b 127.0.0.1 -t 3600 -S 0
spawn_py tcp gw ipfix_sink 127.0.0.1 4740 "$lab_dir/tcp.ipfix"
spawn_py udp6 gw ipfix_sink --udp ::1 4741 "$lab_dir/udp6.ipfix"
wait_for 20 "the TCP collector" grep -q ready "$lab_dir/tcp.log"
wait_for 20 "the IPv6 collector" grep -q ready "$lab_dir/udp6.log"
gw_start
server_echo
ask 64 --count 3 --spread
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")" >/dev/null
sleep 1.5 # records that came before their template over UDP wait for the next one
ctl clear sessions --all >/dev/null
sleep 0.5

# By the letter.
by_letter() { expect_status "$1 by the letter of RFC 7011" 0 /usr/bin/python3 "$tools/ipfix_check.py" "$lab_dir/$1.ipfix" "$2" "$3"; }
by_letter tcp 7 65535
by_letter udp6 9 1452
expect_match "bindings in it" '10: 4, 11: 4' "$out"

# Over TCP.
dump() { ipfixDump --in "$lab_dir/tcp.ipfix" --yaf >"$lab_dir/dump.txt" 2>"$lab_dir/dump.err" || ipfixDump --in "$lab_dir/tcp.ipfix" >"$lab_dir/dump.txt" 2>>"$lab_dir/dump.err"; }
dump || fail "ipfixDump: $(cat "$lab_dir/dump.err")"
dumped=$(cat "$lab_dir/dump.txt")
expect_match "natEvent 10 by ipfixDump" 'natEvent.* 10$' "$dumped"
expect_match "natEvent 11 by ipfixDump" 'natEvent.* 11$' "$dumped"
expect_match "natEvent 14 by ipfixDump" 'natEvent.* 14$' "$dumped"
expect_match "X' by ipfixDump" 'sourceIPv6Address.*2001:db?8:6:c:.*2$|sourceIPv6Address.*2001:0?db8:0?0?0?6:0?0?0?c:' "$dumped"
expect_match "T by ipfixDump" 'postNATSourceIPv4Address.*203\.0\.113\.' "$dumped"
expect_match "the domain" 'observation domain id: 7|domain:? 7|0x00000007' "$dumped"
expect_no_match "destinations" '198\.51\.100\.10' "$dumped"

# Over UDP.
lab_stop nfcapd TERM 5
nfdump -q -R "$lab_dir/nfcapd" -o json >"$lab_dir/nfdump.json"
for event in 'NAT64 BIB create' 'NAT64 BIB delete' 'Address binding create'; do
    expect_match "nfdump" "\"nat_event\" : \"$event\"" "$(cat "$lab_dir/nfdump.json")"
done
expect_match "X' by nfdump" '2001:db8:6:c::2' "$(cat "$lab_dir/nfdump.json")"
expect_match "T by nfdump" '203\.0\.113\.' "$(cat "$lab_dir/nfdump.json")"

# Port blocks, from a gateway that gives out blocks; the TCP collector dies and comes back.
lab_stop control TERM
lab_stop dataplane TERM
nat64_extra='port_blocks = { size = 64; };'
gw_write_conf
gw_start_dataplane
lab_stop tcp KILL
gw_start_control
ask 64 --count 3 --spread
sleep 0.5
spawn_py tcp gw ipfix_sink 127.0.0.1 4740 "$lab_dir/blocks.ipfix"
blocks() {
    ipfixDump --in "$lab_dir/blocks.ipfix" >"$lab_dir/dump.txt" 2>&1 && grep -Eq 'portRangeStart' "$lab_dir/dump.txt" && grep -Eq 'natEvent.* 16$' "$lab_dir/dump.txt"
}
wait_for 20 "a port block by ipfixDump, from the spool" blocks

# And by tshark, which has another decoder.
py gw ipfix_sink --pcap "$lab_dir/blocks.ipfix" "$lab_dir/blocks.pcap"
tshark -r "$lab_dir/blocks.pcap" -d tcp.port==4740,cflow -V >"$lab_dir/tshark.txt" 2>/dev/null
expect_match "block by tshark" 'Port Range Start' "$(cat "$lab_dir/tshark.txt")"
expect_match "natEvent by tshark" 'Nat Event.*16|NAT Event.*16|natEvent.*16' "$(cat "$lab_dir/tshark.txt")"
expect_no_match "malformed by tshark" 'Malformed|Unknown|unknown field' "$(cat "$lab_dir/tshark.txt")"
by_letter blocks 7 65535
