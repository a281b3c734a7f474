# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A gateway of two workers whose two ports have two queues each, and queue_bridge (test/ports) at their other ends:
# the test says on which queue a packet leaves. Sourced after lib.sh.

queue_mac6=02:00:00:00:06:02 queue_mac4=02:00:00:00:04:02
queue_pool=203.0.113.1/32

# queues_gateway DEVICE: memif, vhost or af_xdp.
queues_gateway() {
    workers='[ 0, 1 ]' pool=$queue_pool
    [ -d "$lab_dir/state" ] || { lab_ns gw peer punt && mkdir -p "$lab_dir/state"; }
    ports_text="( { name = \"p6\"; device = \"$("device_$1" 6 0)\"; rx_queues = 2; addresses = [ \"$gw6_addr/64\" ];
          routes = ( { to = \"2001:db8:6::/48\"; via = \"2001:db8:6::2\"; } );
          neighbours = ( { address = \"2001:db8:6::2\"; mac = \"$queue_mac6\"; } ); },
        { name = \"p4\"; device = \"$("device_$1" 4 1)\"; rx_queues = 2; addresses = [ \"$gw4_addr/30\" ];
          routes = ( { to = \"0.0.0.0/0\"; via = \"198.51.100.2\"; } );
          neighbours = ( { address = \"198.51.100.2\"; mac = \"$queue_mac4\"; } ); } )"
    queue_preload=
    if [ "$1" = af_xdp ]; then queue_veths; fi
    gw_write_conf
    LD_PRELOAD=$queue_preload gw_start_dataplane
    "bridge_$1"
    gw_start_control
    gw_mac6=$(ctl_value 0.mac show ports) gw_mac4=$(ctl_value 1.mac show ports)
}

queues_end() {
    lab_stop bridge
    lab_stop control
    lab_stop dataplane TERM 10
    expect_equal "the dataplane's exit status" 0 "$lab_status"
    rm -f "$(gw_conf)" "$lab_dir"/*.log
}

device_memif() { printf 'net_memif%s,role=server,id=0,socket=%s/m%s.sock,rsize=10,mac=02:00:00:00:01:0%s' "$2" "$lab_dir" "$1" "$1"; }
device_vhost() { printf 'net_vhost%s,iface=%s/v%s.sock' "$2" "$lab_dir" "$1"; }
device_af_xdp() { printf 'net_af_xdp%s,iface=g%s,start_queue=0,queue_count=2,busy_budget=0' "$2" "$1"; }

bridge_memif() {
    queue_bridge "net_memif0,role=client,id=0,socket=$lab_dir/m6.sock,socket-abstract=no,rsize=10" \
        "net_memif1,role=client,id=0,socket=$lab_dir/m4.sock,socket-abstract=no,rsize=10"
}
bridge_vhost() {
    queue_bridge "net_virtio_user0,path=$lab_dir/v6.sock,queues=2,mac=$queue_mac6" \
        "net_virtio_user1,path=$lab_dir/v4.sock,queues=2,mac=$queue_mac4"
}
bridge_af_xdp() { # at the other ends of the veths
    queue_bridge net_af_xdp0,iface=e6,start_queue=0,queue_count=2,busy_budget=0 \
        net_af_xdp1,iface=e4,start_queue=0,queue_count=2,busy_budget=0
}

queue_veths() {
    local n
    for n in 6 4; do
        ip -n "$(ns_name gw)" link add "g$n" numrxqueues 2 numtxqueues 2 type veth \
            peer name "e$n" numrxqueues 2 numtxqueues 2 netns "$(ns_name peer)"
        lab_plain_device gw "g$n"
        lab_plain_device peer "e$n"
        lab_gateway_device gw "g$n"
        lab_gateway_device peer "e$n"
    done
    # DPDK's driver asks for combined channels, and a veth has pairs of others.
    queue_preload=$bin/test/ports/combined_channels.so
}

queue_bridge() { # DEVICE6 DEVICE4
    : >"$lab_dir/bridge.log"
    LD_PRELOAD=$queue_preload lab_spawn bridge peer "$bin/test/ports/queue_bridge" "$lab_id-bridge$RANDOM" 2 "$lab_dir/q6=$1" "$lab_dir/q4=$2"
    wait_for 10 "the peer" bridge_or_death
    lab_alive bridge || fail "the bridge ended: $(cat "$lab_dir/bridge.log")"
}
bridge_or_death() { ! lab_alive bridge || grep -q ready "$lab_dir/bridge.log"; }

queue_flows() { # FLOWS COUNT SOURCE=QUEUE...
    /usr/bin/python3 "$tools/queue_flows.py" "$lab_dir/q6" "$lab_dir/q4" "$gw_mac6" "$gw_mac4" "$@"
}
spawn_queue_flows() { spawn_py flows peer queue_flows "$lab_dir/q6" "$lab_dir/q4" "$gw_mac6" "$gw_mac4" "$@"; }
