#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hand-made packets on either side, every octet of what comes out compared with what scapy makes: headers both ways.
# ids: T-7915-4to6-001 T-7915-4to6-006 T-7915-4to6-007 T-7915-4to6-021 T-7915-6to4-002 T-7915-6to4-010 T-7915-6to4-014
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
inject_begin
inject headers46 headers64
