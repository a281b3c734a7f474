#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The gateway's own links are smaller than what arrives.
# ids: T-7915-6to4-018 T-7915-4to6-021
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
mtu_p4=1400 mtu_p6=1420
lab_chain
gw_start
iperf_server
iperf -t 1
iperf -t 1 -R
server_echo
ask 3000
