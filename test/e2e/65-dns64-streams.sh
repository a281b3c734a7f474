#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections and floods: pipelining, idle and slow clients, limits, huge datagrams, random names.
# ids: T-2308-009 T-6147-sec-014 T-6147-sec-019 T-6147-sec-035 T-6147-sec-036
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_streams "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{2} cases, 0 failed" "$out"
