# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A throw-away Debian host for tests of packages and units: this machine's own files under an
# overlay that is forgotten, systemd as first process, the network of the lab's namespace `gw`.
# Sourced after lab.sh.
# shellcheck disable=SC2154 # variables of common.sh and lab.sh

host_pid=

# host_boot: returns when systemd is up. $lab_dir is seen inside as it is.
host_boot() {
    mkdir -p "$lab_dir/host"
    lab_spawn host gw unshare -m -p -f -C -u -i bash "$top/scripts/lib/host_init" "$lab_dir"
    wait_for 10 "the first process" host_find_pid || return 1
    wait_for 30 "systemd" in_host systemctl --quiet is-active basic.target
}

host_find_pid() {
    host_pid=$(ps -o pid= --ppid "${lab_pid[host]}" | tr -d ' ')
    [ -n "$host_pid" ] && [ "$(cat "/proc/$host_pid/comm")" = systemd ]
}

in_host() { nsenter -t "$host_pid" -m -p -n -C -u -i -r -w "$@"; }

# Its processes end with the first one.
host_halt() {
    [ -z "$host_pid" ] || kill -9 "$host_pid" 2>/dev/null
    host_pid=
    lab_stop host KILL
}
