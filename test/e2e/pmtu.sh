# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Path MTU discovery through the gateway, both ways, on UDP and TCP, started by the client and by the server (tests
# 17 to 19). The small links are in the middle of each side, so that only ICMP errors of routers, translated, tell of
# them. Sourced after lib.sh.

pmtu_begin() {
    lab_begin
    r6=2 r4=2
    nat64_extra="static = ( { protocol = \"udp\"; ipv4 = \"203.0.113.1\"; ports = \"7007\"; ipv6 = \"$client_addr\"; ipv6_ports = \"7\"; },
      { protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"5201\"; ipv6 = \"$client_addr\"; ipv6_ports = \"5201\"; } );"
    lab_chain
    gw_start
    server_echo --reply 100
    iperf_server
    spawn_py echo6 client6 udp echo "$client_addr" 7 --reply 100
    lab_spawn iperf6 client6 iperf3 -s -B "$client_addr"
    wait_for 5 "the client's echo server" grep -q ready "$lab_dir/echo6.log"
    wait_for 5 "the client's iperf3" lab_listening client6 tcp 5201
}

# Two megabytes one way: more than buffers hide. A path MTU that stays unknown lets it stand still.
pmtu_tcp() { # NS TO [-R]
    in_ns "$1" timeout 10 iperf3 -c "$2" -n 2M "${@:3}" >"$lab_dir/iperf.log" 2>&1 ||
        fail "TCP from $1 ${*:3} with MTU $mtu4 (IPv4) and $mtu6 (IPv6): $(tail -n 3 "$lab_dir/iperf.log")"
}

pmtu_case() { # MTU4 MTU6
    local mtu4=$1 mtu6=$2 from6 from4 ns
    in_ns r4a ip link set mid0 mtu "$mtu4"
    in_ns r4b ip link set mid0 mtu "$mtu4"
    in_ns r6a ip link set mid0 mtu "$mtu6"
    in_ns r6b ip link set mid0 mtu "$mtu6"
    from6=$((mtu6 < mtu4 + 20 ? mtu6 : mtu4 + 20)) from4=$((mtu4 < mtu6 - 20 ? mtu4 : mtu6 - 20))
    from6=$((from6 < 1500 ? from6 : 1500))
    for protocol in udp tcp; do
        for ns in client6 server4; do
            in_ns "$ns" ip route flush cache
            in_ns "$ns" ip -6 route flush cache
        done
        if [ "$protocol" = udp ]; then
            py client6 udp pmtu "$(v6_of "$server_addr")" 7 1452 "$from6"
            py server4 udp pmtu 203.0.113.1 7007 1472 "$from4"
            ask 3000 --reply 100
        else
            pmtu_tcp client6 "$(v6_of "$server_addr")"
            pmtu_tcp server4 203.0.113.1
            pmtu_tcp client6 "$(v6_of "$server_addr")" -R
            pmtu_tcp server4 203.0.113.1 -R
        fi
    done
    printf 'IPv4 link %s, IPv6 link %s: %s from the client, %s from the server\n' "$mtu4" "$mtu6" "$from6" "$from4"
}
