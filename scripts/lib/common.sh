# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every script here needs: where the tree is, how to speak, how to wait for something.
# Sourced, never run. Waiting is always polling for a fact, never a sleep of a guessed length.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly top

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    warn "$@"
    exit 1
}

heading() { printf '\n== %s\n' "$*"; }

need_root() {
    [ "$(id -u)" = 0 ] || die "needs root: network namespaces and packages are made here (sudo $0)"
}

# now_ms: milliseconds of a clock that does not jump.
now_ms() {
    local up
    read -r up _ </proc/uptime
    printf '%s\n' "${up/./}0"
}

# seconds_since MS: "1.23"
seconds_since() {
    local ms=$(($(now_ms) - $1))
    printf '%d.%02d' $((ms / 1000)) $((ms % 1000 / 10))
}

# wait_for SECONDS WHAT COMMAND...: polls COMMAND until it succeeds.
wait_for() {
    local deadline=$(($(now_ms) + $1 * 1000)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$(now_ms)" -ge "$deadline" ]; then
            warn "gave up waiting for: $what"
            return 1
        fi
        sleep 0.05
    done
}
