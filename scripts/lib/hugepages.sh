# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Hugepages for a run, given back afterwards. Where none are to be had (a container, a full memory)
# the dataplane runs without, slower. Sourced after common.sh.

hugepages_file=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
hugepages_before=
hugepages_mount=

# reserve_hugepages N: sets `hugepages` to yes or no, and says which.
reserve_hugepages() {
    local want=$1 free
    hugepages=no
    if [ ! -w "$hugepages_file" ]; then
        say "memory: no hugepages on this machine; the dataplane runs without"
        return
    fi
    hugepages_before=$(cat "$hugepages_file")
    free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
    if [ "$free" -lt "$want" ]; then
        { echo $((hugepages_before + want - free)) >"$hugepages_file"; } 2>/dev/null || true
        free=$(awk '/^HugePages_Free/ { print $2 }' /proc/meminfo)
    fi
    if [ "$free" -ge "$want" ] && mount_hugetlbfs; then
        hugepages=yes
        say "memory: $want hugepages of 2 MiB, given back at the end"
    else
        say "memory: only $free of $want hugepages to be had; the dataplane runs without"
        restore_hugepages
    fi
}

mount_hugetlbfs() {
    grep -q ' hugetlbfs ' /proc/mounts && return 0
    hugepages_mount=/dev/hugepages
    mkdir -p "$hugepages_mount" && mount -t hugetlbfs nodev "$hugepages_mount" 2>/dev/null
}

restore_hugepages() {
    [ -n "$hugepages_mount" ] && umount "$hugepages_mount" 2>/dev/null
    [ -n "$hugepages_before" ] && { echo "$hugepages_before" >"$hugepages_file"; } 2>/dev/null
    hugepages_mount= hugepages_before=
    return 0
}
