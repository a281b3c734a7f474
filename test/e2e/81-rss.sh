#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A device with RSS gets the workers' key and table, and what it reads back leads every test packet
# to its owner. net_null keeps what it is told; it has no packets.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
workers='[ 0, 1, 0 ]'
pool=203.0.113.0/28
ports_text='( { name = "p6"; device = "net_null0,no-rx=1"; }, { name = "p4"; device = "net_null1,no-rx=1"; rx_queues = 2; } )'
lab_ns gw punt
mkdir -p "$lab_dir/state"
gw_write_conf
gw_start
steering() { ctl_value "$1.steering" show ports; }
expect_match "a queue for each worker" "rss, key of 40 bytes, table of 128, verified" "$(steering 0)"
# The third worker has no queue at this port: its packets come to others first, and that is said.
expect_match "two queues" "table of 128; leads 1[0-9]+ of 512 IPv6 and 1[0-9]+ of as many IPv4" "$(steering 1)"
text=$(ctl show workers)
expect_match "show workers" "most over mean of the workers: subscribers" "$text"
# The ports of the sixteenth address are divided among them.
for w in 0 1 2; do
    expect_equal "whole addresses of worker $w" 5 "$(ctl_value "$w.addresses" show workers)"
done
