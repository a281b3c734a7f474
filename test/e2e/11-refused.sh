#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong configurations are refused with line and remedy, and nothing that runs changes.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
good=$(ctl show config)
try() { # WHAT TEXT-TO-REPLACE BY EXPECTED
    sed "s|$2|$3|" "$(gw_conf)" >"$lab_dir/bad.conf"
    expect_status "--check: $1" 1 "$bin/control/isthmus-control" --check -c "$lab_dir/bad.conf"
    expect_match "$1" "bad.conf:[0-9]+: .*$4" "$out"
}
try "unknown key" "prefixes" "prefixe" "did you mean"
try "leading zero" "::/96" "::/096" "leading zero"
try "overlap" 'pool = (' 'pool = ( "203.0.113.1", ' "overlaps"
try "own address" "203.0.113.0/28" "198.51.100.0/30" "address of port p4"
sed "s|2001:db8:64::/96|64:ff9b::/96|; s|203.0.113.0/28|10.0.0.0/28|" "$(gw_conf)" >"$lab_dir/bad.conf"
expect_status "private space" 1 "$bin/control/isthmus-control" --check -c "$lab_dir/bad.conf"
expect_match "private space" "RFC 6052 section 3.1" "$out"
sed -i "s|prefixes|prefixe|" "$(gw_conf)"
expect_status "reload" 1 ctl reload
expect_match "reload" "nothing was changed" "$out"
expect_equal "the running policy" "$good" "$(ctl show config)"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_status "no such command" 2 ctl shwo
expect_status "nobody there" 3 "$bin/control/isthmusctl" --socket "$lab_dir/none" status
