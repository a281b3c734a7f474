#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Address-dependent filtering by hand.
# ids: T-6146-udp-008 T-6146-udp-009 T-6146-icmp-005 T-6146-hair-008
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
nat64_extra='filtering = "address-dependent";'
inject_begin
inject address-dependent
