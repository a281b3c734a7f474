#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isthmusctl dns64: status, counters, upstreams, explain, the cache's listing and flush, PREF64; who may do
# what; nothing of it changes what is cached but flush, and clients are served meanwhile.
# ids: T-8781-002 T-8781-003 T-8781-004 T-8781-005 T-8781-006
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
conf=$lab_dir/dns64.conf
chmod 755 "$lab_dir" # user nobody reads the file again
write_conf() { # PREFIXES [LINES OF dns64]
    cat >"$conf" <<CONF
nat64 = { prefixes = [ $1 ]; pool = ( { addresses = "$pool"; } ); };
control = { read_users = "games"; };
dns64 = {
    listen = [ "[::1]:53" ]; upstreams = [ "127.0.0.2:5300", "127.0.0.3:5300" ]; user = "nobody"; threads = 2;
    socket = "$lab_dir/dns64.sock"; allow = [ "::1", "2001:db8::/32" ];
    views = ( { name = "office"; clients = [ "2001:db8:5::/48" ]; synthesis = false; } ); ${2:-}
};
CONF
}
value() { dns64_ctl "${@:2}" --json | /usr/bin/python3 "$tools/json_value.py" "$1"; }
short() { in_ns dns dig @::1 +tries=1 +timeout=4 +short "$@"; }
asked() { grep -c "^$1\$" "$lab_dir/upstream.log" || true; }

expect_status "nobody there" 3 dns64_ctl status
expect_match "nobody there" "cannot reach isthmus-dns64 on .*systemctl start isthmus-dns64.*--dns64-socket" "$(tr '\n' ' ' <<<"$out")"
write_conf "\"$pref64\"" 'socket_group = "no-such-group-here";'
expect_status "a group that there is not" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" --check
expect_match "a group that there is not" 'there is no group "no-such-group-here" on this host' "$out"
write_conf "\"$pref64\""
spawn_py upstream dns dns_upstream 127.0.0.2 5300
wait_for 5 "the resolver" grep -q ready "$lab_dir/upstream.log"
lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$conf"
wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
expect_match "a second one" "somebody answers on this socket already" \
    "$(sed 's/::1\]:53/::1]:54/' "$conf" >"$lab_dir/second.conf"; in_ns dns "$bin/dns64/isthmus-dns64" -c "$lab_dir/second.conf" 2>&1)"

# explain: asks upstream, and leaves nothing behind.
why=$(dns64_ctl explain v4only.example)
expect_match "explain" "^answer: NOERROR, synthesized \(AAAA made from A records; RFC 6147 s5.1.7\), kept for 120 s" "$why"
expect_match "explain" "v4only.example. 120 IN AAAA 2001:db8:64::c000:221" "$why"
expect_match "explain" "^the name may be synthesized" "$why"
expect_equal "explain caches nothing" 0 "$(value cache.entries status)"
dns64_ctl explain v4only.example >/dev/null
expect_equal "nor what upstream says" 2 "$(asked 'v4only.example. A')"
expect_match "explain has_aaaa" "^answer: NOERROR, has_aaaa" "$(dns64_ctl explain both.example)"
expect_match "explain a view" "^no synthesis: the client's view has no DNS64" "$(dns64_ctl explain v4only.example --client 2001:db8:5::7)"
expect_match "explain a stranger" "^answer: REFUSED, not_allowed" "$(dns64_ctl explain v4only.example --client 2001:dead::7)"
expect_match "explain CD" "client_checks" "$(dns64_ctl explain v4only.example --cd --do)"
expect_match "explain an address" "IN PTR v4only.example" "$(dns64_ctl explain 2001:db8:64::c000:221)"
expect_match "explain A" "IN A 192.0.2.33" "$(dns64_ctl explain v4only.example --type A)"
expect_match "explain here" "^answered here: ipv4only.arpa" "$(dns64_ctl explain ipv4only.arpa)"
expect_status "no name" 1 dns64_ctl explain a..b
expect_match "no name" '"a..b" is no domain name' "$out"
expect_equal "nothing yet" "(none)" "$(dns64_ctl cache show)"

# What clients ask is cached: an answer, and what it was made from.
for name in v4only both short; do
    for _ in 1 2 3 4 5 6 7 8; do short "$name.example" AAAA >/dev/null; done
done
short nothing.example AAAA >/dev/null
shown=$(dns64_ctl cache show v4only.example --type AAAA --records)
expect_match "cache show" "^v4only.example. +AAAA +(1[01][0-9]|120) +plain +default +synthesized +NOERROR" "$shown"
expect_match "cache show" "    v4only.example. 1[0-9]+ IN AAAA 2001:db8:64::c000:221" "$shown"
expect_match "cache show" "^v4only.example. +AAAA +[0-9]+ +resolution " "$shown"
expect_match "NXDOMAIN" "^nothing.example. +any +[0-9]+ +resolution .*NXDOMAIN" "$(dns64_ctl cache show --zone nothing.example)"
all=$(dns64_ctl cache show --json | wc -l)
expect_equal "entries" "$(value cache.entries status)" "$all"
expect_equal "entries, counted" "$all" "$(dns64_ctl cache show --count)"
expect_equal "a limit" 2 "$(dns64_ctl cache show --limit 2 --json | wc -l)"
expect_match "explain what lies ready" "^thread [01] has an answer ready: synthesized, for 1[0-9]+ s more" "$(dns64_ctl explain v4only.example)"
expect_equal "entries after explain" "$all" "$(value cache.entries status)"
expect_equal "counters" 24 "$(($(value answers_synthesized.value counters) + $(value answers_has_aaaa.value counters)))"
expect_equal "queries" 25 "$(value queries_udp.value counters)"
expect_match "counters" "^answers_nxdomain +1  " "$(dns64_ctl counters)"
expect_no_match "counters of 0" "answers_bogus" "$(dns64_ctl counters)"
expect_match "counters of 0" "answers_bogus +0  DNSSEC validation failed" "$(dns64_ctl counters --all)"

# A made-up cursor is refused; so is a misspelt parameter.
rpc() { py dns rpc "$lab_dir/dns64.sock" "$@"; }
expect_match "a cursor" '"code":-32602,"message":"cursor: is none of this server' "$(rpc cache.show '{"cursor": "0:3:77"}')"
expect_match "a parameter" '"code":-32602.*nam: is no parameter here' "$(rpc cache.flush '{"nam": "x.example"}')"

# Flush: a name, a zone, all; an answer of a flushed name is asked for again.
before=$(asked 'v4only.example. AAAA')
expect_match "flush a name" "^flushed [0-9]+ entries" "$(dns64_ctl cache flush V4ONLY.example)"
expect_equal "flushed" 0 "$(dns64_ctl cache show v4only.example --count)"
expect_equal "others are there" 1 "$(($(dns64_ctl cache show both.example --count) > 0))"
short v4only.example AAAA >/dev/null
expect_equal "asked again" $((before + 1)) "$(asked 'v4only.example. AAAA')"
expect_match "flush a zone" "^flushed [0-9]+ entr" "$(dns64_ctl cache flush --zone example)"
expect_equal "the zone is empty" 0 "$(dns64_ctl cache show --count)"
short both.example AAAA >/dev/null
n=$(dns64_ctl cache show --count)
[ "$n" -ge 1 ] || fail "nothing is cached"
expect_equal "flush all" "$n" "$(value entries cache flush all)"
expect_equal "nothing is left" 0 "$(dns64_ctl cache show --count)"
expect_status "flush what?" 2 dns64_ctl cache flush

# Upstreams: one answers, one does not listen.
sed -i 's/"127.0.0.2:5300", "127.0.0.3:5300"/"127.0.0.3:5300", "127.0.0.2:5300"/' "$conf"
expect_equal "the file" "has changed since it was read: a reload applies it" "$(value file_state status)"
kill -HUP "${lab_pid[dns64]}"
wait_for 5 "the reload" grep -q reloaded "$lab_dir/dns64.log"
for i in 1 2 3 4 5 6 7 8 9; do short "n$i.example" AAAA >/dev/null; done
table=$(dns64_ctl upstreams)
expect_match "upstreams" "^127.0.0.3:5300 +down" "$table"
expect_match "upstreams" "^127.0.0.2:5300 +healthy +[0-9.]+ +[0-9]+ +[1-9]" "$table"

# Who may do what: games looks, nobody else does anything.
as() { setpriv --reuid "$1" --regid nogroup --clear-groups "$bin/control/isthmusctl" dns64 --dns64-socket "$lab_dir/dns64.sock" "${@:2}"; }
expect_status "games looks" 0 as games status
expect_status "games may not see what others ask for" 4 as games cache show
expect_status "games may not flush" 4 as games cache flush all
expect_status "daemon may nothing" 4 as daemon status

# PREF64: every prefix of a view, as ipv4only.arpa tells it too; lifetimes rounded up to 8 s.
expect_equal "PREF64" "$pref64" "$(value options.0.prefix pref64)"
expect_equal "three times the interval" 1800 "$(value options.0.lifetime_seconds pref64)"
expect_equal "the interval" 600 "$(value options.0.lifetime_seconds pref64 --max-interval 200)"
expect_equal "rounded up" 16 "$(value options.0.lifetime_seconds pref64 --lifetime 9)"
expect_equal "withdrawn" 0 "$(value options.0.lifetime_seconds pref64 --lifetime 0)"
expect_status "too long" 2 dns64_ctl pref64 --lifetime 65529
write_conf '"2001:db8:64::/96", "2001:db8:a::/64", "2001:db8:b::/56", "2001:db8:c::/48", "2001:db8:d00::/40", "2001:db8::/32"'
expect_equal "reload by the socket" '{"id":1,"jsonrpc":"2.0","result":{"reloaded":true}}' "$(rpc reload)"
expect_equal "six prefixes" 6 "$(value 'options.#' pref64)"
expect_equal "codes 0 to 5" "0 1 2 3 4 5" "$(dns64_ctl pref64 --json | /usr/bin/python3 -c '
import json, sys
print(*(int(o["option"][4:8], 16) & 7 for o in json.load(sys.stdin)["options"]))')"
radvd=$(dns64_ctl pref64 --radvd --interface r0)
expect_equal "stanzas" 6 "$(grep -c '^    nat64prefix 2001:db8:.*/[0-9]*$' <<<"$radvd")"
expect_match "which radvd" "radvd 2.20 or later; radvd 2.19, of Debian 12, knows no nat64prefix" "$radvd"
# Each prefix is one that discovery by DNS finds (RFC 7050): the same as in the advertisement.
found=$(short ipv4only.arpa AAAA)
expect_equal "discovery by DNS" 12 "$(wc -l <<<"$found")"
expect_match "discovery by DNS" "^2001:db8:64::c000:aa$" "$found"
write_conf '"2001:db8:64::/60"'
expect_status "a length that RFC 8781 cannot say" 1 in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" --check
expect_status "reload refuses" 1 eval 'out=$(rpc reload); echo "$out"; ! grep -q error <<<"$out"'
expect_status "no such view" 1 dns64_ctl pref64 --view hall
expect_match "no such view" 'there is no view "hall"' "$out"
lab_stop dns64 TERM 5 || fail "isthmus-dns64 did not end"
expect_equal "exit status" 0 "$lab_status"
