#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/control-protocol.md is what the programs do: the same methods, rights and fields. With --write the
# chapter of methods is made anew. And nobody is held up by a client that sends half lines, lines without
# end, opens a thousand connections or does not read.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_write_conf
sed -i "s|^control = {|control = {\n    read_users = \"nobody\";|" "$(gw_conf)"
chmod 711 "$lab_dir"
gw_start
server_echo
ask 50 --count 1
in_ns server4 bash -c 'echo stray >/dev/udp/203.0.113.2/9'
wait_for 3 "the stray packet to be dropped" eval '[ "$(drops no_binding)" = 1 ]'
doc=$top/docs/control-protocol.md

# isthmus-dns64 has a socket of its own.
lab_ns dns
cat >"$lab_dir/dns64.conf" <<CONF
nat64 = { prefixes = [ "$pref64" ]; };
dns64 = { listen = [ "[::1]:53" ]; upstreams = [ "127.0.0.2:5300" ]; user = "nobody"; socket = "$lab_dir/dns64.sock"; };
CONF
spawn_py upstream dns dns_upstream 127.0.0.2 5300
wait_for 5 "the resolver" grep -q ready "$lab_dir/upstream.log"
lab_spawn dns64 dns "$bin/dns64/isthmus-dns64" -c "$lab_dir/dns64.conf"
wait_for 5 "isthmus-dns64" grep -q ready "$lab_dir/dns64.log"
in_ns dns dig @::1 +short v4only.example AAAA >/dev/null

order=check
[ "${1:-}" != --write ] || order="write"
py gw protocol_doc $order "$lab_dir/control.sock" "$doc"
py dns protocol_doc $order "$lab_dir/dns64.sock" "$doc" dns64
[ $order = check ] || exit 0

# Bad clients, all at once; meanwhile each request of a good one is answered in half a second.
memory() { awk '/^VmRSS/ { print $2 }' "/proc/${lab_pid[control]}/status"; }
before=$(memory)
setpriv --reuid nobody --regid nogroup --clear-groups /usr/bin/python3 "$tools/bad_clients.py" "$lab_dir/control.sock" 4 >"$lab_dir/bad" &
bad=$!
wait_for 5 "the bad clients" grep -q begun "$lab_dir/bad"
slowest=0 n=0
while kill -0 "$bad" 2>/dev/null; do
    start=$(now_ms)
    ctl show pools --json >"$lab_dir/pools" || fail "a good client was refused"
    took=$(($(now_ms) - start))
    [ "$took" -le "$slowest" ] || slowest=$took
    n=$((n + 1))
done
wait "$bad" || fail "bad clients: $(cat "$lab_dir/bad")"
say "$n requests, the slowest took $slowest ms; control grew by $(($(memory) - before)) KiB; $(tail -n 1 "$lab_dir/bad")"
[ "$n" -ge 5 ] || fail "only $n requests in 4 s"
[ "$slowest" -le 1500 ] || fail "a good client waited for $slowest ms"
[ $(($(memory) - before)) -le 65536 ] || fail "control kept what bad clients sent"
ask 50 --count 3
expect_equal "the dataplane" running "$(ctl_value dataplane.state status)"
