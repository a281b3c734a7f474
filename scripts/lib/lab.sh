# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A lab: network namespaces with a name of their own, wires between them, processes in them, and one
# function that takes all of it away again, whatever happened. Sourced after common.sh.
#
# Everything that a lab makes carries its id ("ist" and the process id of the script), so that labs
# run side by side, and so that what a killed script left can be told from what is alive.

declare -A lab_pid=()
lab_id=
lab_dir=
lab_keep=no

# lab_begin: call once, first. `lab_at_exit` may be defined by the caller: runs before the lab goes.
lab_begin() {
    need_root
    lab_id=ist$$
    lab_dir=$(mktemp -d "/tmp/isthmus-lab.$$.XXXXXX")
    trap 'lab_end $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    lab_sweep_dead
}

lab_end() {
    local rc=$1 key
    trap - EXIT
    trap '' INT TERM HUP
    set +e
    if declare -F lab_at_exit >/dev/null; then lab_at_exit "$rc"; fi
    if [ "$lab_keep" = yes ]; then exit "$rc"; fi
    for key in "${!lab_pid[@]}"; do lab_stop "$key" TERM 2; done
    lab_remove "$lab_id"
    rm -rf "$lab_dir"
    exit "$rc"
}

# lab_remove ID: ends what still runs in the namespaces of a lab, then removes them.
lab_remove() {
    local ns pid
    for ns in $(ip netns list 2>/dev/null | awk -v id="$1-" 'index($1, id) == 1 { print $1 }'); do
        # What has just ended by itself is no error.
        for pid in $(ip netns pids "$ns" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns del "$ns" 2>/dev/null || true
    done
    rm -rf "/etc/netns/$1-"* "/run/isthmus/ports/$1"*
    return 0
}

# Labs whose script is dead and that nobody asked to keep.
lab_sweep_dead() {
    local id
    for id in $({ ip netns list; ls /run/isthmus/ports; } 2>/dev/null | sed -n 's/^\(ist[0-9]*\).*/\1/p' | sort -u); do
        [ -d "/proc/${id#ist}" ] && continue
        compgen -G "/tmp/isthmus-lab.${id#ist}.*/keep" >/dev/null && continue
        lab_remove "$id"
        rm -rf "/tmp/isthmus-lab.${id#ist}."*
    done
}

# Labs that somebody asked to keep.
lab_remove_kept() {
    local keep id n=0
    for keep in /tmp/isthmus-lab.*/keep; do
        [ -e "$keep" ] || continue
        id=${keep#/tmp/isthmus-lab.}
        lab_remove "ist${id%%.*}"
        rm -rf "${keep%/keep}"
        n=$((n + 1))
    done
    say "labs removed: $n"
}

ns_name() { printf '%s-%s\n' "$lab_id" "$1"; }

in_ns() {
    local ns
    ns=$(ns_name "$1")
    shift
    ip netns exec "$ns" "$@"
}

# lab_ns NAME...: a namespace in which addresses work at once (no duplicate address detection) and
# ICMP errors are not held back.
lab_ns() {
    local name
    for name in "$@"; do
        ip netns add "$(ns_name "$name")" || die "no network namespace can be made here; a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN"
        in_ns "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
            net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.router_solicitations=0 \
            net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 net.ipv4.tcp_no_metrics_save=1 \
            net.ipv4.ping_group_range='0 2147483647'
        ip -n "$(ns_name "$name")" link set lo up
    done
}

# lab_resolver NS ADDRESS: what programs in it find in /etc/resolv.conf.
lab_resolver() {
    mkdir -p "/etc/netns/$(ns_name "$1")"
    printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$2" >"/etc/netns/$(ns_name "$1")/resolv.conf"
}

# lab_router NAME...: namespaces that forward.
lab_router() {
    local name
    lab_ns "$@"
    for name in "$@"; do
        in_ns "$name" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    done
}

# lab_wire NS1 DEV1 NS2 DEV2 [MTU]: a cable. veth would hand over packets with unfinished checksums
# and of 64 KiB, which no cable does: all of that is switched off on both ends.
lab_wire() {
    local mtu=${5:-1500}
    ip -n "$(ns_name "$1")" link add "$2" mtu "$mtu" type veth peer name "$4" mtu "$mtu" netns "$(ns_name "$3")" ||
        die "no virtual wire can be made here; does the kernel have veth?"
    lab_plain_device "$1" "$2"
    lab_plain_device "$3" "$4"
}

lab_plain_device() {
    in_ns "$1" ethtool -K "$2" tx off rx off sg off gso off tso off gro off txvlan off rxvlan off >/dev/null 2>&1 || true
    ip -n "$(ns_name "$1")" link set "$2" up
}

# lab_gateway_device NS DEV: the kernel keeps quiet on the device that belongs to a port.
lab_gateway_device() {
    ip -n "$(ns_name "$1")" link set "$2" down
    in_ns "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1" "net.ipv4.conf.$2.arp_ignore=8" "net.ipv4.conf.$2.rp_filter=1"
    ip -n "$(ns_name "$1")" link set "$2" arp off up
}

# lab_addr NS DEV ADDRESS...
lab_addr() {
    local ns dev address
    ns=$(ns_name "$1") dev=$2
    shift 2
    for address in "$@"; do
        case $address in
        *:*) ip -n "$ns" addr add "$address" dev "$dev" nodad ;;
        *) ip -n "$ns" addr add "$address" dev "$dev" ;;
        esac
    done
}

# lab_route NS ROUTE ARGUMENTS...
lab_route() {
    local ns
    ns=$(ns_name "$1")
    shift
    case " $* " in
    *:*) ip -n "$ns" -6 route add "$@" ;;
    *) ip -n "$ns" route add "$@" ;;
    esac
}

# lab_spawn KEY NS COMMAND...: runs in the background; output in $lab_dir/KEY.log.
lab_spawn() {
    local key=$1 ns
    ns=$(ns_name "$2")
    shift 2
    # ip replaces itself by the command: the process id is the command's own.
    ip netns exec "$ns" "$@" </dev/null >>"$lab_dir/$key.log" 2>&1 &
    lab_pid[$key]=$!
}

lab_alive() { [ -n "${lab_pid[$1]:-}" ] && kill -0 "${lab_pid[$1]}" 2>/dev/null; }

# lab_stop KEY [SIGNAL [SECONDS]]: ends one process; kills it when it has not ended in that time,
# and then returns 1. The exit status is left in lab_status.
lab_stop() {
    local key=$1 signal=${2:-TERM} seconds=${3:-5} pid rc=0
    pid=${lab_pid[$key]:-}
    lab_status=0
    [ -n "$pid" ] || return 0
    kill -"$signal" "$pid" 2>/dev/null
    if ! wait_for "$seconds" "$key to end" lab_is_dead "$pid"; then
        kill -9 "$pid" 2>/dev/null
        rc=1
    fi
    wait "$pid" 2>/dev/null || lab_status=$?
    unset "lab_pid[$key]"
    return "$rc"
}

# A child that has ended but was not waited for is a zombie: dead.
lab_is_dead() {
    local state
    state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null)
    [ -z "$state" ] || [ "$state" = Z ]
}

# lab_join KEY [SECONDS]: waits until a process ends by itself; its exit status.
lab_join() {
    local pid=${lab_pid[$1]} rc=0
    wait_for "${2:-30}" "$1 to finish" lab_is_dead "$pid" || return 1
    wait "$pid" || rc=$?
    unset "lab_pid[$1]"
    return "$rc"
}

# lab_listening NS PROTOCOL PORT: is somebody listening there? PROTOCOL: tcp, udp.
lab_listening() {
    in_ns "$1" ss -Hln"${2:0:1}" "sport = :$3" | grep -q .
}
