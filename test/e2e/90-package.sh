#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The packages on a host with systemd: installed, started, killed, stopped in their tracks, upgraded
# with an edited configuration, purged.
# alone: the package has other paths in its programs, which are linked anew in the build tree
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/lib/host.sh
. "$top/scripts/lib/host.sh"
lab_begin
lab_chain
deb=$lab_dir/deb
DEB_BUILD_OPTIONS=noautodbgsym "$top/scripts/package" --tree "$bin" --version 0.1.0 --output "$deb"

active() { in_host systemctl --quiet is-active "isthmus-$1"; }
pid_of() { in_host systemctl show -P MainPID "isthmus-$1"; }
pings() { in_ns client6 ping -c 1 -W 1 "$(v6_of "$server_addr")"; }
ctl_in() { in_host isthmusctl "$@"; }

host_boot
ours() { in_host find /etc /usr /var /run -xdev -name '*isthmus*' -not -path '/etc/systemd/system/*.service.d*' -not -path '*/journal/*' -not -path '/var/cache/man/*' | sort; }
before_all=$(ours)
in_host dpkg -i "$deb"/isthmus-common_0.1.0_all.deb "$deb"/isthmus-ctl_0.1.0_*.deb "$deb"/isthmus_0.1.0_*.deb "$deb"/isthmus-dns64_0.1.0_*.deb >"$lab_dir/dpkg.log"
in_host systemd-analyze verify isthmus-dataplane.service isthmus-control.service isthmus-dns64.service 2>&1 | tee "$lab_dir/verify.log"
expect_equal "complaints about the units" 0 "$(grep -c isthmus "$lab_dir/verify.log")"
for unit in dataplane control dns64; do
    expect_equal "isthmus-$unit after the installation" disabled "$(in_host systemctl is-enabled "isthmus-$unit" || true)"
done
in_host isthmus-control --check
for page in 5/isthmus.conf.5 7/isthmus-drops.7 8/isthmusctl.8 8/isthmus-setup.8; do
    in_host test -e "/usr/share/man/man$page.gz" || fail "no manual page $page"
done
in_host test -e /usr/share/doc/isthmus-common/docs/operations.md || fail "no documents"
in_host test -e /usr/share/doc/isthmus-common/docs/prometheus/isthmus.rules.yml || fail "no alert rules"
# What isthmus-setup leaves goes with the package.
in_host sh -c 'mkdir -p /etc/default/grub.d; for f in sysctl.d/60-isthmus.conf udev/rules.d/60-isthmus.rules modules-load.d/isthmus.conf default/grub.d/isthmus.cfg; do : >/etc/$f; done'

# The operator's configuration, with the default sockets and directories.
gw_write_conf
sed -i -e '/^control = {/,/^};/d' -e '/ socket = /d' "$(gw_conf)"
printf 'dns64 = { listen = [ "[::1]:53" ]; upstreams = [ "192.0.2.53" ]; };\n' >>"$(gw_conf)"
in_host cp "$(gw_conf)" /etc/isthmus/isthmus.conf
for unit in dataplane control dns64; do
    in_host mkdir -p "/etc/systemd/system/isthmus-$unit.service.d"
    printf '[Service]\nWatchdogSec=2\n' | in_host tee "/etc/systemd/system/isthmus-$unit.service.d/fast.conf" >/dev/null
done
in_host systemctl daemon-reload
in_host systemctl start isthmus-dataplane isthmus-control isthmus-dns64
expect_match "what systemctl says" "2 ports, 1 worker" "$(in_host systemctl status isthmus-dataplane)"
expect_equal "user of control" isthmus "$(in_host ps -o user= -p "$(pid_of control)")"
expect_match "user of dns64" "^isthmus" "$(in_host ps -o user= -p "$(pid_of dns64)")"
wait_for 10 "a ping" pings
expect_match "status" "running" "$(ctl_in status)"
expect_match "dns64 answers" "2001:db8:64::c000:aa" "$(in_host dig +short @::1 ipv4only.arpa AAAA)"

# A changed file, by systemctl reload.
in_host sed -i 's|addresses = "203.0.113.0/28"|addresses = "203.0.113.0/27"|' /etc/isthmus/isthmus.conf
in_host systemctl reload isthmus-control
pool_is_larger() { ctl_in show config | grep -q 203.0.113.0/27; }
wait_for 5 "the larger pool" pool_is_larger

# Killed, or standing still: systemd starts them again.
for unit in dataplane control dns64; do
    for signal in KILL STOP; do
        before=$(pid_of "$unit")
        in_host kill -"$signal" "$before"
        comes_again() { active "$unit" && [ "$(pid_of "$unit")" != "$before" ] && [ "$(pid_of "$unit")" != 0 ]; }
        wait_for 20 "isthmus-$unit after SIG$signal" comes_again
    done
done
wait_for 10 "a ping after that" pings
expect_match "status after that" "running" "$(ctl_in status)"

# An upgrade: the file stays as the operator wrote it, the dataplane goes on, control is the new one.
mkdir "$lab_dir/next"
for file in "$deb"/isthmus*_0.1.0_*.deb; do
    rm -rf "$lab_dir/unpacked"
    dpkg-deb -R "$file" "$lab_dir/unpacked"
    sed -i 's/^Version: .*/Version: 0.1.1/' "$lab_dir/unpacked/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone -b "$lab_dir/unpacked" "$lab_dir/next" >/dev/null
done
dataplane=$(pid_of dataplane) control=$(pid_of control)
in_host dpkg -i "$lab_dir"/next/isthmus-common_*.deb "$lab_dir"/next/isthmus-ctl_*.deb "$lab_dir"/next/isthmus_*.deb "$lab_dir"/next/isthmus-dns64_*.deb >>"$lab_dir/dpkg.log"
expect_match "the configuration after the upgrade" "203.0.113.0/27" "$(in_host cat /etc/isthmus/isthmus.conf)"
expect_equal "the dataplane's process after the upgrade" "$dataplane" "$(pid_of dataplane)"
expect_no_match "control's process after the upgrade" "^$control\$" "$(pid_of control)"
wait_for 10 "a ping after the upgrade" pings

in_host dpkg --purge isthmus isthmus-dns64 isthmus-ctl isthmus-common >>"$lab_dir/dpkg.log" 2>&1
for left in /etc/isthmus /var/lib/isthmus /lib/systemd/system/isthmus-control.service /usr/sbin/isthmus-dataplane; do
    ! in_host test -e "$left" || fail "$left is there after the purge"
done
expect_equal "files after the purge" "$before_all" "$(ours)"
expect_no_match "processes after the purge" "isthmus-(data|control|dns)" "$(in_host ps -eo args)"
host_halt
