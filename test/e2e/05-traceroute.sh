#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gateway is one hop with its own address, IPv4 routers show behind the prefix.
# ids: T-7915-gen-008 T-7915-icmp46-024
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
r4=2
lab_chain
gw_start
path=$(in_ns client6 traceroute -n -q 1 -w 2 "$(v6_of "$server_addr")")
printf '%s\n' "$path"
expect_match "first hop" "^ 1  $gw6_addr " "$path"
expect_match "second hop" "^ 2  2001:db8:64::c633:6402 " "$path"
expect_match "destination" "2001:db8:64::c633:640a " "$(tail -n 1 <<<"$path")"
report=$(in_ns client6 mtr -n -r -c 2 -i 0.2 "$(v6_of "$server_addr")")
expect_match "mtr" "2001:db8:64::c633:640a" "$report"
