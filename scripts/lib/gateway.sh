# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The gateway in a lab: a configuration file, isthmus-dataplane and isthmus-control in namespace
# `gw`, the punt interfaces in namespace `punt`. Sourced after lab.sh.
#
# The usual lab is a chain; routers are there when r6 or r4 say so:
#
#   client6 -- r6b -- r6a -- [p6 gateway p4] -- r4a -- r4b -- server4
#
# IPv6 side: 2001:db8:6::/48, IPv4 side: 198.51.100.0/24 in /30s, the pool 203.0.113.0/28, the
# translated internet 2001:db8:64::/96. Set the variables below before lab_chain.

bin=${ISTHMUS_BUILD:-$top/build}
pref64=2001:db8:64::/96
pool=203.0.113.0/28
r6=0 # routers on the IPv6 side: 0, 1 or 2
r4=0 # routers on the IPv4 side
mtu_p6=1500 mtu_p4=1500 # the gateway's own links
mtu_mid6=1500 mtu_mid4=1500 # between r6a and r6b, between r4a and r4b
relay6= relay4= # arguments of tools/relay.py: a namespace that meddles with frames on the gateway's link
nat64_text= # instead of prefixes and pool
nat64_extra= dataplane_extra= control_extra= port6_extra= port4_extra=
dns64_text= # section dns64 of the same file, for gw_start_dns64
workers='[ ]'
hugepages=no
client_addr=2001:db8:6:c::2
server_addr=198.51.100.10
gw6_addr=2001:db8:6::1
gw4_addr=198.51.100.1

v6_of() { # IPv4 address -> its address behind pref64 (a /96)
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    printf '%s%02x%02x:%02x%02x\n' "${pref64%/*}" "$a" "$b" "$c" "$d"
}

gw_conf() { printf '%s/isthmus.conf\n' "$lab_dir"; }
ctl() { "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" "$@"; }
dns64_ctl() { "$bin/control/isthmusctl" dns64 --dns64-socket "$lab_dir/dns64.sock" "$@"; }

# gw_write_conf: the file from the variables. Ports: port6 and port4, or `ports_text` whole.
gw_write_conf() {
    local ports=${ports_text:-"( $(gw_port6), $(gw_port4) )"}
    cat >"$(gw_conf)" <<CONF
nat64 = {
    ${nat64_text:-"prefixes = [ \"$pref64\" ]; pool = ( { addresses = \"$pool\"; } );"}
    $nat64_extra
};
dataplane = {
    socket = "$lab_dir/dataplane.sock";
    workers = $workers;
    hugepages = "$hugepages";
    file_prefix = "$lab_id";
    punt_netns = "$(ns_name punt)";
    max_sessions = 65536;
    max_pool_addresses = 64;
    ports = $ports;
    $dataplane_extra
};
control = {
    socket = "$lab_dir/control.sock";
    state_dir = "$lab_dir/state";
    $control_extra
};
CONF
    [ -z "$dns64_text" ] || printf 'dns64 = { socket = "%s/dns64.sock"; %s };\n' "$lab_dir" "$dns64_text" >>"$(gw_conf)"
}

gw_port6() {
    printf '{ name = "p6"; device = "net_af_packet0,iface=g6"; mtu = %s; addresses = [ "%s/64" ];\n' "$mtu_p6" "$gw6_addr"
    printf '      routes = ( { to = "2001:db8:6::/48"; via = "2001:db8:6::2"; } ); %s }' "$port6_extra"
}

gw_port4() {
    printf '{ name = "p4"; device = "net_af_packet1,iface=g4"; mtu = %s; addresses = [ "%s/30" ];\n' "$mtu_p4" "$gw4_addr"
    printf '      routes = ( { to = "0.0.0.0/0"; via = "198.51.100.2"; } ); %s }' "$port4_extra"
}

# lab_chain: the namespaces and wires of the usual lab.
lab_chain() {
    lab_ns client6 server4 gw punt
    mkdir -p "$lab_dir/state"
    lab_chain6
    lab_chain4
}

# The link of the gateway goes to the first router, or to the host. 2001:db8:6::2 is that neighbour.
lab_chain6() {
    local far=client6 dev=eth0
    if [ "$r6" -gt 0 ]; then lab_router r6a; far=r6a dev=gw0; fi
    lab_link_to_gateway g6 "$far" "$dev" "$mtu_p6" "$relay6" relay6
    if [ "$r6" = 0 ]; then
        lab_addr client6 eth0 2001:db8:6::2/64 "$client_addr/128"
        lab_route client6 default via "$gw6_addr" src "$client_addr"
        return
    fi
    lab_addr r6a gw0 2001:db8:6::2/64
    lab_route r6a default via "$gw6_addr"
    if [ "$r6" = 2 ]; then
        lab_router r6b
        lab_wire r6a mid0 r6b mid0 "$mtu_mid6"
        lab_addr r6a mid0 2001:db8:6:a::1/64
        lab_addr r6b mid0 2001:db8:6:a::2/64
        lab_route r6a 2001:db8:6:c::/64 via 2001:db8:6:a::2
        lab_route r6b default via 2001:db8:6:a::1
    fi
    far=$([ "$r6" = 2 ] && echo r6b || echo r6a)
    lab_wire "$far" host0 client6 eth0
    lab_addr "$far" host0 2001:db8:6:c::1/64
    lab_addr client6 eth0 "$client_addr/64"
    lab_route client6 default via 2001:db8:6:c::1
}

lab_chain4() {
    local far=server4 dev=eth0
    if [ "$r4" -gt 0 ]; then lab_router r4a; far=r4a dev=gw0; fi
    lab_link_to_gateway g4 "$far" "$dev" "$mtu_p4" "$relay4" relay4
    lab_addr "$far" "$dev" 198.51.100.2/30
    if [ "$r4" = 0 ]; then
        lab_addr server4 eth0 "$server_addr/32"
        lab_route server4 default via "$gw4_addr" src "$server_addr"
        return
    fi
    lab_route r4a "$pool" via "$gw4_addr"
    if [ "$r4" = 2 ]; then
        lab_router r4b
        lab_wire r4a mid0 r4b mid0 "$mtu_mid4"
        lab_addr r4a mid0 198.51.100.5/30
        lab_addr r4b mid0 198.51.100.6/30
        lab_route r4a 198.51.100.8/29 via 198.51.100.6
        lab_route r4b default via 198.51.100.5
    fi
    far=$([ "$r4" = 2 ] && echo r4b || echo r4a)
    lab_wire "$far" host0 server4 eth0
    lab_addr "$far" host0 198.51.100.9/29
    lab_addr server4 eth0 "$server_addr/29"
    lab_route server4 default via 198.51.100.9
}

# lab_link_to_gateway GDEV NS DEV MTU RELAY-ARGUMENTS RELAY-NS
lab_link_to_gateway() {
    if [ -z "$5" ]; then
        lab_wire gw "$1" "$2" "$3" "$4"
    else
        lab_ns "$6"
        lab_wire gw "$1" "$6" near "$4"
        lab_wire "$6" far "$2" "$3" "$4"
        in_ns "$6" sysctl -qw net.ipv6.conf.near.disable_ipv6=1 net.ipv6.conf.far.disable_ipv6=1
        # shellcheck disable=SC2086 # the arguments are words
        lab_spawn "$6" "$6" /usr/bin/python3 "$top/test/e2e/tools/relay.py" near far $5
        wait_for 5 "$6" grep -q ready "$lab_dir/$6.log"
    fi
    lab_gateway_device gw "$1"
}

gw_start_dataplane() {
    lab_spawn dataplane gw "$bin/dataplane/isthmus-dataplane" -c "$(gw_conf)"
    wait_for 15 "the dataplane's socket" gw_socket_or_death dataplane "$lab_dir/dataplane.sock"
    lab_alive dataplane || { cat "$lab_dir/dataplane.log" >&2; die "isthmus-dataplane ended at once"; }
}

gw_start_control() {
    lab_spawn control gw "$bin/control/isthmus-control" -c "$(gw_conf)"
    wait_for 15 "control's socket" gw_socket_or_death control "$lab_dir/control.sock"
    lab_alive control || { cat "$lab_dir/control.log" >&2; die "isthmus-control ended at once"; }
    wait_for 15 "the policy to run in the dataplane" gw_policy_runs
    # The kernel brings a fresh wire up a moment late. A test may cut one on purpose: no error.
    wait_for 3 "the links" gw_links_up || true
}

# DNS64 beside the gateway: it listens on the punt interfaces' addresses, as any service of the host.
gw_start_dns64() {
    chmod 755 "$lab_dir" # its user reads the file again at a reload
    lab_spawn dns64 punt "$bin/dns64/isthmus-dns64" -c "$(gw_conf)"
    wait_for 10 "isthmus-dns64" gw_dns64_or_death
    lab_alive dns64 || { cat "$lab_dir/dns64.log" >&2; die "isthmus-dns64 ended at once"; }
}

gw_dns64_or_death() { ! lab_alive dns64 || grep -q ready "$lab_dir/dns64.log"; }

gw_socket_or_death() { ! lab_alive "$1" || in_ns gw ss -Hlx "src = $2" | grep -q .; }

# True when control says that what it wants is what the dataplane runs.
gw_policy_runs() { [ "$(ctl_value dataplane.policy status)" = applied ]; }

# Ours and, behind them, the punt interfaces': without carrier their kernel answers nobody.
gw_links_up() {
    ! ctl show ports --json | grep -q '"link": *"down"' && ! in_ns punt ip link | grep -q NO-CARRIER
}

gw_start() {
    [ -f "$(gw_conf)" ] || gw_write_conf
    gw_start_dataplane
    gw_start_control
}

# ctl_value PATH COMMAND...: one value of a command's JSON; PATH is dotted, "pools.0.addresses".
ctl_value() {
    local path=$1
    shift
    ctl "$@" --json | /usr/bin/python3 "$top/test/e2e/tools/json_value.py" "$path"
}
