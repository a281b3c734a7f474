#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Address-dependent filtering with real hosts: strangers are refused and told, known addresses may come
# from any port; a stranger's SYN is answered after six seconds, not before; then the filter is opened live.
# ids: T-6146-udp-008 T-6146-udp-009 T-6146-tcp-006 T-6146-tcp-008 T-4787-004
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
stranger=198.51.100.11
nat64_extra='filtering = "address-dependent"; icmp: { to_ipv4 = "send"; };'
lab_chain
lab_addr server4 eth0 "$stranger/32"
gw_start
spawn_py reflect server4 meet reflect "$server_addr" 3478
wait_for 5 "the mirror" grep -q ready "$lab_dir/reflect.log"
spawn_py filter client6 meet filter "$server_addr" 3478 "$client_addr" "$pref64" 4
wait_for 5 "a mapping" grep -q mapping "$lab_dir/filter.log"
read -r _ t port <"$lab_dir/filter.log"
expect_equal "a stranger hears" EHOSTUNREACH "$(py server4 meet refused "$t" "$port" --from "$stranger")"
py server4 meet send "$t" "$port" "$server_addr" --port 999
# A TCP connection from the client; a SYN of a stranger to its port is held.
spawn_py accept server4 meet accept "$server_addr" 80
wait_for 5 "the TCP server" grep -q ready "$lab_dir/accept.log"
py client6 meet connect "$(v6_of "$server_addr")" 80 0
tcp_t=$(ctl show bindings --protocol tcp --json | head -n 1 | /usr/bin/python3 "$tools/json_value.py" t)
tcp_port=$(ctl show bindings --protocol tcp --json | head -n 1 | /usr/bin/python3 "$tools/json_value.py" t_id)
start=$(now_ms)
expect_status "a stranger's connection" 7 in_ns server4 curl -s -m 9 --interface "$stranger" "http://$tcp_t:$tcp_port/"
waited=$(($(now_ms) - start))
[ "$waited" -ge 5900 ] || fail "the SYN was answered after $waited ms"
lab_join filter 8
expect_match "the known address, another port" "from .*c633:640a 999" "$(cat "$lab_dir/filter.log")"
expect_no_match "the stranger" "from .*c633:640b" "$(cat "$lab_dir/filter.log")"
[ "$(drops filtered)" -gt 0 ] || fail "no drop was counted"
[ "$(drops tcp_syn_stored)" -gt 0 ] || fail "no SYN was stored"
# Opened, live: the mapping that is there lets anybody in.
nat64_extra='filtering = "endpoint-independent";'
gw_write_conf
ctl reload
spawn_py open client6 meet filter "$server_addr" 3478 "$client_addr" "$pref64" 2
wait_for 5 "a mapping" grep -q mapping "$lab_dir/open.log"
read -r _ t port <"$lab_dir/open.log"
py server4 meet send "$t" "$port" "$stranger"
lab_join open 6
expect_match "the stranger is let in" "from .*c633:640b" "$(cat "$lab_dir/open.log")"
ctl check
