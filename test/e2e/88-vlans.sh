#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A single arm: IPv6 comes in one VLAN and IPv4 in another of the same port, each with a punt interface of
# its own; then both untagged on one port. The far end puts and takes the tags itself: this test needs no
# VLAN driver in the kernel.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns client6 server4 gw punt trunk
mkdir -p "$lab_dir/state"
# trunk: one wire to the gateway, tagged; one to each host, untagged.
lab_wire gw g0 trunk t0
lab_wire trunk a0 client6 eth0
lab_wire trunk b0 server4 eth0
lab_gateway_device gw g0
in_ns trunk sysctl -qw net.ipv6.conf.t0.disable_ipv6=1 net.ipv6.conf.a0.disable_ipv6=1 net.ipv6.conf.b0.disable_ipv6=1
lab_addr client6 eth0 2001:db8:6::2/64
lab_route client6 default via "$gw6_addr"
lab_addr server4 eth0 198.51.100.2/30 "$server_addr/32"
lab_route server4 default via "$gw4_addr" src "$server_addr"

switch() { # ARGUMENTS of tools/vlan_switch.py
    lab_stop switch
    : >"$lab_dir/switch.log"
    spawn_py switch trunk vlan_switch t0 "$@"
    wait_for 5 "the switch" grep -q ready "$lab_dir/switch.log"
}
works() {
    wait_for 5 "a ping of the gateway from IPv6" in_ns client6 ping -c 1 -W 1 "$gw6_addr"
    wait_for 5 "a ping of the gateway from IPv4" in_ns server4 ping -c 1 -W 1 "$gw4_addr"
    in_ns client6 ping -c 2 -i 0.2 -W 2 "$(v6_of "$server_addr")" >/dev/null
    server_echo
    ask 300
    ask 1200
    lab_stop echo
}

lan6="addresses = [ \"$gw6_addr/64\" ];"
lan4="addresses = [ \"$gw4_addr/30\" ]; routes = ( { to = \"0.0.0.0/0\"; via = \"198.51.100.2\"; } );"
ports_text="( { name = \"arm\"; device = \"net_af_packet0,iface=g0\";
  vlans = ( { id = 600; $lan6 }, { id = 4; mtu = 1400; $lan4 }, 77 ); } )"
switch 600:a0 4:b0
gw_start
works
interfaces=$(ip -n "$(ns_name punt)" -br link)
for name in arm arm.600 arm.4 arm.77; do expect_match "punt interfaces" "^$name " "$interfaces"; done
expect_match "the VLAN's MTU" "mtu 1400" "$(ip -n "$(ns_name punt)" link show arm.4)"
# The MTU of the IPv4 VLAN is told to IPv6.
expect_match "packet too big" "mtu[=: ]*1420" "$(in_ns client6 ping -c 1 -W 2 -M "do" -s 1400 "$(v6_of "$server_addr")" 2>&1 || true)"
# The same host in the other VLAN reaches nothing: neighbours of one VLAN are not those of another.
switch 4:a0 600:b0
! in_ns client6 ping -c 1 -W 1 "$gw6_addr" >/dev/null || fail "an address answers in another VLAN"
switch 600:a0 4:b0
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")" >/dev/null
lab_stop control
lab_stop dataplane TERM 10
expect_no_match "punt interfaces at the end" "arm" "$(ip -n "$(ns_name punt)" -br link)"

# Untagged.
ports_text="( { name = \"arm\"; device = \"net_af_packet0,iface=g0\";
  addresses = [ \"$gw6_addr/64\", \"$gw4_addr/30\" ]; routes = ( { to = \"0.0.0.0/0\"; via = \"198.51.100.2\"; } ); } )"
gw_write_conf
switch 0:a0 0:b0
gw_start
works
