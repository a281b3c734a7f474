#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Subscribers meet through the pool, whichever of two workers owns them: UDP, TCP, pings, fragments, and
# errors inside.
# ids: T-6146-hair-001 T-6146-hair-002 T-6146-hair-007 T-4787-008
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1 ]' pool=203.0.113.1-203.0.113.2
# Owners follow from a hash that is seeded at each start: of five hosts all had the same one in 1 of 16 runs.
hosts=()
for n in {1..16}; do hosts+=("2001:db8:6:a$(printf %02x "$n")::2"); done
web=${hosts[1]}
nat64_extra="static = (
  { protocol = \"udp\"; ipv4 = \"203.0.113.1\"; ports = \"7007-7008\"; ipv6 = \"$web\"; ipv6_ports = \"7-8\"; },
  { protocol = \"tcp\"; ipv4 = \"203.0.113.1\"; ports = \"8080\"; ipv6 = \"$web\"; ipv6_ports = \"80\"; },
  { protocol = \"icmp\"; ipv4 = \"203.0.113.1\"; ports = \"700\"; ipv6 = \"$web\"; ipv6_ports = \"7\"; },
  { protocol = \"icmp\"; ipv4 = \"203.0.113.2\"; ports = \"700\"; ipv6 = \"${hosts[0]}\"; ipv6_ports = \"700\"; } );"
lab_chain
for host in "${hosts[@]}"; do lab_addr client6 eth0 "$host/128"; done
gw_start
spawn_py reflect server4 meet reflect "$server_addr" 3478
wait_for 5 "the mirror" grep -q ready "$lab_dir/reflect.log"
t1=$(v6_of 203.0.113.1)
expect_match "everybody meets everybody" "^240 pairs met" "$(py client6 meet hairpin "$pref64" "$server_addr" 3478 "${hosts[@]}")"
expect_match "both workers have subscribers" "^2$" "$(ctl show subscribers --json | grep -o '"worker": *[0-9]' | sort -u | wc -l)"
spawn_py echo6 client6 udp echo "$web" 7
wait_for 5 "the echo server" grep -q ready "$lab_dir/echo6.log"
for host in "${hosts[@]}"; do py client6 udp ask "$t1" 7007 400 --from "$host"; done
py client6 udp ask "$t1" 7007 3000 --from "${hosts[2]}" --count 3
expect_equal "nobody on that port" ECONNREFUSED "$(py client6 meet refused "$t1" 7008 --from "${hosts[0]}")"
expect_equal "no such mapping" ENETUNREACH "$(py client6 meet refused "$t1" 9 --from "${hosts[0]}")"
lab_spawn web client6 /usr/bin/python3 -m http.server --bind "$web" --directory "$lab_dir/state" 80
wait_for 5 "the web server" lab_listening client6 tcp 80
for host in "${hosts[@]}"; do in_ns client6 curl -sf -m 5 -o /dev/null --interface "$host" "http://[$t1]:8080/"; done
in_ns client6 ping -c 2 -i 0.2 -W 2 -e 700 -I "${hosts[0]}" "$t1"
n=$(ctl show counters | awk "\$1 == \"hairpinned\" { print \$2 }")
# 240 for the pairs, 2 for each of 16 questions, and at least 8 for each of 16 fetches.
[ "$n" -ge 400 ] || fail "hairpinned: $n"
ctl check
