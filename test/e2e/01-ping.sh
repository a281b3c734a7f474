#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ping, small and in fragments, and an answer from the gateway itself.
# ids: T-6146-icmp-002
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
in_ns client6 ping -c 3 -i 0.2 -W 2 "$(v6_of "$server_addr")"
in_ns client6 ping -c 2 -i 0.2 -W 2 -s 4000 "$(v6_of "$server_addr")"
in_ns client6 ping -c 2 -i 0.2 -W 2 "$gw6_addr"
in_ns server4 ping -c 2 -i 0.2 -W 2 "$gw4_addr"
expect_match "sessions" "icmp" "$(ctl show sessions --protocol icmp)"
