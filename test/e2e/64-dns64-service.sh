#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator sets: views, who may ask, cookies, rate limit, reload, EDE.
# ids: T-2308-009 T-6147-ans-031 T-6147-sec-007 T-6147-sec-016 T-6147-sec-029 T-6147-sec-030 T-6147-sec-032
# ids: T-6147-sec-033 T-6147-sec-039 T-7050-001 T-7050-006 T-7050-010 T-7050-011
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_service "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{1,2} cases, 0 failed" "$out"
