#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/soak for a few seconds: churn, reloads, pool changes; then nothing is left, no invariant is broken, and
# no packet came to a wrong subscriber.
# ids: T-6146-tbl-009 T-6888-015
set -euo pipefail
exec "$(dirname "$0")/../../scripts/soak" --seconds 4
