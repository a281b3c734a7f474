#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the cache gives, and for how long: stale answers, caps, prefetch, an upstream that goes away.
# ids: T-2308-001 T-2308-003 T-2308-005 T-2308-007 T-2308-013
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_cache "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{1,2} cases, 0 failed" "$out"
