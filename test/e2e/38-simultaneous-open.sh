#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP opened from both sides at once, by kernels: the SYN from IPv4 waits here until the host opens to its
# sender, gets the port that was asked for, and both SYNs make one connection: without a binding, and with one
# behind address-dependent filtering.
# ids: T-6146-tcp-009 T-6146-tcp-035 T-6146-tcp-037 T-5382-001
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
pool=203.0.113.1/32
lab_chain
gw_start
cross() { # NAME MAPPED-PORT PORT-OF-SERVER PORT-OF-HOST
    spawn_py "server-$1" server4 meet cross 203.0.113.1 "$2" "$server_addr" "$3"
    wait_for 5 "the server" grep -q ready "$lab_dir/server-$1.log"
    sleep 0.3
    expect_match "$1: the host hears" "hello from $server_addr" "$(py client6 meet cross "$(v6_of "$server_addr")" "$3" "$client_addr" "$4")"
    lab_join "server-$1" 8
    expect_match "$1: the server hears" "hello from $client_addr" "$(cat "$lab_dir/server-$1.log")"
}
cross unbound 4000 5000 4100
expect_match "exactly the port asked for" '"t_id": *4000' "$(ctl show bindings --protocol tcp --json)"
nat64_extra="filtering = \"address-dependent\"; static = ( { protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"4002\"; ipv6 = \"$client_addr\"; } );"
gw_write_conf
ctl reload
cross filtered 4002 5002 4002
[ "$(drops tcp_syn_stored)" -ge 2 ] || fail "no SYN was stored"
expect_equal "nobody was told" 0 "$(ctl show counters | awk '$1 == "icmp4_errors_sent" { print $2 }')"
ctl check
