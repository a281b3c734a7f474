#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same gateway on other devices: hugepages of 2 MiB and two workers with a queue each; net_tap, whose
# kernel end is the client's; AF_XDP on veth.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/lib/hugepages.sh
. "$top/scripts/lib/hugepages.sh"
lab_begin
lab_chain
lab_at_exit() {
    local key
    [ "$1" = 0 ] || tail -n 40 "$lab_dir"/*.log
    for key in "${!lab_pid[@]}"; do lab_stop "$key" TERM 5; done
    restore_hugepages
} >&2 2>&1
works() {
    wait_for 10 "$1: a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
    in_ns client6 ping -c 5 -i 0.1 -s 1200 -W 2 "$(v6_of "$server_addr")" >/dev/null
    server_echo
    ask 1200
    lab_stop echo
}
down() {
    lab_stop control
    lab_stop dataplane TERM 10
    expect_equal "$1: exit status" 0 "$lab_status"
    rm -f "$(gw_conf)"
}

on_hugepages() {
    local before
    workers='[ 0, 1 ]'
    before=$(free_pages)
    gw_start
    works hugepages
    expect_match "the log" "2 MiB huge pages" "$(cat "$lab_dir/dataplane.log")"
    [ "$(free_pages)" -lt "$before" ] || fail "no hugepage is used"
    expect_equal "receive queues" 2 "$(ctl_value 0.rx_queues show ports)"
    expect_equal "transmit queues" 2 "$(ctl_value 0.tx_queues show ports)"
    down hugepages
    expect_equal "hugepages free at the end" "$before" "$(free_pages)"
    expect_equal "hugepage files" "" "$(find /dev/hugepages -name "*$lab_id*" 2>/dev/null)"
    restore_hugepages
    hugepages=no workers='[ ]'
}
free_pages() { awk '/^HugePages_Free/ { print $2 }' /proc/meminfo; }
# Buffers of two queues and the tables of two workers.
reserve_hugepages 200
if [ "$hugepages" = yes ]; then
    on_hugepages
else
    say "NOT TRIED: this machine gives no 200 hugepages of 2 MiB"
fi

# net_tap: the wire's far end goes into the client's namespace.
ip -n "$(ns_name client6)" link del eth0
ports_text="( { name = \"p6\"; device = \"net_tap0,iface=tap6\"; addresses = [ \"$gw6_addr/64\" ]; }, $(gw_port4) )"
gw_start
ip -n "$(ns_name gw)" link set tap6 down
in_ns gw ip link set tap6 address 02:00:00:00:00:66 name eth0 netns "$(ns_name client6)"
in_ns client6 sysctl -qw net.ipv6.conf.eth0.accept_dad=0
ip -n "$(ns_name client6)" link set eth0 up
lab_addr client6 eth0 2001:db8:6::2/64 "$client_addr/64"
lab_route client6 default via "$gw6_addr"
ip -n "$(ns_name punt)" route add "$client_addr" via 2001:db8:6::2 dev p6
works net_tap
down net_tap

# AF_XDP in copy mode on veth: one vdev for one queue.
lab_chain6
ports_text="( $(gw_port6 | sed 's/net_af_packet0,iface=g6/net_af_xdp0,iface=g6,start_queue=0,queue_count=1,busy_budget=0/'), $(gw_port4) )"
gw_start
works af_xdp
expect_match "the driver" "net_af_xdp" "$(ctl show ports --json)"
expect_equal "capabilities in use" 1 "$(awk '/^CapEff/ { print $2 }' "/proc/${lab_pid[dataplane]}"/task/*/status | sort -u | wc -l)"
down af_xdp
