#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small IPv4 link behind a router: Packet Too Big reaches the IPv6 client, TCP goes on.
# ids: T-7915-icmp46-007
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
r4=2 mtu_mid4=1400
lab_chain
gw_start
server_echo --reply 100
py client6 udp pmtu "$(v6_of "$server_addr")" 7 1452 1420
iperf_server
iperf -t 1
