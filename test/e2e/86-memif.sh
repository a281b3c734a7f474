#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# memif under traffic: clients on both sides are killed and come back, and the gateway goes on.
# ISTHMUS_ROUNDS=20 for a long run.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns gw punt
mkdir -p "$lab_dir/state"
memif() { printf 'net_memif%s,role=server,id=0,socket=%s/m%s.sock,rsize=12,mac=02:00:00:00:01:0%s' "$1" "$lab_dir" "$1" "$1"; }
ports_text="( { name = \"p6\"; device = \"$(memif 6)\"; addresses = [ \"2001:db8:6::1/64\" ];
    neighbours = ( { address = \"2001:db8:6::2\"; mac = \"02:00:00:00:00:06\"; } ); },
  { name = \"p4\"; device = \"$(memif 4)\"; addresses = [ \"198.51.100.1/30\" ];
    routes = ( { to = \"0.0.0.0/0\"; via = \"198.51.100.2\"; } );
    neighbours = ( { address = \"198.51.100.2\"; mac = \"02:00:00:00:00:04\"; } ); } )"
nat64_extra='static = ( { protocol = "udp"; ipv4 = "203.0.113.1"; ports = "9"; ipv6 = "2001:db8:6::2"; } );'
gw_start
expect_equal "mode of the socket's file" 600 "$(stat -c %a "$lab_dir/m4.sock")"

peer() { # PORT ARGUMENTS...: a testpmd at the other end of a wire
    local port=$1
    shift
    lab_spawn "peer$port" gw dpdk-testpmd --lcores '0@0,1@1' --no-huge -m 96 --no-pci --no-telemetry \
        --file-prefix "$lab_id-peer$port" --vdev "net_memif0,role=client,id=0,socket=$lab_dir/m$port.sock,socket-abstract=no,rsize=12" \
        -- --total-num-mbufs=16384 --no-lsc-interrupt --no-flush-rx --stats-period=3600 "$@"
}
sender() { peer 4 --forward-mode=txonly --tx-ip=198.51.100.2,203.0.113.1 --tx-udp=9,9 --eth-peer=0,02:00:00:00:01:04; }
receiver() { peer 6 --forward-mode=rxonly; }
tx_of() { ctl show ports --json | /usr/bin/python3 -c 'import json,sys
print([p["tx_packets"] for p in json.load(sys.stdin) if p["name"] == "p6"][0])'; }
flows() { # packets leave towards IPv6, more than were there
    local before
    before=$(tx_of)
    wait_for 10 "translated packets" more_than $((before + 2000))
}
more_than() { [ "$(tx_of)" -gt "$1" ]; }

receiver
sender
flows
for round in $(seq "${ISTHMUS_ROUNDS:-3}"); do
    port=$((round % 2 * 2 + 4)) who=receiver
    [ $port = 6 ] || who=sender
    lab_stop "peer$port" KILL
    sleep 0.1
    lab_alive dataplane || fail "round $round: the dataplane is dead after the $who was killed"
    "$who"
    flows
done
# Each one went down while the workers waited outside (dataplane/dpdk/memif_leave.h).
expect_equal "connections that went down" "${ISTHMUS_ROUNDS:-3}" \
    "$(grep -c 'no worker is in it any more' "$lab_dir/dataplane.log")"
ctl check >/dev/null
# scripts/pktgen/run, with a stand-in for Pktgen that only looks whether its answers would come.
lab_stop peer4 KILL
lab_stop peer6 KILL
for side in 4 6; do ln -s "m$side.sock" "$lab_dir/bench$side.sock"; done
cat >"$lab_dir/pktgen" <<STUB
#!/bin/bash
sleep 1.5
"$bin/control/isthmusctl" --socket "$lab_dir/control.sock" show ports --json >"$lab_dir/ports.json"
STUB
chmod 755 "$lab_dir/pktgen"
expect_status "scripts/pktgen/run" 0 in_ns gw env SOCKETS="$lab_dir" EAL='--no-huge -m 96' CPUS=0,1,0 PKTGEN="$lab_dir/pktgen" \
    "$top/scripts/pktgen/run" 02:00:00:00:01:06 1000
expect_equal "the responder is there" up "$(/usr/bin/python3 "$tools/json_value.py" 1.link <"$lab_dir/ports.json")"
receiver
sender
flows
lab_stop dataplane TERM 10
expect_equal "the dataplane's exit status, under traffic" 0 "$lab_status"
[ ! -e "$lab_dir/m4.sock" ] || fail "the memif socket is left"
