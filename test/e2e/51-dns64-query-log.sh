#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The query log: what its lines say, rotation, a disk that is full, a FIFO that nobody reads.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_log "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^5 cases, 0 failed" "$out"
