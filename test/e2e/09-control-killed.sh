#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Control is killed while packets pass: none is lost, and the policy, changed live, is as before.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
server_echo
ask 10 # both next hops are known then
ctl pool add 203.0.113.64
lab_spawn stream client6 /usr/bin/python3 "$tools/udp.py" stream "$(v6_of "$server_addr")" 7 4 200
sleep 1
lab_stop control KILL
sleep 1
gw_start_control
lab_join stream 20
expect_match "the stream" "^sent [0-9]+ lost 0$" "$(cat "$lab_dir/stream.log")"
expect_match "the pool" "203.0.113.64" "$(ctl show config)"
expect_match "the pool" "203.0.113.64" "$(ctl show pools)"
