#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fragments of a real kernel, last one first, and each one twice.
# ids: T-6146-frag-002
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
relay4="--fragments both"
lab_chain
gw_start
server_echo
for n in 3000 6000 9000; do ask "$n"; done
