#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The dataplane is killed and started again: control gives it the policy, its interfaces kept their addresses.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
ip -n "$(ns_name punt)" addr add 192.0.2.77/32 dev p4
lab_stop dataplane KILL
expect_status "status without a dataplane" 5 ctl status
expect_match "status without a dataplane" "away" "$out"
expect_match "since when" "since: 20[0-9-]+T[0-9:]+Z" "$out"
gw_start_dataplane
wait_for 15 "the policy to run in the dataplane" gw_policy_runs
in_ns client6 ping -c 2 -W 2 "$(v6_of "$server_addr")"
expect_match "the punt interface" "192.0.2.77" "$(ip -n "$(ns_name punt)" addr show dev p4)"
