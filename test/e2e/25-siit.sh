#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Translation without state by prefix: a host whose IPv6 address holds its IPv4 address, no pool.
# The gateway answers ARP for those addresses when told so.
# ids: T-6052-029 T-7915-gen-012 T-7915-4to6-022 T-7915-4to6-032
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
host4=203.0.113.130
client_addr=$(v6_of "$host4")
server_addr=203.0.113.2 # on the gateway's own network: it asks for the host's link address
gw4_addr=203.0.113.1
nat64_text="stateless: { prefixes = ( \"$pref64\" ); ipv4 = ( \"203.0.113.128/25\" ); answer_arp = true; };"
ports_text="( { name = \"p6\"; device = \"net_af_packet0,iface=g6\"; addresses = [ \"$gw6_addr/64\" ];
      routes = ( { to = \"${pref64%/*}203.0.113.128/121\"; via = \"2001:db8:6::2\"; } ); },
    { name = \"p4\"; device = \"net_af_packet1,iface=g4\"; addresses = [ \"$gw4_addr/24\" ]; } )"
lab_ns client6 server4 gw punt
mkdir -p "$lab_dir/state"
lab_chain6
lab_link_to_gateway g4 server4 eth0 1500 "" ""
lab_addr server4 eth0 "$server_addr/24"
gw_start

in_ns client6 ping -c 2 -i 0.2 -W 2 "$(v6_of "$server_addr")"
in_ns server4 ping -c 2 -i 0.2 -W 2 "$host4"
in_ns server4 ping -c 2 -i 0.2 -W 2 "$gw4_addr"
spawn_py who server4 udp who "$server_addr" 4444
wait_for 5 "the server" grep -q ready "$lab_dir/who.log"
py client6 udp flood "$(v6_of "$server_addr")" 4444 1 --from-port 777
lab_join who 5
expect_match "source" "from $host4 777" "$(cat "$lab_dir/who.log")"
server_echo
ask 3000
spawn_py echo6 client6 udp echo "$client_addr" 7
wait_for 5 "the echo server" grep -q ready "$lab_dir/echo6.log"
py server4 udp ask "$host4" 7 3000
iperf_server
iperf -t 1
printf 'TCP, from the host: %s bit/s\n' "$(iperf_value sum_received.bits_per_second)"
iperf -t 1 -R
printf 'TCP, to the host: %s bit/s\n' "$(iperf_value sum_received.bits_per_second)"

# No state was made, and none can be: there is no pool.
expect_equal "sessions" 0 "$(ctl show sessions --count)"
expect_match "the table" "hosts +203.0.113.128/25 +$pref64" "$(ctl show stateless)"

# UDP without checksum: computed, then by a reload refused and told.
py server4 udp ask "$host4" 7 100 --no-checksum
sed -i 's/answer_arp = true;/answer_arp = true; udp_zero_checksum = "drop";/' "$(gw_conf)"
ctl reload
expect_status "without checksum" 1 py server4 udp ask "$host4" 7 100 --no-checksum
py server4 udp ask "$host4" 7 100
[ "$(drops udp_zero_checksum)" -ge 1 ] || fail "no drop for udp_zero_checksum"
ctl check
