#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All six prefix lengths and the local-use prefix at once; then the well-known prefix, changed live.
# ids: T-6052-002 T-6052-003 T-6052-004 T-6052-005 T-6052-006 T-6052-007 T-6052-012 T-6052-014 T-6052-015 T-6052-023
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=test/e2e/inject.sh
. "$(dirname "$0")/inject.sh"
prefixes='"2001:db8:64::/96", "2001:100::/32", "2001:101:100::/40", "2001:102:122::/48", "2001:103:122:300::/56",
    "2001:104:122:344::/64", "2001:105:122:344::/96", "64:ff9b:1::/48"'
inject_begin
sed -i "s|prefixes = \[[^]]*\];|prefixes = [ $(tr -d '\n' <<<"$prefixes") ];|" "$(gw_conf)"
ctl reload >/dev/null
inject prefixes
sed -i 's|prefixes = \[[^]]*\];|prefixes = [ "64:ff9b::/96" ];|' "$(gw_conf)"
ctl reload >/dev/null
inject well-known
