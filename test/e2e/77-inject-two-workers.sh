#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same packets where two workers share the work and hand over what is the other's.
# ids: T-6146-frag-011 T-7915-4to6-035
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
workers='[ 0, 1 ]'
inject_begin
export INJECT_SETTLE=0.015
inject fragments mapping icmp46
