#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One reload changes the gateway and isthmus-dns64: a prefix of the file is answered and translated at once. What
# isthmus-dns64 refuses changes neither; away or at a standstill it holds up nobody; with --confirm it follows the confirmation.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
# shellcheck disable=SC2034 # read by gw_write_conf
dns64_text='listen = [ "[2001:db8:6::1]:53" ]; upstreams = [ "198.51.100.10:53" ]; allow = ( "2001:db8:6::/48" ); user = "nobody"; threads = 1;'
lab_chain
gw_write_conf
gw_start
gw_start_dns64
lab_spawn upstream server4 dnsmasq -k -C /dev/null -R -h --no-daemon --local-ttl=60 --address=/www.example/"$server_addr"
wait_for 5 "the resolver" lab_listening server4 tcp 53
conf=$(gw_conf)
old=$pref64 new=2001:db8:65::/96
change() { sed -i "s|$1|$2|" "$conf"; }
address() { in_ns client6 dig @"$gw6_addr" +tries=2 +timeout=2 +short www.example AAAA; }
behind() { pref64=$1 v6_of "$server_addr" | /usr/bin/python3 -c 'import ipaddress; print(ipaddress.ip_address(input()))'; }
reachable() { in_ns client6 ping -c 1 -W 2 "$1"; }
prefix() { dns64_ctl pref64 --json | /usr/bin/python3 "$tools/json_value.py" options.0.prefix; }
gateway() { ctl show config | grep -o '2001:db8:6[45]::/96'; }

expect_equal "before" "$(behind "$old")" "$(address)"
reachable "$(behind "$old")"

change "$old" "$new"
expect_match "--dry-run" "^isthmus-dns64: would reload" "$(ctl reload --dry-run)"
expect_equal "a dry run changes nothing" "$old" "$(prefix)"
said=$(ctl reload)
say "$said"
expect_match "reload" "\+ .*2001:db8:65::/96" "$said"
expect_match "reload" "^isthmus-dns64: reloaded$" "$said"
expect_equal "the new prefix by DNS" "$(behind "$new")" "$(address)"
reachable "$(address)"
expect_status "the old one is translated no more" 1 reachable "$(behind "$old")"

# Refused by isthmus-dns64 alone: the gateway keeps its prefix.
change "$new" "$old"
change 'threads = 1' 'threads = 2'
expect_status "a key for a restart" 1 ctl reload
expect_match "a key for a restart" "isthmus-dns64 refuses the file: .*dns64.threads: changes with a restart only; nothing was changed" "$out"
expect_equal "the gateway" "$new" "$(gateway)"
expect_equal "isthmus-dns64" "$new" "$(prefix)"
reachable "$(address)"
change 'threads = 2' 'threads = 1'

# Refused by the gateway: isthmus-dns64 keeps its prefix.
change 'max_sessions = 65536' 'max_sessions = many'
expect_status "no valid file" 1 ctl reload
expect_equal "isthmus-dns64" "$new" "$(prefix)"
change 'max_sessions = many' 'max_sessions = 65536'

# With a way back: isthmus-dns64 has the gateway's prefixes at every moment, its own section with the confirmation.
change 'threads = 1;' 'threads = 1; any = "hinfo";'
any() { in_ns client6 dig @"$gw6_addr" +tries=2 +timeout=2 "$1.www.example" ANY; }
expect_match "--confirm" "^isthmus-dns64: has the prefixes; takes its own section with isthmusctl confirm$" "$(ctl reload --confirm 30)"
expect_equal "both have it" "$(behind "$old")" "$(address)"
reachable "$(address)"
expect_match "not what the file says" "isthmus-control gave" "$(dns64_ctl status --json)"
expect_no_match "not yet" "RFC8482" "$(any a)"
expect_match "confirm" "^isthmus-dns64: reloaded$" "$(ctl confirm)"
expect_equal "confirmed" "$(behind "$old")" "$(address)"
expect_match "its own section" "RFC8482" "$(any b)"
expect_match "what the file says" "is what runs" "$(dns64_ctl status --json)"
# Nobody confirms.
change "$old" "$new"
ctl reload --confirm 1 >/dev/null
expect_equal "both have it" "$(behind "$new")" "$(address)"
back() { [ "$(prefix)" = "$old" ] && [ "$(gateway)" = "$old" ]; }
wait_for 5 "both go back" back
expect_equal "gone back" "$(behind "$old")" "$(address)"
reachable "$(address)"
# rollback
ctl reload >/dev/null
expect_equal "before" "$(behind "$new")" "$(address)"
expect_match "rollback" "^isthmus-dns64: follows$" "$(ctl rollback)"
expect_equal "rollback" "$(behind "$old")" "$(address)"
reachable "$(address)"
expect_match "the file again" "^isthmus-dns64: reloaded$" "$(ctl reload)"
# Refused when the gateway has it already: the gateway goes back. Another server on the socket says so.
lab_stop dns64 TERM 5
rm -f "$lab_dir/dns64.sock"
lab_spawn liar client6 "$tools/dns64_liar.py" "$lab_dir/dns64.sock"
wait_for 5 "the liar" test -S "$lab_dir/dns64.sock"
change "$new" "$old"
expect_status "refused late" 1 ctl reload
expect_match "refused late" "refuses the file: .*no more.*; the gateway has gone back to the policy before" "$out"
expect_equal "the gateway" "$new" "$(gateway)"
reachable "$(behind "$new")"
lab_stop liar TERM 5
rm -f "$lab_dir/dns64.sock"
change "$old" "$new"
gw_start_dns64
expect_equal "back to before" "$(behind "$new")" "$(address)"
change "$new" "$old"
expect_match "once more" "^isthmus-dns64: reloaded$" "$(ctl reload)"

# At a standstill: control serves others meanwhile.
change "$old" "$new"
kill -STOP "${lab_pid[dns64]}"
ctl reload >"$lab_dir/stalled" &
stalled=$!
start=$(now_ms)
for _ in 1 2 3 4 5; do ctl show pools >/dev/null; done
took=$(($(now_ms) - start))
kill -0 "$stalled" || fail "the reload did not wait for isthmus-dns64"
[ "$took" -lt 1500 ] || fail "five requests took $took ms beside a reload that waits"
kill -CONT "${lab_pid[dns64]}"
wait "$stalled" || fail "reload: $(cat "$lab_dir/stalled")"
expect_match "it came back in time" "^isthmus-dns64: reloaded$" "$(cat "$lab_dir/stalled")"
expect_equal "isthmus-dns64" "$new" "$(prefix)"

# For longer: the gateway has the file, with a warning, after one wait.
kill -STOP "${lab_pid[dns64]}"
change "$new" "$old"
start=$(now_ms)
expect_match "at a standstill" "^warning: isthmus-dns64 does not answer.*or at the next reload" "$(ctl reload)"
[ $(($(now_ms) - start)) -lt 5000 ] || fail "a reload waited for $(($(now_ms) - start)) ms"
expect_equal "the gateway" "$old" "$(gateway)"
kill -CONT "${lab_pid[dns64]}"
expect_match "the next reload" "^isthmus-dns64: reloaded$" "$(ctl reload)"
expect_equal "isthmus-dns64" "$old" "$(prefix)"

# Away: a warning.
change "$old" "$new"
lab_stop dns64 TERM 5
said=$(ctl reload)
expect_match "away" "^isthmus-dns64: not running$" "$said"
expect_match "away" "^warning: isthmus-dns64 is away .*reads the file when it starts" "$said"
expect_equal "the gateway goes on" "$new" "$(gateway)"
expect_equal "--json" not_running "$(ctl_value dns64.state reload)"
kill -HUP "${lab_pid[control]}"
wait_for 5 "the log of a reload by signal" grep -q "isthmus-dns64 is away.*reads the file when it starts" "$lab_dir/control.log"
reachable "$(behind "$new")"
gw_start_dns64
expect_equal "at its start" "$(behind "$new")" "$(address)"
