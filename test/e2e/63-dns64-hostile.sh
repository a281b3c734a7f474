#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Upstreams that are slow, broken or lying.
# ids: T-2308-001 T-2308-002 T-2308-003 T-2308-004 T-2308-007 T-2308-010 T-2308-011 T-2308-012 T-2308-014
# ids: T-6147-ans-005 T-6147-ans-007 T-6147-ans-014 T-6147-ans-016 T-6147-ans-034 T-6147-ans-036 T-6147-ans-037
# ids: T-6147-ans-040 T-6147-ans-041 T-6147-sec-011 T-6147-sec-015 T-6147-sec-017 T-6147-sec-019 T-6147-sec-037
# ids: T-6147-sec-040 T-7050-001 T-7050-006 T-7050-008 T-7050-009 T-9460-001 T-9460-002 T-9460-003
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_hostile "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{2} cases, 0 failed" "$out"
