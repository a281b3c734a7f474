#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fragments by hand on either side: orders, duplicates, overlaps, tiny and false ones, pings, no checksum, hairpinned.
# ids: T-7915-6to4-007 T-7915-6to4-008 T-7915-6to4-025 T-7915-4to6-023 T-6146-frag-002 T-6146-frag-005 T-6146-frag-007 T-6146-frag-008
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
inject_begin
inject fragments
