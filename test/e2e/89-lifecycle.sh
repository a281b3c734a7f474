#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From start to end: one instance for each name and device, no capabilities but the needed ones, the link
# state of the kernel's devices, and SIGTERM in every phase, after which nothing is left.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start

# The same instance again, and the same device under another name.
second() { in_ns gw timeout 10 "$bin/dataplane/isthmus-dataplane" -c "$lab_dir/second.conf"; }
cp "$(gw_conf)" "$lab_dir/second.conf"
expect_status "the same instance" 1 second
expect_match "the same instance" "instance name \"$lab_id\" is in use by process ${lab_pid[dataplane]}" "$out"
sed -i "s/file_prefix = \"$lab_id\"/file_prefix = \"$lab_id-b\"/" "$lab_dir/second.conf"
expect_status "the same device" 1 second
expect_match "the same device" "port p6: device \"net_af_packet0,iface=g6\" is in use by process ${lab_pid[dataplane]}" "$out"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")" >/dev/null

# CAP_NET_ADMIN (bit 12) alone, in each thread, and nothing to be had by exec.
status=$(cat "/proc/${lab_pid[dataplane]}"/task/*/status)
expect_equal "effective capabilities of all threads" 0000000000001000 "$(awk '/^CapEff/ { print $2 }' <<<"$status" | sort -u)"
expect_equal "permitted capabilities" 0000000000001000 "$(awk '/^CapPrm/ { print $2 }' <<<"$status" | sort -u)"
expect_equal "no new privileges" 1 "$(awk '/^NoNewPrivs/ { print $2 }' <<<"$status" | sort -u)"
expect_match "offloads" '"offloads"' "$(ctl show ports --json)"

# The kernel's link is the port's, and the punt interface's.
link_is() { [ "$(ctl_value 1.link show ports)" = "$1" ]; }
carrier_is() { [ "$(in_ns punt cat /sys/class/net/p4/carrier)" = "$1" ]; }
ip -n "$(ns_name server4)" link set eth0 down
wait_for 5 "the link to be down" link_is down
wait_for 5 "no carrier" carrier_is 0
ip -n "$(ns_name server4)" link set eth0 up
lab_route server4 default via "$gw4_addr" src "$server_addr"
wait_for 5 "the link to be up" link_is up
wait_for 5 "a carrier" carrier_is 1
wait_for 5 "a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
# With what it kept it can still do all that it must: an MTU, an address, a pool address.
ip -n "$(ns_name punt)" link set p4 mtu 1400
mtu_is() { [ "$(ctl_value 1.mtu_bytes show ports)" = "$1" ]; }
wait_for 5 "the MTU" mtu_is 1400
ctl pool add 192.0.2.200/32 >/dev/null
wait_for 5 "the pool's route" eval "ip -n $(ns_name punt) route show table local | grep -q 192.0.2.200"

nothing_left() { # WHEN
    expect_no_match "$1: punt interfaces" "p[46]" "$(ip -n "$(ns_name punt)" -br link)"
    expect_equal "$1: pool routes" "" "$(ip -n "$(ns_name punt)" route show table local proto 185)"
    [ ! -e "$lab_dir/dataplane.sock" ] || fail "$1: the socket is left"
    [ ! -e "/run/isthmus/lock/instance-$lab_id" ] || fail "$1: the lock is left"
    [ ! -e "/var/run/dpdk/$lab_id" ] || fail "$1: DPDK's directory is left: $(ls "/var/run/dpdk/$lab_id")"
}
# Under traffic.
lab_spawn flood client6 ping -f -w 20 "$(v6_of "$server_addr")"
sleep 0.3
lab_stop dataplane TERM 10
expect_equal "exit status under traffic" 0 "$lab_status"
nothing_left "under traffic"
lab_stop flood
lab_stop control

# While it starts, at any moment.
for ms in 030 080 150 250 400 600; do
    lab_spawn dataplane gw "$bin/dataplane/isthmus-dataplane" -c "$(gw_conf)"
    sleep "0.$ms"
    lab_stop dataplane TERM 10 || fail "did not end $ms ms after its start"
    # 143: before main() was reached.
    [ "$lab_status" = 0 ] || [ "$lab_status" = 143 ] || fail "exit status $lab_status $ms ms after its start"
    nothing_left "$ms ms after the start"
done
# Control alone, while it looks for the dataplane.
lab_spawn control gw "$bin/control/isthmus-control" -c "$(gw_conf)"
wait_for 5 "control's socket" test -S "$lab_dir/control.sock"
lab_stop control TERM 5
expect_equal "control's exit status" 0 "$lab_status"
[ ! -e "$lab_dir/control.sock" ] || fail "control's socket is left"

# kill -9 leaves the punt interfaces to the successor, and no lock in its way.
gw_start_dataplane
lab_stop dataplane KILL
gw_start_dataplane
expect_match "the log" "was there already" "$(cat "$lab_dir/dataplane.log")"
