#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ICMP errors by hand on either side: every type, code, pointer and MTU; quoted packets of all kinds; RFC 4884.
# ids: T-7915-icmp46-004 T-7915-icmp46-007 T-7915-icmp46-012 T-7915-icmp46-024 T-7915-icmp64-004 T-7915-icmp64-005 T-7915-icmp64-010 T-7915-icmp64-015 T-7915-ext-001
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
inject_begin
inject icmp46 icmp64
