#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mapping, filtering and hairpinning by hand; then each setting of the operator, changed live.
# ids: T-6146-udp-007 T-6146-udp-008 T-6146-udp-009 T-6146-icmp-005 T-6146-udp-010 T-6146-hair-001 T-6146-hair-002 T-6146-hair-006 T-7915-4to6-037 T-7915-6to4-009 T-7915-6to4-022 T-7915-6to4-027 T-7915-gen-004
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
inject_begin
inject mapping pairing
inject_with 'copy_traffic_class = false; override_tos = 0x48; reset_traffic_class = true;' tos
inject_with 'tcp_mss_clamp_ipv4 = 1200; tcp_mss_clamp_ipv6 = 1220;' mss
inject_with 'udp_ipv6_zero_checksum = true;' zero
inject_with 'frag_id = "remap";' remap
inject_with 'lowest_ipv6_mtu = 1402;' lowest1402
inject_with 'lowest_ipv6_mtu = 1500;' lowest1500
inject_with 'drop_icmpv6_info = true;' no-pings
nat64_extra=${nat64_extra//$inject_errors/}
inject_with 'icmp = { to_ipv6 = "off"; to_ipv4 = "off"; };' silent
inject_with 'icmp = { error_source = "session"; };' session-source
inject_with '' limited
