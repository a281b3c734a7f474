#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isthmus-dns64 as a program: dig asks it over UDP and TCP, it asks a resolver with a known zone.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
conf=$lab_dir/dns64.conf
chmod 755 "$lab_dir" # user nobody reads the file again
# synthetic IPV4: as dig writes it, without leading zeros
synthetic() { /usr/bin/python3 -c "import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]))" "$(v6_of "$1")"; }
write_conf() { # [LINES OF dns64]
    cat >"$conf" <<CONF
nat64 = { prefixes = [ "$pref64" ]; pool = ( { addresses = "$pool"; } ); };
dns64 = {
    listen = [ "[::1]:53", "127.0.0.1:53" ];
    upstreams = [ "127.0.0.2:5300" ];
    socket = "$lab_dir/dns64.sock";
    user = "nobody";
    threads = 2;
    ${1:-}
};
CONF
}
dns64() { in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" "$@"; }
query() { in_ns dns dig @::1 +tries=1 +timeout=4 +noedns "$@"; }
short() { query +short "$@"; }
ttl() { query +noall +answer "$@" | awk 'NR == 1 { print $2 }'; }
asked() { grep -c "^$1\$" "$lab_dir/upstream.log" || true; }

write_conf 'listen_on = "x";'
expect_status "an unknown key" 1 dns64 --check
write_conf 'trust_anchor = "/tmp/none";'
expect_status "a key that nothing reads" 1 dns64
expect_match "a key that nothing reads" "dns64.trust_anchor: is read with validation = .recursive. only" "$out"
write_conf
expect_status "a good file" 0 dns64 --check

spawn_py upstream dns dns_upstream 127.0.0.2 5300
wait_for 5 "the resolver" grep -q ready "$lab_dir/upstream.log"
lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$conf"
wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
expect_match "user" "^Uid:.$(id -u nobody)" "$(cat "/proc/${lab_pid[dns64]}/status")"

expect_equal "synthesis from A" "$(synthetic 192.0.2.33)" "$(short v4only.example AAAA)"
expect_equal "over IPv4" "$(synthetic 192.0.2.33)" "$(in_ns dns dig @127.0.0.1 +short v4only.example AAAA)"
expect_equal "over TCP" "$(synthetic 192.0.2.33)" "$(short +tcp v4only.example AAAA)"
expect_equal "A as it is" 192.0.2.33 "$(short v4only.example A)"
expect_equal "a native AAAA" 2001:db8:1::35 "$(short both.example AAAA)"
expect_equal "::ffff:0:0/96 is ignored" "$(synthetic 192.0.2.36)" "$(short mapped.example AAAA)"
expect_equal "SERVFAIL to AAAA, then A" "$(synthetic 192.0.2.37)" "$(short broken.example AAAA)"
expect_match "NXDOMAIN" "status: NXDOMAIN" "$(query nothing.example AAAA)"
expect_equal "TTL: of the A" 50 "$(ttl short.example AAAA)"
ttl=$(ttl v4only.example AAAA) # from the cache of one thread, or new
[ "$ttl" -le 120 ] && [ "$ttl" -ge 110 ] || fail "TTL: of the SOA: 110 to 120 expected, $ttl found"
reverse=$(query -x "$(synthetic 192.0.2.33)")
expect_match "PTR" "CNAME.33\.2\.0\.192\.in-addr\.arpa\." "$reverse"
expect_match "PTR" "PTR.v4only\.example\." "$reverse"
expect_equal "ipv4only.arpa" "$(printf '%s\n' "$(synthetic 192.0.0.170)" "$(synthetic 192.0.0.171)" | sort)" \
    "$(short ipv4only.arpa AAAA | sort)"
expect_equal "ipv4only.arpa is answered here" 0 "$(asked 'ipv4only.arpa. AAAA')"
expect_match "too long for UDP" "flags:[a-z ]* tc" "$(query +ignore big.example AAAA)"
expect_equal "150 addresses over TCP" 150 "$(short +tcp big.example AAAA | wc -l)"
for _ in 1 2 3 4 5 6 7 8; do short both.example AAAA >/dev/null; done
[ "$(asked 'both.example. AAAA')" -le 2 ] || fail "the cache: one question a thread expected"

# A client from another network may not ask.
lab_addr dns lo 192.0.2.200/32
expect_match "a stranger" "status: REFUSED" "$(in_ns dns dig @127.0.0.1 -b 192.0.2.200 v4only.example AAAA)"

write_conf 'allow = [ "192.0.2.200/32" ];'
kill -HUP "${lab_pid[dns64]}"
wait_for 5 "the reload" grep -q reloaded "$lab_dir/dns64.log"
expect_match "a stranger no more" "status: NOERROR" "$(in_ns dns dig @127.0.0.1 -b 192.0.2.200 v4only.example AAAA)"
write_conf 'threads = 3;'
sed -i '/threads = 2/d' "$conf"
kill -HUP "${lab_pid[dns64]}"
wait_for 5 "the refusal" grep -q "not reloaded: dns64.threads" "$lab_dir/dns64.log"

# The resolver is gone: an error, not silence; then a clean end.
lab_stop upstream
expect_match "no resolver" "status: SERVFAIL" "$(in_ns dns dig @127.0.0.1 -b 192.0.2.200 +timeout=8 +tries=1 other.example AAAA)"
lab_stop dns64 TERM 5 || fail "isthmus-dns64 did not end"
expect_equal "exit status" 0 "$lab_status"
