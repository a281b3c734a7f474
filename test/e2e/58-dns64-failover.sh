#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several upstreams of which one fails, upstreams over TCP, cookies and random case towards them.
# ids: T-6147-ans-040 T-6147-sec-017 T-6147-sec-034 T-6147-sec-037 T-6147-sec-041
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_failover "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]+ cases, 0 failed" "$out"
