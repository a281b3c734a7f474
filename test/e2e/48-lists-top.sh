#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Lists with filters, counts and an order; the live view, once and on a terminal; completion; the manual.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
server_echo
for _ in 1 2 3; do ask 50 --count 1; done
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")" >"$lab_dir/ping"

expect_equal "sessions" 4 "$(ctl show sessions --count)"
expect_equal "of udp" 3 "$(ctl show sessions --protocol udp --count)"
expect_equal "of the remote" 3 "$(ctl show sessions --remote "$server_addr" --remote-port 7 --state open --count)"
expect_equal "of nobody" '{"count":0}' "$(ctl show sessions --subscriber 2001:db8:7::/56 --count --json)"
expect_equal "a limit" 2 "$(ctl show bindings --limit 2 --json | wc -l)"
row=$(ctl show bindings --protocol udp --limit 1 --json)
t=$(grep -o '"t":"[^"]*"' <<<"$row" | cut -d'"' -f4)
t_id=$(grep -o '"t_id":[0-9]*' <<<"$row" | cut -d: -f2)
expect_equal "one port" 1 "$(ctl show bindings --pool-address "$t" --port "$t_id" --protocol udp --count)"
text=$(ctl show subscribers --sort sessions)
expect_match "subscribers" "^2001:db8:6:c::/64 +$t +4 +4 +3 +0 +1 " "$text"
expect_status "no such state" 1 ctl show sessions --state sleepy
expect_match "no such state" "established" "$out"
expect_status "no such protocol" 2 ctl show sessions --protocol sctp

# Lists that come whole have filters, an order and a count too.
expect_equal "addresses of the pool" 16 "$(ctl show pools --count)"
expect_equal "of a prefix" 4 "$(ctl show pools --address 203.0.113.4/30 --count)"
expect_equal "the fullest one" "$t" "$(ctl_value 0.address show pools --sort udp_in_use --limit 1)"
expect_match "in an order for people" "^address +pool +ports +state +tcp used" "$(ctl show pools)"
expect_equal "as JSON" '{"count":0}' "$(ctl show pools --state draining --count --json)"
expect_equal "counters by name" "bindings_created bindings_removed" "$(ctl show counters --name bindings_ | awk 'NR > 1 { print $1 }' | xargs)"
expect_equal "a counter as JSON" 4 "$(ctl_value sessions_created.value show counters --name sessions_created)"
expect_equal "ports" p4 "$(ctl_value 0.name show ports --name p4)"
expect_equal "workers" 1 "$(ctl show workers --worker 0 --count)"
expect_match "a neighbour" "^198.51.100.2 .* p4 " "$(ctl show neighbours --address 198.51.100.0/24)"
expect_match "routes" "^0.0.0.0/0 +198.51.100.2 by p4\$" "$(ctl show routes --to "$server_addr")"
expect_equal "the longest prefix last" "0.0.0.0/0 198.51.100.0/30" "$(ctl show routes --to 198.51.100.2 | awk 'NR > 1 { print $1 }' | xargs)"
expect_equal "routes by a port" "$(ctl show routes --json | grep -c '"port":"p6"')" "$(ctl show routes --port p6 --count)"
expect_equal "some routes" 2 "$(ctl show routes --limit 2 --json | wc -l)"
expect_equal "the longest first" "$(ctl show routes --json | grep -o '/[0-9]*"' | tr -d '/"' | sort -rn | xargs)" \
    "$(ctl show routes --sort length --json | grep -o '/[0-9]*"' | tr -d '/"' | xargs)"
expect_equal "as they count" "0.0.0.0/0 198.51.100.0/30" "$(ctl show routes --sort to --port p4 --limit 2 | awk 'NR > 1 { print $1 }' | xargs)"
expect_status "more than can be sorted" 2 ctl show routes --sort to --limit 1001
expect_equal "addresses in order" "203.0.113.2 203.0.113.3 203.0.113.10" \
    "$(ctl show pools --sort address | awk '$1 ~ /[.]113[.](2|3|10)$/ { print $1 }' | xargs)"
expect_equal "prefixes in order" "$pref64" "$(ctl_value 0.prefix show prefixes --sort prefix)"
expect_equal "prefixes" "$pref64" "$(ctl_value 0.prefix show prefixes --prefix "$pref64")"
expect_equal "history" 1 "$(ctl show history --user isthmus-control --what start --count)"
expect_status "no address" 2 ctl show pools --address nonsense
expect_match "no address" '^isthmusctl show pools: --address: "nonsense" is neither' "$out"
ask 50 --count 2 >"$lab_dir/none" # a packet that is dropped: to a pool address that nobody uses
py server4 udp flood 203.0.113.9 9 3 || true
wait_for 3 "a drop" eval '[ "$(ctl show dropped --count)" -gt 0 ]'
expect_equal "drops by name" no_binding "$(ctl_value 0.reason show drops --reason BINDING --sort packets --limit 1)"
expect_equal "the last dropped" 1 "$(ctl show dropped --reason no_binding --port p4 --limit 1 | wc -l)"

# The live view: once as text and as JSON; then on a terminal, where q leaves and the screen is put back.
text=$(ctl top --once --interval 0.5)
expect_match "workers" "^ +0 +[0-9]+ .*%" "$text"
expect_match "subscribers" "2001:db8:6:c::/64 +$t" "$text"
expect_equal "for programs" 1 "$(ctl top --once --interval 0.2 --json | grep -c '"packets_in_per_second"')"
expect_status "no terminal" 2 bash -c "$(printf '%q ' "$bin/control/isthmusctl" --socket "$lab_dir/control.sock") top >'$lab_dir/none'"
py gw terminal 24 80 "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" top --interval 0.3 >"$lab_dir/terminal"
expect_match "on a terminal" "^first [0-9]+ later [0-9]+ status 0 restored True resized True\$" "$(cat "$lab_dir/terminal")"
read -r _ first _ later _ <"$lab_dir/terminal"
[ "$later" -lt "$first" ] || fail "later pictures ($later bytes) are not smaller than the first ($first)"

# Completion knows the commands, their options, and the words that an option takes.
complete() { # WORD...: what bash offers for the last one
    bash -c 'source <("$1" completion bash); shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isthmusctl; echo "${COMPREPLY[*]}"' - "$bin/control/isthmusctl" isthmusctl "$@"
}
expect_equal "commands" "top trace" "$(complete t)"
expect_equal "lists" "sessions subscribers stateless" "$(complete show s)"
expect_match "options" "--remote-port" "$(complete show sessions --re)"
expect_equal "values" "tcp udp icmp" "$(complete show sessions --protocol '')"
expect_equal "after an option" "syn" "$(complete explain --tcp s)"
ctl completion zsh >"$lab_dir/_isthmusctl"
expect_match "zsh" "'--remote-port:port of the peer'" "$(cat "$lab_dir/_isthmusctl")"
manual=$(ctl --print-manual | man -l --nj --nh - 2>"$lab_dir/man.err" | col -b || true)
[ -n "$manual" ] || manual=$(ctl --print-manual)
expect_match "the manual" "explain" "$manual"
expect_match "the manual" "EXIT STATUS" "$manual"
