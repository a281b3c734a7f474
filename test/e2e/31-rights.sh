#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may look and who may change follows from the peer's user and groups, as the configuration says, live.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_chain
chmod 711 "$lab_dir"
gw_write_conf
sed -i 's|^control = {|control = {\n    read_group = "games";\n    admin_users = "daemon";|' "$(gw_conf)"
gw_start
as() { # USER GROUPS COMMAND...
    local user=$1 groups=$2 how
    shift 2
    how=--clear-groups
    [ -z "$groups" ] || how=--groups=$groups
    setpriv --reuid "$user" --regid nogroup "$how" "$bin/control/isthmusctl" --socket "$lab_dir/control.sock" "$@"
}
expect_status "a stranger looks" 4 as nobody "" show pools
expect_match "a stranger looks" "control.read_group" "$out"
expect_status "a reader looks" 0 as nobody games show pools
expect_status "a reader changes" 4 as nobody games pool add 203.0.113.64
expect_match "a reader changes" "control.admin_group" "$out"
expect_status "an administrator changes" 0 as daemon "" pool add 203.0.113.64
expect_match "the pool" "203.0.113.64" "$(ctl show pools)"
# Rights change with a reload; a name that does not exist is refused.
sed -i 's|"games"|"gmaes"|' "$(gw_conf)"
expect_status "no such group" 1 ctl reload
expect_match "no such group" "no group \"gmaes\"" "$out"
sed -i 's|"gmaes"|"mail"|' "$(gw_conf)"
ctl reload
expect_status "no longer a reader" 4 as nobody games show pools
expect_status "a reader now" 0 as nobody mail show pools
