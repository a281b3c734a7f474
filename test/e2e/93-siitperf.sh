#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The setup under scripts/siitperf, taken as it is: the tester's configuration is one that it reads, the gateway's lets
# every frame through (also those whose UDP checksum is 0), and `capacity` finds a rate and clears the table.
# ids: T-9693-010
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
for file in "$top"/scripts/siitperf/gateway*.conf "$top"/scripts/trex/gateway*.conf; do
    expect_status "--check of $file" 0 "$bin/control/isthmus-control" --check -c "$file"
done
lab_ns gw punt tester
mkdir -p "$lab_dir/state" "$lab_dir/tester"
for side in 6 4; do
    lab_wire gw "g$side" tester "t$side"
    lab_gateway_device gw "g$side"
    in_ns tester sysctl -qw "net.ipv6.conf.t$side.disable_ipv6=1"
done
# The shipped file, but for what a lab must choose: devices, CPUs, sizes, sockets.
sed -e 's/"0000:01:00.0"/"net_af_packet0,iface=g6"/; s/"0000:01:00.1"/"net_af_packet1,iface=g4"/' \
    -e 's/workers = .*/workers = [ ]; hugepages = "no";/; s/max_sessions = .*/max_sessions = 65536;/' \
    -e "s|max_bindings = .*|file_prefix = \"$lab_id\"; punt_netns = \"$(ns_name punt)\"; socket = \"$lab_dir/dataplane.sock\";|" \
    "$top/scripts/siitperf/gateway.conf" >"$(gw_conf)"
printf 'control = { socket = "%s/control.sock"; state_dir = "%s/state"; };\n' "$lab_dir" "$lab_dir" >>"$(gw_conf)"
gw_start
cd "$lab_dir/tester"
sed "s/^MAC-L-DUT .*/MAC-L-DUT $(ctl_value 0.mac show ports)/; s/^MAC-R-DUT .*/MAC-R-DUT $(ctl_value 1.mac show ports)/" \
    "$top/scripts/siitperf/siitperf.conf" >siitperf.conf
cat >tester <<TESTER
#!/bin/bash
SIITPERF_DEVICES="t6 t4" exec ip netns exec "$(ns_name tester)" /usr/bin/python3 "$tools/siitperf.py" "\$@"
TESTER
printf '#!/bin/bash\nexec "%s" --socket "%s" "$@"\n' "$bin/control/isthmusctl" "$lab_dir/control.sock" >ctl
chmod 755 tester ctl

# Both directions at once, the smallest and the largest frames.
for size in 84 1518; do
    expect_status "clear" 0 ctl clear sessions --all
    expect_status "size $size" 0 ./tester "$size" 400 1 1000 2 2 1000 1000 4000 500 1000
    for what in Preliminary:1000 Forward:400 Reverse:400; do
        expect_match "size $size" "^${what%:*} frames received: ${what#*:}\$" "$out"
    done
    zero=$(sed -n 's/^Info: \([0-9]*\) frames have the UDP checksum 0$/\1/p' <<<"$out")
    [ "$zero" -gt 0 ] || [ "$size" != 1518 ] || fail "no frame had the UDP checksum 0"
    expect_equal "sessions" 1000 "$(ctl_value dataplane.sessions status)"
done

export SIITPERF=./tester GATEWAY_CTL=./ctl
expect_status "capacity" 0 "$top/scripts/siitperf/capacity" 1000 8000 4000
expect_match "capacity: a try" '^4000 frames/s: 1000 of 1000 sessions; gateway counts 1000$' "$out"
expect_match "capacity: the rate" '^maximum connection establishment rate: 4000 sessions/s' "$out"
expect_equal "sessions after the tear-down" 0 "$(ctl_value dataplane.sessions status)"
expect_match "its own configuration is left alone" '^Responder-tuples 3' "$(cat siitperf.conf)"

# What the tester refuses is said, not taken for a rate of nothing.
sed -i 's/^Promisc 0/Promisk 0/' siitperf.conf
expect_status "capacity, wrong configuration" 1 "$top/scripts/siitperf/capacity" 1000 8000 4000
expect_match "capacity, wrong configuration" "Cannot interpret 'siitperf.conf' line" "$out"
