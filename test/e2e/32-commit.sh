#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# reload: previewed, applied, kept in the history with who; rolled back by hand. What fails changes nothing.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_write_conf
sed -i "s|pool = (|lifetimes = { udp = 300; };\n    pool = (|" "$(gw_conf)"
gw_start
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_match "nothing to do" "nothing differs" "$(ctl reload)"
sed -i "s|udp = 300|udp = 400|; s|203.0.113.0/28|203.0.113.32/28|" "$(gw_conf)"
expect_match "status" "differs from what runs" "$(ctl status)"
preview=$(ctl reload --dry-run)
expect_match "preview" "would change:" "$preview"
expect_match "preview" "nat64.lifetimes.udp: 300 -> 400" "$preview"
expect_match "preview" "- .*203.0.113.0/28" "$preview"
expect_match "preview" "\+ .*203.0.113.32/28" "$preview"
expect_match "show config --diff" "udp: 300 -> 400" "$(ctl show config --diff)"
expect_match "what runs" "203.0.113.0/28" "$(ctl show config)"
expect_match "what the file says" "203.0.113.32/28" "$(ctl show config --file)"
expect_match "reload" "udp: 300 -> 400" "$(ctl reload)"
expect_match "what runs" "203.0.113.32/28" "$(ctl show config)"
history=$(ctl show history)
expect_match "history" "^ *0 .* root +reload .*nat64.pool, nat64.lifetimes.udp|nat64.lifetimes.udp, nat64.pool" "$history"
expect_match "history" "start" "$history"
expect_match "one of the history" "udp: 300 -> 400" "$(ctl show history "$(ctl_value 0.id show history)")"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_match "rollback --dry-run" "udp: 400 -> 300" "$(ctl rollback --dry-run)"
expect_match "rollback" "udp: 400 -> 300" "$(ctl rollback)"
expect_match "what runs" "203.0.113.0/28" "$(ctl show config)"
expect_match "before" "203.0.113.32/28" "$(ctl show config --back 1)"
expect_status "too far" 1 ctl rollback 40
expect_match "too far" "show history" "$out"
# A full disk: refused, and nothing is changed in the dataplane either.
ln -s /dev/full "$lab_dir/state/running-policy.conf.new"
expect_status "a full disk" 1 ctl pool add 203.0.113.64
expect_match "a full disk" "nothing was changed: .*No space left" "$out"
expect_no_match "the pool" "203.0.113.64" "$(ctl show pools)"
# A clean restart does not bring back what was rolled back, although the file has it.
lab_stop control
gw_start_control
expect_match "what runs" "203.0.113.0/28" "$(ctl show config)"
expect_match "history after a restart" "rollback 1" "$(ctl show history)"
expect_status "confirm without need" 1 ctl confirm
expect_status "usage" 2 ctl reload --confirm 0
