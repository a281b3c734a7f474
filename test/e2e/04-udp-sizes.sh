#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Datagrams of all sizes, also such as need fragments on both sides.
# ids: T-6146-frag-001
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
server_echo
for n in 1 100 1232 1400 1452 1453 1472 3000 8000 20000; do ask "$n"; done
