#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An operator changes pools, rules, limits and prefixes while a subscriber's traffic passes: what lives goes on, what
# is new follows the new policy, and a preview says exactly what is closed then.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
policy() { # PREFIX POOL1 POOL2 RULE LIMIT
    nat64_text="prefixes = [ \"$1\" ]; pool = ( { addresses = \"203.0.113.0/29\"; name = \"$2\"; }, { addresses = \"203.0.113.8/29\"; name = \"$3\"; } );
    rules = ( { source = \"2001:db8:6:dead::/64\"; pool = \"$3\"; }, { source = \"2001:db8:6:c::/64\"; pool = \"$4\"; } );
    limits = { ports_per_subscriber = $5; };"
    gw_write_conf
}
low() { ctl show bindings --protocol udp --json | grep -cE '"203\.0\.113\.[0-7]"' || true; }
high() { ctl show bindings --protocol udp --json | grep -cE '"203\.0\.113\.([89]|1[0-5])"' || true; }
change() { expect_match "$1" "closed 0 sessions and 0 bindings" "$(ctl reload)"; }
policy "$pref64" home office home 100
lab_chain
policy "$pref64" home office home 100
gw_start
server_echo
spawn_py stream client6 udp stream "$(v6_of "$server_addr")" 7 4 50
ask 100 --count 5 --spread
all_home() { [ "$(low) $(high)" = "6 0" ]; } # the stream beside has begun
wait_for 5 "all bindings from pool home" all_home
policy "$pref64" private business private 100
change "pools with other names"
ask 100 --count 2 --spread
policy "$pref64" private business business 100
change "a rule that sends him to another pool"
ask 100 --count 3 --spread
expect_equal "what is new is there" "8 3" "$(low) $(high)"
policy "$pref64" business private business 100
change "addresses that change pools"
ask 100 --count 3 --spread
expect_equal "and back again" "11 3" "$(low) $(high)"
policy "$pref64" business private business 4
change "a limit far below what he has"
py client6 udp flood "$(v6_of "$server_addr")" 7 1
[ "$(drops subscriber_ports)" -gt 0 ] || fail "no new flow was refused"
lab_join stream 20
expect_equal "the stream" "sent 200 lost 0" "$(cat "$lab_dir/stream.log")"
# A prefix of another length: what is said before is what comes to pass.
policy 2001:db8:64::/64 business private business 100
said=$(ctl reload --dry-run | grep -o "[0-9]* sessions and [0-9]* bindings of [0-9]* subscriber")
expect_equal "said before" "14 sessions and 14 bindings of 1 subscriber" "$said"
expect_match "done" "closed $said" "$(ctl reload)"
wait_for 5 "all to go" bash -c "[ \"\$('$bin/control/isthmusctl' --socket '$lab_dir/control.sock' show bindings --count)\" = 0 ]"
py client6 udp ask 2001:db8:64:0:c6:3364:a00:0 7 100
ctl check
