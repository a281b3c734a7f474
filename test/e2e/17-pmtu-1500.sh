#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An IPv4 link of 1500 octets, IPv6 links of 1500, 1420 and 1280: path MTU discovery both ways, UDP and TCP.
# ids: T-7915-icmp46-007 T-7915-icmp64-005 T-7915-gen-013
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/pmtu.sh
. "$(dirname "$0")/pmtu.sh"
pmtu_begin
for mtu6 in 1500 1420 1280; do
    pmtu_case 1500 "$mtu6"
done
