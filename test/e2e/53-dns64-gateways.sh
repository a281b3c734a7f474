#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several prefixes with gateways of their own: what is made follows what isthmus-control says of its dataplane, by socket
# and by HTTP; a gateway that says nothing counts as well, and no answer waits for it.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
other=2001:db8:65::/96
# shellcheck disable=SC2034 # read by gw_write_conf
dns64_text='listen = [ "[::1]:53" ]; upstreams = [ "198.51.100.10:53" ]; allow = ( "::1" ); user = "nobody";
    prefixes = [ "'$pref64'", "'$other'" ]; gateway_patience = 3; gateways = ( GATEWAYS );'
lab_chain
gw_write_conf
conf=$(gw_conf)
sed -i "s|^control = {|control = {\n    read_users = \"nobody\";|" "$conf"
chmod 711 "$lab_dir"
gateways() { sed -i "s|gateways = (.*);|gateways = ( $1 );|" "$conf"; }
gateways "{ prefixes = [ \"$pref64\" ]; status = \"$lab_dir/control.sock\"; }, { prefixes = [ \"$other\" ]; status = \"http://127.0.0.1:9999\"; }"
gw_start
gw_start_dns64
lab_spawn upstream server4 dnsmasq -k -C /dev/null -R -h --no-daemon --local-ttl=60 --address=/www.example/"$server_addr"
wait_for 5 "the resolver" lab_listening server4 tcp 53
answers() { in_ns punt dig @::1 +tries=2 +timeout=2 +short "${1:-www.example}" AAAA | sort | cut -d: -f3 | uniq | xargs; }
are() { [ "$(answers)" = "$1" ]; }

wait_for 5 "the gateway is asked" grep -q "gateway of $pref64 is well" "$lab_dir/dns64.log"
wait_for 5 "the other one says nothing" grep -q "gateway of $other cannot be asked" "$lab_dir/dns64.log"
expect_equal "both" "64 65" "$(answers)"

lab_stop dataplane TERM 10
wait_for 8 "the other prefix alone" are 65
expect_match "said so" "gateway of $pref64 is not well" "$(cat "$lab_dir/dns64.log")"
expect_match "status" "\"avoided_prefixes\": *\[ *\"$pref64\"" "$(dns64_ctl status --json | tr -d '\n')"
expect_equal "discovery keeps both" "64 65" "$(answers ipv4only.arpa)"

# Nobody says anything any more: as before, after gateway_patience. Answers never wait.
kill -STOP "${lab_pid[control]}"
for _ in 1 2 3; do
    start=$(now_ms)
    in_ns punt dig @::1 +tries=1 +timeout=2 +short www.example AAAA >/dev/null
    [ $(($(now_ms) - start)) -lt 900 ] || fail "an answer took $(($(now_ms) - start)) ms"
done
wait_for 10 "both again" are "64 65"
expect_match "said so" "gateway of $pref64 cannot be asked, .*: its prefixes are used" "$(cat "$lab_dir/dns64.log")"
kill -CONT "${lab_pid[control]}"
wait_for 8 "it speaks again" are 65

# By HTTP: a gateway that does not run, one that does not exist; both unwell is as good as none.
cat >"$lab_dir/unwell.py" <<'PY'
import http.server
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"dataplane": {"up": false}}'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", 9999), H).serve_forever()
PY
lab_spawn http punt /usr/bin/python3 "$lab_dir/unwell.py"
wait_for 8 "both are unwell: both are used" are "64 65"
lab_stop http TERM 5
gateways "{ prefixes = [ \"$pref64\" ]; status = \"$lab_dir/control.sock\"; }"
kill -HUP "${lab_pid[dns64]}"
wait_for 8 "the first alone is asked" are 65

gateways '{ prefixes = [ "2001:db8:64::/96" ]; status = "nowhere"; }'
expect_status "refused" 1 in_ns punt "$bin/dns64/isthmus-dns64" --check -c "$conf"
expect_match "refused" "status is the path of isthmus-control's socket" "$out"
