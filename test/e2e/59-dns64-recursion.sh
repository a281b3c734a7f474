#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isthmus-dns64 without resolvers: it recurses from the root on, validates, and makes nothing from data that
# do not validate.
# ids: T-6147-sec-001 T-6147-sec-002 T-6147-sec-003
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/tools/dns_signed_zones.sh
. "$(dirname "$0")/tools/dns_signed_zones.sh"
lab_begin
lab_ns dns
for address in "${root_v4[@]}"; do lab_addr dns lo "$address/32"; done
chmod 755 "$lab_dir" # user nobody reads the file again
zones=$lab_dir/zones
mkdir "$zones"
write_zones "$zones"
chmod -R a+rX "$zones"
conf=$lab_dir/dns64.conf
write_conf() { # [LINES OF dns64]
    cat >"$conf" <<CONF
nat64 = { prefixes = [ "$pref64" ]; pool = ( { addresses = "$pool"; } ); };
dns64 = { listen = [ "[::1]:53" ]; user = "nobody"; socket = ""; metrics = ""; validation = "recursive"; $1 };
CONF
}
dns64() { in_ns dns "$bin/dns64/isthmus-dns64" -c "$conf" "$@"; }
query() { in_ns dns dig @::1 +tries=1 +timeout=8 "$@"; }
short() { query +short "$@"; }
synthetic() { /usr/bin/python3 -c "import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]))" "$(v6_of "$1")"; }

write_conf 'upstreams = [ "192.0.2.53" ];'
expect_status "resolvers and recursion" 1 dns64 --check
expect_match "resolvers and recursion" "dns64.upstreams: .*remove the key" "$out"
write_conf 'trust_anchor = "/nowhere";'
expect_status "no trust anchor" 1 dns64
expect_match "no trust anchor" 'trust_anchor "/nowhere": cannot be read.*dns-root-data' "$out"
echo "this is no trust anchor" >"$lab_dir/junk"
write_conf "trust_anchor = \"$lab_dir/junk\";"
expect_status "a trust anchor that is none" 1 dns64
expect_match "a trust anchor that is none" "trust_anchor .*junk.*libunbound" "$out"
write_conf "trust_anchor = \"$zones/root.key\"; cpus = [ 0, 0 ];"
expect_status "a CPU twice" 1 dns64 --check
expect_match "a CPU twice" "dns64.cpus: 0 stands there twice" "$out"
write_conf "trust_anchor = \"$zones/root.key\"; cpus = [ 1023 ];"
expect_status "a CPU that is not there" 1 dns64 --check
expect_match "a CPU that is not there" "dns64.cpus: this process may not run on CPU 1023" "$out"

lab_spawn named dns named -f -n 1 -c "$zones/named.conf"
wait_for 10 "named" lab_listening dns udp 53
cpu=$(/usr/bin/python3 -c "import os; print(max(os.sched_getaffinity(0)))")
write_conf "trust_anchor = \"$zones/root.key\"; cpus = [ $cpu ];"
lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$conf"
wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
pinned() { grep -qx "Cpus_allowed_list:.$cpu" /proc/"${lab_pid[dns64]}"/task/*/status; }
wait_for 5 "the thread on its CPU" pinned

answer=$(query +dnssec v4only.example AAAA)
expect_match "synthesis from what validates" "AAAA.$(synthetic 192.0.2.33)" "$answer"
expect_match "synthesis from what validates is told" "flags:[a-z ]* ad" "$answer"
expect_equal "a native AAAA" 2001:db8:1::34 "$(short both.example AAAA)"
expect_match "secure data" "flags:[a-z ]* ad" "$(query +dnssec both.example AAAA)"
expect_match "along an alias" "$(synthetic 192.0.2.33)" "$(short alias.example AAAA)"
answer=$(query +dnssec v4only.plain AAAA)
expect_match "a zone that is not signed" "AAAA.$(synthetic 192.0.2.40)" "$answer"
expect_no_match "a zone that is not signed: no AD" "flags:[a-z ]* ad" "$answer"
expect_match "NXDOMAIN" "status: NXDOMAIN.*" "$(query nothing.example AAAA)"

# The A record was changed after signing: the AAAA's absence validates, the A does not.
answer=$(query forged.example AAAA)
expect_match "no synthesis from a forged A" "status: SERVFAIL" "$answer"
expect_match "no synthesis from a forged A: why" "EDE: 6" "$answer"
# The proof that there is no AAAA was changed: the A is good, and is not used.
answer=$(query denied.example AAAA)
expect_match "no synthesis after a forged denial" "status: SERVFAIL" "$answer"
expect_match "no synthesis after a forged denial: why" "EDE: 6" "$answer"
expect_match "a forged AAAA" "status: SERVFAIL" "$(query forged6.example AAAA)"
# Asked again, while the failure is remembered: a failure of AAAA is no reason to use the A, here.
expect_equal "nothing synthetic in any of them" "" "$(for n in forged denied forged6; do short $n.example AAAA; done)"
# Who validates by himself gets what there is (RFC 6147 section 3).
expect_equal "CD: data that do not validate" 192.0.2.99 "$(short +cd +dnssec forged.example A | head -n 1)"
expect_equal "CD: no synthesis" "" "$(short +cd +dnssec denied.example AAAA | grep -v NSEC || true)"
expect_match "and others still do not" "status: SERVFAIL" "$(query forged.example A)"

# A reload keeps it going; the servers gone: an error in time; a clean end.
kill -HUP "${lab_pid[dns64]}"
wait_for 5 "the reload" grep -q reloaded "$lab_dir/dns64.log"
expect_equal "after a reload" "$(synthetic 192.0.2.40)" "$(short v4only.plain AAAA)"
lab_stop named
expect_match "no server" "status: SERVFAIL" "$(query late.plain A)"
lab_stop dns64 TERM 5 || fail "isthmus-dns64 did not end"
expect_equal "exit status" 0 "$lab_status"
