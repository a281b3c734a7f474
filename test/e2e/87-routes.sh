#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel's routes are followed one by one: a large table, churn, metrics, several next hops,
# blackholes; and afterwards the tables and the memory are as they were.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
punt=$(ns_name punt)
fib() { ctl_value "dataplane.fib.$1" status; }
fib_is() { [ "$(fib "$1")" = "$2" ]; }
# A neighbour that the kernel finds or forgets meanwhile is a prefix, a group and an adjacency.
fib_near() {
    local n
    n=$(fib "$1")
    [ "$n" -ge $(($2 - 3)) ] && [ "$n" -le $(($2 + 3)) ]
}
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/${lab_pid[dataplane]}/status"; }
wait_for 5 "a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
# Links of fresh veth pairs come up a moment late, and bring routes.
steady() {
    local before
    before="$(fib prefixes) $(fib resyncs)"
    [ "$(ctl_value 0.link show ports)$(ctl_value 1.link show ports)" = upup ] && sleep 0.7 &&
        [ "$before" = "$(fib prefixes) $(fib resyncs)" ] && fib_is retired 0
}
wait_for 10 "the start to be over" steady
before=$(fib prefixes) groups=$(fib groups) adjacencies=$(fib adjacencies)
nodes4=$(fib nodes_ipv4) nodes6=$(fib nodes_ipv6) resyncs=$(fib resyncs)

# 40,000 routes of all kinds of lengths, both families, in one batch; then all of them away.
/usr/bin/python3 - "$lab_dir" <<'PY'
import sys
with open(sys.argv[1] + "/add", "w") as add, open(sys.argv[1] + "/del", "w") as away:
    for i in range(32000):
        to = "%d.%d.%d.0/%d" % (11 + (i >> 16), i >> 8 & 255, i & 255, 24)
        add.write("route add %s via 198.51.100.2 dev p4\n" % to)
        away.write("route del %s\n" % to)
    for i in range(8000):
        to = "2a00:%x:%x::/48" % (i >> 8, i & 255)
        add.write("-6 route add %s via 2001:db8:6::2 dev p6\n" % to)
        away.write("-6 route del %s\n" % to)
PY
batch() { # FILE PREFIXES
    local start
    start=$(now_ms)
    sed '/^-6/d' "$lab_dir/$1" | ip -n "$punt" -batch -
    sed -n 's/^-6 //p' "$lab_dir/$1" | ip -n "$punt" -6 -batch -
    kernel=$(seconds_since "$start")
    wait_for 20 "$2 prefixes" fib_near prefixes "$2"
    say "$1: 40,000 routes, the kernel took $kernel s, the table was there after $(seconds_since "$start") s"
}
batch add $((before + 40000))
full=$(rss_kib)
wait_for 5 "a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
batch del "$before"
expect_equal "resyncs meanwhile" "$resyncs" "$(fib resyncs)"
expect_equal "refused" 0 "$(fib refused)"
batch add $((before + 40000))
batch del "$before"
again=$(rss_kib)
[ "$again" -le $((full + 4096)) ] || fail "memory grows: $full KiB with a full table, $again KiB later"

# Churn with next hops of their own, more than the tables have rows for: 70,000 changes.
/usr/bin/python3 - >"$lab_dir/churn" <<'PY'
for i in range(35000):
    print("route replace 192.0.2.0/24 via 198.51.100.2 dev p4 onlink metric %d" % (i % 7 + 10))
    print("route replace 203.0.113.128/25 via 10.%d.%d.%d dev p4 onlink" % (i >> 16, i >> 8 & 255, i & 255))
PY
ip -n "$punt" -batch "$lab_dir/churn"
ip -n "$punt" -batch - <<<"route del 203.0.113.128/25"
for m in 10 11 12 13 14 15 16; do ip -n "$punt" route del 192.0.2.0/24 metric $m; done
wait_for 10 "the prefixes of before" fib_near prefixes "$before"
wait_for 5 "the retired ones to be free" fib_is retired 0
fib_near adjacencies "$adjacencies" || fail "adjacencies: $adjacencies before, $(fib adjacencies) now"
fib_near groups "$groups" || fail "groups: $groups before, $(fib groups) now"
fib_near nodes_ipv4 "$nodes4" || fail "nodes: $nodes4 before, $(fib nodes_ipv4) now"
fib_near nodes_ipv6 $((nodes6 + 12)) || fib_near nodes_ipv6 "$nodes6" || fail "nodes: $nodes6 before, $(fib nodes_ipv6) now"
expect_equal "resyncs meanwhile" "$resyncs" "$(fib resyncs)"
expect_equal "refused" 0 "$(fib refused)"

# A blackhole takes the server away, and gives it back.
ip -n "$punt" route add blackhole "$server_addr/32"
discarded() { ctl show routes --json | tr -d ' \n' | grep -q '"discard":true'; }
wait_for 5 "the blackhole" discarded
! in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")" >/dev/null || fail "a blackhole forwards"
ip -n "$punt" route del blackhole "$server_addr/32"
wait_for 5 "a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"

# Two next hops, of which one goes away.
ip -n "$punt" route add 192.0.2.0/24 nexthop via 198.51.100.2 dev p4 nexthop via 10.9.9.9 dev p4 onlink
two_hops() { ctl show routes --json | tr -d ' \n' | grep -Eq '"198.51.100.2"[^]]*10.9.9.9[^]]*],"local":false,"to":"192.0.2.0/24"'; }
one_hop() { ! ctl show routes --json | grep -q 10.9.9.9; }
wait_for 5 "two next hops" two_hops
ip -n "$punt" route replace 192.0.2.0/24 via 198.51.100.2 dev p4
wait_for 5 "one next hop" eval '! ctl show routes --json | tr -d " \n" | grep -q 10.9.9.9'

# The way to the server by an IPv6 gateway, as BGP over unnumbered links installs it (RFC 8950).
gateway=fe80::4
in_ns server4 sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0
ip -n "$(ns_name server4)" addr add $gateway/64 dev eth0 nodad
ip -n "$punt" route add "$server_addr/32" via inet6 "$gateway" dev p4
by_ipv6() { ctl show routes --json | tr -d ' \n' | grep -q "\"via\":\"$gateway\""; }
wait_for 5 "the route by an IPv6 gateway" by_ipv6
wait_for 5 "a ping by it" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
ip -n "$punt" route del "$server_addr/32"

# A link that goes down takes its routes along, and brings the table up to date.
ip -n "$punt" link set p4 down
no_default() { ! ctl show routes --json | grep -q '"0.0.0.0/0"'; }
wait_for 5 "the routes to go" no_default
ip -n "$punt" link set p4 up
ip -n "$punt" route add default via 198.51.100.2
wait_for 5 "a ping" in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"
