#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ports with two queues, for two workers: memif, vhost (virtio_user is the peer) and AF_XDP on a veth with two
# queues. Every packet is delivered to the wrong worker, on purpose: nobody but the owner translates it, none is
# lost, each flow keeps its order. Then the peer is stopped and killed under traffic, and another one comes.
# ISTHMUS_DEVICES names those to try.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/queues.sh
. "$(dirname "$0")/queues.sh"
lab_begin

# worker_values NAME: worker 0's and worker 1's.
worker_values() { printf '%s %s\n' "$(ctl_value "0.$1" show workers)" "$(ctl_value "1.$1" show workers)"; }
counter() { ctl_value "$1.value" show counters; }

# Four subscribers of each worker, with its queue and with the other's. Owners follow from a key drawn at each start.
choose_queues() {
    local n source w of=(0 0)
    wrong=() right=()
    for n in {1..40}; do
        source=2001:db8:6:$(printf %x $((n * 5)))::2
        w=$(ctl_value subscriber.worker explain "$source" to "$(v6_of 198.51.100.10)" udp 7)
        [ "${of[w]}" -lt 4 ] || continue
        of[w]=$((of[w] + 1))
        right+=("$source=$w") wrong+=("$source=$((1 - w))")
        [ "${#right[@]}" -lt 8 ] || return 0
    done
    fail "of 40 subscribers not four are each worker's: ${of[*]}"
}

wrong_worker() { # DEVICE
    local flows=16 count=60 all
    choose_queues
    all=$((flows * count))
    expect_equal "$1: on the owners' queues" "sent $all, answered $all, lost 0, out of order 0, wrong 0" \
        "$(queue_flows $flows $count "${right[@]}")"
    expect_equal "$1: handed over" 0 "$(counter handed_over)"
    expect_equal "$1: on the others' queues" "sent $all, answered $all, lost 0, out of order 0, wrong 0" \
        "$(queue_flows $flows $count "${wrong[@]}")"
    expect_equal "$1: handed over, every one, both ways" $((2 * all)) "$(counter handed_over)"
    expect_equal "$1: ... as subscribers', and as ports'" "$all $all" \
        "$(counter handed_over_subscriber) $(counter handed_over_port)"
    # Each worker received the other's packets and has translated its own only.
    expect_equal "$1: translated by their owners, there" "$all $all" "$(worker_values translated_64)"
    expect_equal "$1: translated by their owners, back" "$all $all" "$(worker_values translated_46)"
    expect_status "$1: the tables agree" 0 ctl check
}

# The peer is stopped (its rings fill), killed, and comes again; ISTHMUS_ROUNDS=20 for a long run.
peers_die() { # DEVICE
    local round
    for round in $(seq "${ISTHMUS_ROUNDS:-1}"); do
        spawn_queue_flows 16 0 "${wrong[@]}"
        wait_for 5 "$1: traffic" more_than "$(counter translated_46)"
        kill -STOP "${lab_pid[bridge]}"
        sleep 0.3
        timeout 5 "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" status >/dev/null || fail "$1: the peer stands still, and so does the gateway"
        lab_stop bridge KILL || true
        lab_stop flows KILL || true
        lab_alive dataplane || fail "$1: the dataplane died with its peer, round $round"
        "bridge_$1"
        expect_equal "$1: the next peer" "sent 320, answered 320, lost 0, out of order 0, wrong 0" "$(queue_flows 16 20 "${wrong[@]}")"
    done
    expect_status "$1: the tables agree" 0 ctl check
}
more_than() { [ "$(counter translated_46)" -gt "$(($1 + 200))" ]; }

for device in ${ISTHMUS_DEVICES:-memif vhost af_xdp}; do
    begin=$(now_ms)
    queues_gateway "$device"
    expect_equal "$device: queues of each port" "2 2" "$(ctl_value 0.rx_queues show ports) $(ctl_value 1.rx_queues show ports)"
    wrong_worker "$device"
    peers_die "$device"
    queues_end
    say "$device: $(seconds_since "$begin") s"
done

# What cannot be had is said, and nothing starts.
refused() { # WHAT DEVICE6 EXPECTED
    ports_text="( { name = \"p6\"; device = \"$2\"; rx_queues = 3; addresses = [ \"$gw6_addr/64\" ]; } )"
    gw_write_conf
    expect_status "$1" 1 timeout 10 ip netns exec "$(ns_name gw)" "$bin/dataplane/isthmus-dataplane" -c "$(gw_conf)"
    expect_match "$1" "$3" "$out"
    expect_equal "$1: sockets left" "" "$(find "$lab_dir" -name 'v*.sock')"
}
refused "three queues of a vhost that has two" "$(device_vhost 6 0),queues=2" "error: port p6: rx_queues = 3, and the device has at most 2; lower it"
ip -n "$(ns_name gw)" link show dev g6 >/dev/null 2>&1 || queue_veths
refused "AF_XDP on a veth, without help" "$(device_af_xdp 6 0)" "error: port p6: queue_count=2, and \"g6\" has 1 combined channel \(ethtool -l g6\); raise"
