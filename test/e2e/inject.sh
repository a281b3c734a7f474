# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the injection tests (70 to 79) share: a gateway whose two wires end in bare raw sockets, no kernel's stack
# answers there; the cases of tools/inject. Sourced after lib.sh.

mac_a6=02:00:00:00:06:02 mac_a4=02:00:00:00:04:02
inject_static="static = (
  { protocol = \"all\"; ipv4 = \"203.0.113.1\"; ports = \"5000\"; ipv6 = \"2001:db8:6:c::2\"; ipv6_ports = \"1234\"; },
  { protocol = \"all\"; ipv4 = \"203.0.113.1\"; ports = \"6000\"; ipv6 = \"2001:db8:6:d::2\"; ipv6_ports = \"1234\"; },
  { protocol = \"udp\"; ipv4 = \"203.0.113.1\"; ports = \"4444\"; ipv6 = \"2001:db8:6:e::2\"; ipv6_ports = \"4444\"; } );"
inject_errors="icmp = { to_ipv6 = \"send\"; to_ipv4 = \"send\"; };"

inject_begin() {
    lab_begin
    lab_ns a6 a4 gw punt
    mkdir -p "$lab_dir/state"
    inject_wire a6 g6 "$mtu_p6" "$mac_a6"
    inject_wire a4 g4 "$mtu_p4" "$mac_a4"
    port6_extra="neighbours = ( { address = \"2001:db8:6::2\"; mac = \"$mac_a6\"; } ); $port6_extra"
    port4_extra="neighbours = ( { address = \"198.51.100.2\"; mac = \"$mac_a4\"; } ); $port4_extra"
    nat64_extra="$inject_static $inject_errors $nat64_extra"
    gw_start
}

inject_wire() { # NS GATEWAY-DEVICE MTU MAC
    lab_wire gw "$2" "$1" eth0 1500
    ip -n "$(ns_name "$1")" link set eth0 address "$4"
    lab_gateway_device "$1" eth0
    lab_gateway_device gw "$2"
}

mac_of() { in_ns gw cat "/sys/class/net/$1/address"; }

inject() { # GROUP...
    /usr/bin/python3 "$tools/inject/run.py" "$(ns_name a6)" eth0 "$(mac_of g6)" "$(ns_name a4)" eth0 "$(mac_of g4)" "$@" ||
        fail "injected packets were not translated as they should be"
}

# inject_with SETTINGS GROUP...: the policy with these settings of nat64 besides, applied live; then the cases.
inject_with() {
    local base=$nat64_extra settings=$1
    shift
    nat64_extra="$settings $base"
    gw_write_conf
    nat64_extra=$base
    ctl reload >/dev/null
    inject "$@"
}
