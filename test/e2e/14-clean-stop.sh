#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SIGTERM: exit status 0, and nothing is left.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
lab_stop control TERM 5
expect_equal "control's exit status" 0 "$lab_status"
lab_stop dataplane TERM 10
expect_equal "the dataplane's exit status" 0 "$lab_status"
expect_no_match "punt interfaces" "p[46]" "$(ip -n "$(ns_name punt)" -br link)"
[ ! -e "$lab_dir/dataplane.sock" ] || fail "the dataplane's socket is left"
[ ! -e "$lab_dir/control.sock" ] || fail "control's socket is left"
[ ! -e "$lab_dir/state/running-policy.conf" ] || fail "the policy's state is left"
