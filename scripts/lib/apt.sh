# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian packages without questions and without services: some of the test tools bring a daemon,
# which must not take a port of this machine while it is installed. Sourced after common.sh.

policy_file=/usr/sbin/policy-rc.d
policy_made=no

# packages_of SECTION...: the names in scripts/packages.txt under [SECTION].
packages_of() {
    local section
    for section in "$@"; do
        awk -v want="[$section]" '/^#/ || NF == 0 { next } /^\[/ { on = ($1 == want); next } on { print $1 }' \
            "$top/scripts/packages.txt"
    done
}

missing_packages() {
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
    done
}

deny_service_starts() {
    [ -e "$policy_file" ] && return # the machine has a policy of its own: it stays
    printf '#!/bin/sh\nexit 101\n' >"$policy_file"
    chmod 755 "$policy_file"
    policy_made=yes
}

allow_service_starts() {
    [ "$policy_made" = yes ] && rm -f "$policy_file"
    policy_made=no
}

apt_quiet() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 \
        -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# install_packages SECTION...: what is missing of them, in one call; nothing when all is there.
install_packages() {
    local wanted log
    command -v apt-get dpkg-query >/dev/null ||
        die "this is not Debian (no apt-get): install by hand what scripts/packages.txt lists under $(printf '[%s] ' "$@")"
    mapfile -t wanted < <(missing_packages $(packages_of "$@"))
    [ "${#wanted[@]}" = 0 ] && return 0
    need_root
    say "installing ${#wanted[@]} Debian packages: ${wanted[*]}"
    log=$(mktemp)
    deny_service_starts
    trap 'allow_service_starts; rm -f "$log"' EXIT
    trap 'exit 130' INT TERM
    if ! { apt_quiet update && apt_quiet install --no-install-recommends "${wanted[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get could not install them; is there a network, and is this Debian 12?"
    fi
    rm -f "$log"
    allow_service_starts
    trap - EXIT INT TERM
}
