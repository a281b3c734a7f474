#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Translation without state, packets by hand on either side, and as many of our own errors as a test of it wants.
# ids: T-7915-4to6-022 T-7915-4to6-034 T-7915-6to4-007 T-7915-6to4-026 T-7757-003 T-6791-001 T-7915-gen-004
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
nat64_extra='stateless: { prefixes = ( "2001:db8:6:46::/96" ); ipv4 = ( "203.0.113.128/25" );
  eam = ( { ipv4 = "203.0.113.64/29"; ipv6 = "2001:db8:6:c0::/125"; } ); };'
inject_begin
inject siit
nat64_extra=${nat64_extra//$inject_errors/}
inject_with '' siit-errors
