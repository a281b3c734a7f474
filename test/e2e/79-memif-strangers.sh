#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# memif clients that connect and are gone before the gateway has greeted them, two at once, some with words that it does
# not understand: DPDK's own memif server panics at the first few. The gateway goes on, and greets who stays.
# ISTHMUS_ROUNDS=5000 for a long run.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns gw punt
mkdir -p "$lab_dir/state"
memif() { printf 'net_memif%s,role=server,id=0,socket=%s/m%s.sock,mac=02:00:00:00:01:0%s' "$1" "$lab_dir" "$1" "$1"; }
ports_text="( { name = \"p6\"; device = \"$(memif 6)\"; addresses = [ \"2001:db8:6::1/64\" ]; },
  { name = \"p4\"; device = \"$(memif 4)\"; addresses = [ \"198.51.100.1/30\" ]; } )"
gw_start
pid=${lab_pid[dataplane]}
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }

strangers() { # SOCKET N: connect and leave, or say something first
    /usr/bin/python3 - "$1" "$2" <<'PY'
import socket, sys
for i in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(sys.argv[1])
    if i % 4 == 1:
        s.send(b"\xff" * 128)
    if i % 4 == 2:
        s.send(b"short")
    s.close()
PY
}
greeting() { # SOCKET: the type of the first message, 2: HELLO
    /usr/bin/python3 - "$1" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(5)
s.connect(sys.argv[1])
print(int.from_bytes(s.recv(128)[:2], "little"))
PY
}
before=$(descriptors)
rounds=${ISTHMUS_ROUNDS:-300}
strangers "$lab_dir/m6.sock" "$rounds" &
first=$!
strangers "$lab_dir/m4.sock" "$rounds" || fail "a stranger could not connect to m4"
wait "$first" || fail "a stranger could not connect to m6"
lab_alive dataplane || fail "the dataplane is dead after $rounds strangers at each port"
for port in 6 4; do expect_equal "the greeting of m$port" 2 "$(greeting "$lab_dir/m$port.sock")"; done
as_many() { [ "$(descriptors)" -le "$before" ]; }
wait_for 5 "no descriptor is left open" as_many
ctl check >/dev/null
lab_stop dataplane TERM 10
expect_equal "the dataplane's exit status" 0 "$lab_status"
