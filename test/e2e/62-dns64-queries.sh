#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What clients send, well-formed or not: EDNS, cookies, sizes, flags, opcodes, over UDP and TCP.
# ids: T-7050-001 T-7050-002 T-6147-ans-001 T-6147-ans-006 T-6147-ans-033 T-6147-sec-007 T-6147-sec-009 T-6147-sec-010 T-6147-sec-011
# ids: T-6147-sec-012 T-6147-sec-013 T-6147-sec-016 T-6147-sec-018 T-6147-sec-019 T-6147-sec-023 T-6147-sec-024
# ids: T-6147-sec-025 T-6147-sec-026 T-6147-sec-027 T-6147-sec-028 T-6147-sec-029 T-6147-sec-030 T-6147-sec-031
# ids: T-6147-sec-032 T-6147-sec-036 T-6147-sec-038
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_queries "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{2} cases, 0 failed" "$out"
