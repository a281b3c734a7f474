#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xdp: in dns64.listen, on a veth in copy mode: queries are answered before the kernel has them, by the same rules;
# what the filter does not know goes to the sockets; nothing is left on the interface, whatever the end.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns client
lab_wire dns eth0 client eth0
lab_addr dns eth0 192.0.2.53/24 2001:db8:53::53/64
lab_addr client eth0 192.0.2.9/24 2001:db8:53::9/64 2001:db8:9::9/64
lab_route dns 2001:db8:9::/64 dev eth0
lab_route client 198.51.100.0/24 via 192.0.2.53
conf=$lab_dir/dns64.conf
chmod 755 "$lab_dir"
write_conf() { # LISTEN [LINES OF dns64]
    cat >"$conf" <<CONF
nat64 = { prefixes = [ "$pref64" ]; };
dns64 = {
    listen = [ $1 ]; upstreams = [ "127.0.0.2:5300" ]; user = "nobody"; threads = 1; metrics = "";
    socket = "$lab_dir/dns64.sock"; allow = [ "192.0.2.0/24", "2001:db8:53::/48" ]; ${2:-}
};
CONF
}
start() {
    : >"$lab_dir/dns64.log" # what an earlier one said does not count
    lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$conf"
    wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
    before=0
}
count() { dns64_ctl counters --json | /usr/bin/python3 "$tools/json_value.py" "$1.value"; }
query() { in_ns client dig "$@" +tries=1 +timeout=4; }
# taken N COMMAND...: the command makes N queries come by XDP.
taken() {
    local n=$1 now
    shift
    "$@" >"$lab_dir/said" || fail "$*: $(cat "$lab_dir/said")"
    now=$(count xdp_queries)
    expect_equal "queries taken from the interface by: $*" "$n" "$((now - before))"
    before=$now
}
frames() { py client dns_frames "$@"; }
filter() { ip -n "$(ns_name dns)" -d link show eth0 | grep -o 'prog/xdp' || true; }
synthetic=$(/usr/bin/python3 -c "import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]))" "$(v6_of 192.0.2.33)")

spawn_py upstream dns dns_upstream 127.0.0.2 5300
wait_for 5 "the resolver" grep -q ready "$lab_dir/upstream.log"
write_conf '"xdp:eth7"'
expect_status "no such interface" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf"
expect_match "no such interface" "dns64.listen xdp:eth7: no such interface" "$out"
write_conf '"xdp:lo"'
expect_status "loopback" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf"
expect_match "loopback" "xdp:lo: is no Ethernet" "$out"

# The interface's own addresses; privileges are gone when it runs.
write_conf '"xdp:eth0"'
start
expect_match "the log" "xdp:eth0: 1 of 1 queues, 2 addresses" "$(cat "$lab_dir/dns64.log")"
expect_equal "the filter" prog/xdp "$(filter)"
expect_match "capabilities" "^CapEff:.0+$" "$(grep CapEff "/proc/${lab_pid[dns64]}/status")"
sed 's/dns64.sock/b.sock/; s/"xdp:eth0"/"xdp:eth0", "192.0.2.53:54"/' "$conf" >"$lab_dir/second.conf"
expect_status "a second one" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$lab_dir/second.conf"
expect_match "a second one" "another (program has the queue|XDP program is there)" "$out"
for server in 192.0.2.53 2001:db8:53::53; do
    taken 1 query @$server v4only.example AAAA # resolved, or from the cache
    expect_match "$server" "$synthetic" "$(cat "$lab_dir/said")"
    taken 1 query @$server +noedns v4only.example AAAA
    expect_match "$server, again" "$synthetic" "$(cat "$lab_dir/said")"
    taken 1 query @$server +noedns +ignore big.example AAAA
    expect_match "$server, too long" "flags:[a-z ]* tc" "$(cat "$lab_dir/said")"
    taken 0 query @$server +tcp big.example AAAA
    expect_match "$server, by TCP" "ANSWER: 150" "$(cat "$lab_dir/said")"
    taken 1 query @$server +cookie both.example AAAA
    expect_match "$server, a cookie" "COOKIE: [0-9a-f]{48} \(good\)" "$(cat "$lab_dir/said")"
done
taken 1 query @2001:db8:53::53 -b 2001:db8:9::9 v4only.example AAAA
expect_match "a stranger" "status: REFUSED" "$(cat "$lab_dir/said")"
# Padded to what one frame does not hold: the kernel puts it together, its socket answers.
taken 0 frames padded 192.0.2.9 192.0.2.53 2400
taken 0 frames padded 2001:db8:53::9 2001:db8:53::53 2400
# A client that leaves checksums to hardware that a veth has not.
in_ns client ethtool -K eth0 tx on >/dev/null
for server in 192.0.2.53 2001:db8:53::53; do taken 1 query @$server v4only.example AAAA; done
in_ns client ethtool -K eth0 tx off >/dev/null

# Frames made by hand: what the kernel would take is answered, what it would not is counted, and what is not
# plain is left to it.
taken 5 frames frames eth0 "$(in_ns dns cat /sys/class/net/eth0/address)"
expect_equal "bad frames" 10 "$(count xdp_bad_frames)"

# Many at once: every one is answered.
for i in $(seq 100); do echo "n$i.example AAAA"; done >"$lab_dir/names"
in_ns client dnsperf -s 2001:db8:53::53 -d "$lab_dir/names" -n 30 -q 100 >"$lab_dir/dnsperf.log" 2>&1
expect_match "dnsperf" "Queries lost: +0 " "$(cat "$lab_dir/dnsperf.log")"
expect_equal "frames that found no room" 0 "$(count xdp_dropped_frames)"
sed -i 's/threads/limits = { rate = 1; rate_slip = 0; }; threads/' "$conf"
kill -HUP "${lab_pid[dns64]}"
wait_for 5 "the reload" grep -q reloaded "$lab_dir/dns64.log"
for _ in 1 2 3; do query @192.0.2.53 +timeout=1 v4only.example AAAA >/dev/null || break; done
expect_match "the rate limit" "rate_limited_queries_dropped +[1-9]" "$(dns64_ctl counters)"

# Killed, it leaves nothing; a second address beside xdp: is served too, an own one that is not listed is not.
lab_stop dns64 KILL
expect_equal "the filter after kill -9" "" "$(filter)"
lab_addr dns lo 198.51.100.53/32
write_conf '"xdp:eth0", "198.51.100.53", "[2001:db8:53::53]:5353"'
start
taken 1 query @198.51.100.53 v4only.example AAAA
expect_match "an address of another interface" "$synthetic" "$(cat "$lab_dir/said")"
taken 1 query @2001:db8:53::53 -p 5353 v4only.example AAAA
expect_match "another port" "$synthetic" "$(cat "$lab_dir/said")"
expect_match "not listed" "connection refused" "$(query @192.0.2.53 v4only.example AAAA 2>&1 || true)"
lab_stop dns64 TERM 5 || fail "isthmus-dns64 did not end"
expect_equal "exit status" 0 "$lab_status"
expect_equal "the filter after its end" "" "$(filter)"

# Wildcards, and a user who is not root but was given what it takes.
write_conf '"xdp:eth0", "0.0.0.0", "[::]"' # the rest is as before
capabilities=+net_bind_service,+net_admin,+net_raw,+bpf,+ipc_lock
chmod 777 "$lab_dir"
: >"$lab_dir/dns64.log"
before=0
lab_spawn dns64 dns setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps "$capabilities" \
    --ambient-caps "$capabilities" "$bin/dns64/isthmus-dns64" -c "$conf"
wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
expect_match "capabilities that stay" "^CapEff:.0+400$" "$(grep CapEff "/proc/${lab_pid[dns64]}/status")"
taken 1 query @192.0.2.53 v4only.example AAAA
link_local=$(in_ns dns ip -6 -o addr show dev eth0 scope link | awk '{ sub("/.*", "", $4); print $4 }')
taken 1 query "@$link_local%eth0" v4only.example AAAA
