#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DNS over TLS, towards clients and upstreams.
# ids: T-2308-008 T-2308-015
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_tls "$(realpath "$0")") || fail "$out"
expect_match "all cases" "^[0-9]{1,2} cases, 0 failed" "$out"
