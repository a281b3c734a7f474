#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A small IPv4 link, then a small IPv6 one: what is cut, what is answered, and with which MTU.
# ids: T-7915-6to4-018 T-7915-6to4-020 T-7915-4to6-021 T-7915-4to6-025 T-7915-gen-013
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
mtu_p4=1280
inject_begin
inject small-ipv4-link
lab_stop control TERM 5
lab_stop dataplane TERM 5
mtu_p4=1500 mtu_p6=1400
gw_write_conf
gw_start
inject small-ipv6-link
