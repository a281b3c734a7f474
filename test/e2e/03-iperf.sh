#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# TCP and UDP streams in both directions.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
gw_start
iperf_server
iperf -t 1
iperf -t 1 -R
iperf -u -b 20M -l 1200 -t 1
iperf -u -b 20M -l 1200 -t 1 -R
