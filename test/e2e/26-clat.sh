#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 464XLAT, both ends ours: an IPv4-only client behind a CLAT, a network that is IPv6 only, a PLAT,
# an IPv4 server. The client uses IPv4 addresses and has no DNS64.
#
#   client4 -- [k4 CLAT k6] -- r6a -- [p6 PLAT p4] -- server4
#
# ids: T-6877-001 T-6877-003
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns client4 clat puntc server4 gw punt
lab_router r6a
mkdir -p "$lab_dir/state" "$lab_dir/clat-state"
lab_link_to_gateway g6 r6a gw0 1500 "" ""
lab_addr r6a gw0 2001:db8:6::2/64
lab_route r6a default via "$gw6_addr"
lab_chain4
lab_wire clat k6 r6a clat0
lab_wire clat k4 client4 eth0
lab_gateway_device clat k6
lab_gateway_device clat k4
lab_addr r6a clat0 2001:db8:6:a::1/64
lab_route r6a 2001:db8:6:c1a7::/64 via 2001:db8:6:a::2
lab_addr client4 eth0 192.168.1.10/24
lab_route client4 default via 192.168.1.1

cat >"$lab_dir/clat.conf" <<CONF
nat64 = {
    icmp: { rfc6791_pool = ( "192.0.2.9" ); };
    stateless: {
        prefixes = ( "$pref64" );
        ipv4 = ( "0.0.0.0/0" );
        eam = ( { ipv4 = "192.168.1.0/24"; ipv6 = "2001:db8:6:c1a7::/120"; } );
    };
};
dataplane = {
    socket = "$lab_dir/clat-dataplane.sock";
    hugepages = "no";
    file_prefix = "${lab_id}c";
    punt_netns = "$(ns_name puntc)";
    max_sessions = 1024;
    ports = ( { name = "k6"; device = "net_af_packet0,iface=k6"; addresses = [ "2001:db8:6:a::2/64" ];
                routes = ( { to = "::/0"; via = "2001:db8:6:a::1"; } ); },
              { name = "k4"; device = "net_af_packet1,iface=k4"; addresses = [ "192.168.1.1/24" ]; } );
};
control = {
    socket = "$lab_dir/clat-control.sock";
    state_dir = "$lab_dir/clat-state";
};
CONF
clat() { "$bin/control/isthmusctl" --socket "$lab_dir/clat-control.sock" "$@"; }
clat_runs() { clat status --json 2>/dev/null | grep -q '"applied"'; }
lab_spawn clat-dataplane clat "$bin/dataplane/isthmus-dataplane" -c "$lab_dir/clat.conf"
gw_write_conf
gw_start_dataplane
wait_for 15 "the CLAT's dataplane" grep -q "ready:" "$lab_dir/clat-dataplane.log"
lab_spawn clat-control clat "$bin/control/isthmus-control" -c "$lab_dir/clat.conf"
gw_start_control
wait_for 15 "the CLAT's policy" clat_runs

in_ns client4 ping -c 3 -i 0.2 -W 2 "$server_addr"
in_ns client4 ping -c 1 -W 2 192.168.1.1
head -c 3000000 /dev/urandom >"$lab_dir/file"
lab_spawn http server4 /usr/bin/python3 -m http.server 8080 --bind "$server_addr" --directory "$lab_dir"
server_echo
wait_for 15 "the web server" lab_listening server4 tcp 8080
in_ns client4 curl -sS -m 20 -o "$lab_dir/got" "http://$server_addr:8080/file"
cmp "$lab_dir/file" "$lab_dir/got"
py client4 udp ask "$server_addr" 7 100
py client4 udp ask "$server_addr" 7 100 --no-checksum
py client4 udp ask "$server_addr" 7 3000
path=$(in_ns client4 traceroute -n -q 1 -w 2 "$server_addr")
printf '%s\n' "$path"
expect_match "the CLAT" "^ 1  192.168.1.1 " "$path"
expect_match "the IPv6 network" "^ 2  192.0.2.9 " "$path"
expect_match "the PLAT" "^ 3  192.0.2.9 " "$path"
expect_match "the server" "^ 4  $server_addr " "$path"

# State is the PLAT's alone, of the CLAT's prefix.
expect_match "sessions at the PLAT" "2001:db8:6:c1a7::a .*$server_addr" "$(ctl show sessions)"
expect_equal "sessions at the CLAT" 0 "$(clat show sessions --count)"
clat show stateless
clat check
ctl check
