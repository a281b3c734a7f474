#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The status page in a real browser, at the size of a telephone and of a wall: it shows what runs, it
# loads nothing from elsewhere, it says when the dataplane is away. Pictures are left in
# $ISTHMUS_PICTURES when that is set.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
control_extra="logs = ( { type = \"json\"; file = \"$lab_dir/nat.json\"; } );"
gw_start
server_echo
lab_spawn load client6 /usr/bin/python3 "$tools/udp.py" ask "$(v6_of "$server_addr")" 7 64 --count 400 --spread
sleep 2
url=http://127.0.0.1:9464
page=$(in_ns gw curl -sS --max-time 5 "$url/")
expect_no_match "addresses of others in the page" '(src|href)=|https?://|@import|url\(' "$page"
headers=$(in_ns gw curl -sSI --max-time 5 "$url/")
expect_match "policy" "Content-Security-Policy: default-src 'none'" "$headers"

browser() { # NAME WIDTH HEIGHT: the page's DOM after some seconds, and a picture
    in_ns gw timeout 40 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --user-data-dir="$lab_dir/chromium-$1" --window-size="$2,$3" --virtual-time-budget=4000 --no-first-run \
        --screenshot="$lab_dir/$1.png" "$url/" >"$lab_dir/$1.log" 2>&1 || fail "chromium: $(tail -n 5 "$lab_dir/$1.log")"
    [ -s "$lab_dir/$1.png" ] || fail "no picture of the page"
    [ -z "${ISTHMUS_PICTURES:-}" ] || cp "$lab_dir/$1.png" "$ISTHMUS_PICTURES/"
}
dom() {
    in_ns gw timeout 40 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$lab_dir/chromium-dom" --virtual-time-budget=3000 --dump-dom "$url/" 2>/dev/null
}
text=$(dom)
expect_match "state" 'id="state"[^>]*>translating<' "$text"
expect_match "pool" 'default' "$text"
expect_match "ports" 'p6.*net_af_packet' "$(tr -d '\n' <<<"$text")"
expect_match "log" 'json-0' "$text"
expect_no_match "what no browser should show" 'undefined|NaN|\[object' "$(sed 's/<script>.*//' <<<"$(tr -d '\n' <<<"$text")")"
browser telephone 390 1900
browser wall 1920 1080
lab_join load 30

lab_stop dataplane KILL
sleep 1.5
expect_match "the dataplane is away" 'id="state"[^>]*>the dataplane is away<' "$(dom)"
