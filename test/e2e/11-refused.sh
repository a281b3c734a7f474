#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong configurations are refused with line and remedy, and nothing that runs changes.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
good=$(ctl show config)
try() { # WHAT TEXT-TO-REPLACE BY EXPECTED
    sed "s|$2|$3|" "$(gw_conf)" >"$lab_dir/bad.conf"
    expect_status "--check: $1" 1 "$bin/control/isthmus-control" --check -c "$lab_dir/bad.conf"
    expect_match "$1" "bad.conf:[0-9]+: .*$4" "$out"
}
try "unknown key" "prefixes" "prefixe" "did you mean"
try "leading zero" "::/96" "::/096" "leading zero"
try "overlap" 'pool = (' 'pool = ( "203.0.113.1", ' "overlaps"
try "own address" "203.0.113.0/28" "198.51.100.0/30" "address of port p4"
sed "s|2001:db8:64::/96|64:ff9b::/96|; s|203.0.113.0/28|10.0.0.0/28|" "$(gw_conf)" >"$lab_dir/bad.conf"
expect_status "private space" 1 "$bin/control/isthmus-control" --check -c "$lab_dir/bad.conf"
expect_match "private space" "RFC 6052 section 3.1" "$out"
sed -i "s|prefixes|prefixe|" "$(gw_conf)"
expect_status "reload" 1 ctl reload
expect_match "reload" "; nothing was changed" "$out"
[ "$(wc -l <<<"$out")" = 1 ] || fail "reload: one fault, one line: $out"
expect_equal "the running policy" "$good" "$(ctl show config)"
in_ns client6 ping -c 1 -W 2 "$(v6_of "$server_addr")"
expect_status "no such command" 2 ctl shwo
expect_match "what there is" '^isthmusctl has no "shwo"; it has status, show,' "$out"
expect_status "no such list" 2 ctl show sesions
expect_match "what there is" '^isthmusctl show has no "sesions"; it has bindings, sessions,' "$out"
expect_status "half a command" 2 ctl pool
expect_match "what there is" '^isthmusctl pool needs a command: add, remove,' "$out"
expect_status "no such flag" 2 ctl show --nonsense
expect_match "what to do" '^isthmusctl show has no flag "--nonsense"; see isthmusctl show --help' "$out"
expect_status "a command without its word" 2 ctl pool add
expect_match "what to write" '^isthmusctl pool add: addresses is required' "$out"
expect_status "a word too many" 2 ctl show sessions --protocol udp surplus
expect_equal "a word too many" 'isthmusctl show sessions: "surplus" is one word too many; see isthmusctl show sessions --help' "$out"
expect_status "no such order" 2 ctl show sessions --sort x
expect_match "the orders" '^isthmusctl show sessions: --sort: x is none of idle_seconds' "$out"
expect_status "what to clear" 2 ctl clear sessions
expect_match "what to clear" '^isthmusctl clear sessions: say what: ' "$out"
expect_status "a flow without a port" 2 ctl explain "$client_addr" to "$(v6_of "$server_addr")" udp
expect_match "a flow without a port" '^isthmusctl explain: udp needs the port' "$out"
for program in control/isthmus-control dataplane/isthmus-dataplane dns64/isthmus-dns64; do
    expect_status "a word for $program" 2 "$bin/$program" word
    expect_equal "a word for $program" "${program#*/}: \"word\" is one word too many; see ${program#*/} --help" "$out"
done
expect_status "nobody there" 3 "$bin/control/isthmusctl" --socket "$lab_dir/none" status

# Files that are no configuration, and arguments that are none: by each program, at once, with a remedy.
programs="control/isthmus-control dataplane/isthmus-dataplane dns64/isthmus-dns64"
bad() { # WHAT EXPECTED: $lab_dir/bad.conf
    local program
    for program in $programs; do
        expect_status "$1: $program" 1 timeout 10 "$bin/$program" --check -c "$lab_dir/bad.conf"
        expect_match "$1: $program" "bad.conf(:[0-9]+)?: $2" "$out"
        [ "$(wc -l <<<"$out")" -le 2 ] || fail "$1: $program says too much: $out"
    done
    rm -rf "$lab_dir/bad.conf"
}
rm "$lab_dir/bad.conf"
bad "no file" "cannot be read: No such file"
mkdir "$lab_dir/bad.conf" && bad "a directory" "is a directory"
mkfifo "$lab_dir/bad.conf" && bad "a pipe" "is a device or a pipe"
ln -s /dev/zero "$lab_dir/bad.conf" && bad "a device" "is a device or a pipe"
ln -s bad.conf "$lab_dir/bad.conf" && bad "a link to itself" "cannot be read"
: >"$lab_dir/bad.conf" && bad "an empty file" "is empty"
head -c 65536 /bin/bash >"$lab_dir/bad.conf" && bad "a program" "is not text"
truncate -s 1G "$lab_dir/bad.conf" && bad "a huge file" "is larger than 16 MiB"
printf '\xef\xbb\xbfnat64 = { };\n' >"$lab_dir/bad.conf" && bad "a byte order mark" "begins with a byte order mark"
printf '@include "/etc/passwd"\n' >"$lab_dir/bad.conf" && bad "an include" "@include is not supported"
/usr/bin/python3 -c 'print("nat64 = " + "{ a = " * 1000000)' >"$lab_dir/bad.conf" && bad "a deep one" "more than 32 braces"
printf 'nat64 = { };\n/* open' >"$lab_dir/bad.conf" && bad "an open comment" "the comment that begins here is never closed"
printf 'nat64 = { };\nnat64 = { };\n' >"$lab_dir/bad.conf" && bad "a key twice" "a key stands here for the second time"
for program in $programs control/isthmusctl; do
    expect_status "$program: an unknown flag" 2 "$bin/$program" --nonsense
    expect_status "$program: a flag without its value" 2 "$bin/$program" "$([ "${program##*/}" = isthmusctl ] && echo --socket || echo -c)"
    expect_status "$program: words" 2 "$bin/$program" some words
    expect_status "$program: --help" 0 "$bin/$program" --help
    expect_status "$program: --version" 0 "$bin/$program" --version
done

# What --check of the dataplane finds beyond the text. The lab's own file, mended, passes.
sed "s|prefixe |prefixes |" "$(gw_conf)" >"$lab_dir/good.conf"
expect_status "--check: the lab's file" 0 "$bin/dataplane/isthmus-dataplane" --check -c "$lab_dir/good.conf"
sed "s|net_af_packet0|net_nonsense1|" "$lab_dir/good.conf" >"$lab_dir/bad.conf"
expect_status "--check: no such driver" 1 "$bin/dataplane/isthmus-dataplane" --check -c "$lab_dir/bad.conf"
sed "s|workers = .*|workers = [ 1000 ];|" "$lab_dir/good.conf" >"$lab_dir/cpu.conf"
expect_status "--check: no such CPU" 1 "$bin/dataplane/isthmus-dataplane" --check -c "$lab_dir/cpu.conf"
expect_match "no such CPU" 'cpu.conf:[0-9]+: dataplane.workers: CPU 1000 is not one that this process may use' "$out"
sed "s|net_af_packet0|net_nonsense1|" "$lab_dir/good.conf" >"$lab_dir/bad.conf"
expect_status "--check: no such driver" 1 "$bin/dataplane/isthmus-dataplane" --check -c "$lab_dir/bad.conf"
expect_match "no such driver" 'bad.conf:[0-9]+: port p6: DPDK has no driver for device "net_nonsense1"' "$out"
[ "$(wc -l <<<"$out")" = 1 ] || fail "no such driver: says too much: $out"
sed "s|pool = .*;|pool = ( );|" "$lab_dir/good.conf" >"$lab_dir/bad.conf"
for program in control/isthmus-control dataplane/isthmus-dataplane; do
    expect_status "--check: an empty pool: $program" 1 "$bin/$program" --check -c "$lab_dir/bad.conf"
    expect_match "an empty pool: $program" 'bad.conf: .*pool is empty' "$out"
done

# What only the start can find: one line each, exit status 1, nothing left behind.
start() { # WHAT EXPECTED SED...
    local what=$1 expected=$2
    shift 2
    sed -e "s|$lab_id\"|$lab_id-b\"|; s|dataplane.sock|second.sock|; s|iface=g|iface=h|" "$@" "$(gw_conf)" >"$lab_dir/second.conf"
    sed -i "s|prefixe |prefixes |" "$lab_dir/second.conf"
    expect_status "$what" 1 timeout 20 ip netns exec "$(ns_name gw)" "$bin/dataplane/isthmus-dataplane" -c "$lab_dir/second.conf"
    expect_match "$what" "$expected" "$out"
    [ ! -e "/run/isthmus/lock/instance-$lab_id-b" ] || fail "$what: the lock is left"
    [ ! -e "/var/run/dpdk/$lab_id-b" ] || fail "$what: DPDK's directory is left"
}
null='s|"net_af_packet0,iface=h6"|"net_null0"|; s|"net_af_packet1,iface=h4"|"net_null1"|'
start "no such interface" 'port p6: there is no interface "h6"'
start "no device" 'second.conf:[0-9]+: port p6: device "garbage" is neither' -e 's|net_af_packet0,iface=h6|garbage|'
start "no such driver" 'DPDK: did not start' -e "$null" -e 's|net_null0|net_nothing0|'
start "no such CPU" 'CPU 999 is not one' -e 's|workers = .*;|workers = [ 999 ];|'
start "no such namespace" 'there is no network namespace "nothere"' -e "$null" -e 's|punt_netns = .*;|punt_netns = "nothere";|'
in_ns gw ip link add h6 type veth peer name h4
in_ns gw ip link set h6 up
in_ns gw ip link set h4 up
start "no such namespace, a kernel's device" 'there is no network namespace "nothere" .* ip netns add nothere' -e 's|punt_netns = .*;|punt_netns = "nothere";|'
start "no hugepages" 'huge pages are needed|huge pages' -e "$null" -e 's|hugepages = .*;|hugepages = "yes"; buffers = 16777216;|'
start "too large" 'does not fit: NUMA node .*lower dataplane.max_sessions' -e "$null" -e 's|max_sessions = .*;|max_sessions = 200000000;|'
start "an argument for DPDK" 'second.conf.*--help is not for this list' -e "$null" -e 's|max_sessions|eal_args = [ "--help" ]; max_sessions|'
start "an unknown argument for DPDK" 'DPDK: did not start' -e "$null" -e 's|max_sessions|eal_args = [ "--nonsense" ]; max_sessions|'
