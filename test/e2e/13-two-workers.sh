#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two workers: flows and fragments reach their owners, whoever received them.
# ids: T-6146-frag-011 T-7915-4to6-035
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1 ]' pool=203.0.113.1/32
lab_chain
gw_start
server_echo
ask 200 --count 50 --spread
ask 3000 --count 10 --spread
in_ns client6 ping -c 2 -i 0.2 -W 2 "$(v6_of "$server_addr")"
iperf_server
iperf -t 1 -P 4
