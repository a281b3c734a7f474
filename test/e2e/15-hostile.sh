#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Garbage on both sockets, and a second instance: refused; everything goes on.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
/usr/bin/python3 "$tools/socket_fuzz.py" "$lab_dir/control.sock" 2 1
/usr/bin/python3 "$tools/socket_fuzz.py" "$lab_dir/dataplane.sock" 2 2
expect_status "a second control" 1 in_ns gw "$bin/control/isthmus-control" -c "$(gw_conf)"
expect_match "a second control" "another instance" "$out"
lab_alive control || fail "control is gone"
lab_alive dataplane || fail "the dataplane is gone"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
