#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packet generators reach the gateway over memif: it is the server, a socket file that a crash left is no obstacle,
# neighbours are static. testpmd sends 1,000 flows from a file and, on the other side, answers each.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns gw punt
mkdir -p "$lab_dir/state"

port_of() { # NAME NUMBER
    printf '{ name = "%s"; device = "net_memif%s,role=server,id=0,socket=%s/%s.sock,socket-abstract=no,mac=02:00:00:00:01:0%s";\n' \
        "$1" "$2" "$lab_dir" "$1" "$2"
}
ports_text="( $(port_of p6 6)
    addresses = [ \"2001:db8:6::1/64\" ]; routes = ( { to = \"2001:db8:1000::/36\"; via = \"2001:db8:6::2\"; } );
    neighbours = ( { address = \"2001:db8:6::2\"; mac = \"02:00:00:00:00:06\"; } ); },
  $(port_of p4 4)
    addresses = [ \"192.0.2.1/30\" ]; routes = ( { to = \"198.18.0.0/15\"; via = \"192.0.2.2\"; } );
    neighbours = ( { address = \"192.0.2.2\"; mac = \"02:00:00:00:00:04\"; } ); } )"
pref64=64:ff9b::/96
nat64_extra='wkp_allow_non_global = true;'
# What a killed instance leaves: a bound socket that nobody listens on.
/usr/bin/python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind(sys.argv[1])' "$lab_dir/p6.sock"
gw_start
for name in p6 p4; do
    expect_equal "mode of the $name socket" "600" "$(stat -c %a "$lab_dir/$name.sock")"
done

# testpmd KEY ARGUMENTS...: takes its commands from $lab_dir/KEY.fifo; the device must be connected before it starts.
testpmd() {
    local key=$1
    shift
    mkfifo "$lab_dir/$key.fifo"
    # shellcheck disable=SC2016 # the inner shell's
    lab_spawn "$key" gw stdbuf -oL bash -c 'fifo=$1 && shift && exec dpdk-testpmd "$@" <"$fifo"' - "$lab_dir/$key.fifo" \
        --no-huge -m 128 --no-pci --no-telemetry --lcores '0@0,1@0' --file-prefix "$lab_id$key" "$@"
}
link_up() { [ "$(ctl_value "$1.link" show ports)" = up ]; }
memif_client() { printf 'net_memif0,role=client,id=0,socket=%s/%s.sock,socket-abstract=no,rsize=12' "$lab_dir" "$1"; }

testpmd responder --vdev "$(memif_client p4)" -- -i --total-num-mbufs=16384 --no-lsc-interrupt --no-flush-rx --forward-mode=5tswap
exec 7>"$lab_dir/responder.fifo"
"$top/scripts/pktgen/make-flows" --flows 1000 --out "$lab_dir/flows.pcap" --dst-mac 02:00:00:00:01:06
testpmd sender --vdev "net_pcap0,rx_pcap=$lab_dir/flows.pcap,tx_pcap=$lab_dir/back.pcap" --vdev "$(memif_client p6)" \
    -- -i --total-num-mbufs=16384 --no-lsc-interrupt --no-flush-rx --forward-mode=io
exec 8>"$lab_dir/sender.fifo"
wait_for 20 "the link of p6" link_up 0
wait_for 20 "the link of p4" link_up 1
echo start >&7
echo start >&8
sessions() { [ "$(ctl_value dataplane.sessions status)" = 1000 ]; }
wait_for 20 "1,000 sessions" sessions
back() { [ "$(ctl_value translated_46.value show counters)" = 1000 ]; }
wait_for 20 "1,000 answers translated" back
printf 'stop\nquit\n' >&8
lab_join sender 20
got=$(tcpdump -nr "$lab_dir/back.pcap" -v 2>/dev/null | grep -c 'udp sum ok')
expect_equal "answers in the sender's file, with right checksums" 1000 "$got"
