#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# isthmus-setup on the files of a host that was never there: what it says, what it writes, that it
# changes nothing before it is told to, and what it refuses.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
root=$lab_dir/root
export ISTHMUS_DATAPLANE=$bin/dataplane/isthmus-dataplane
cat >"$lab_dir/conf" <<'CONF'
nat64: { prefixes = ("64:ff9b::/96"); pool = ("203.0.113.0/28"); };
dataplane: { main_cpu = 0; workers = [2, 3]; hugepages = "yes"; ports = (
  { name = "inside"; device = "0000:01:00.0"; }, { name = "outside"; device = "0000:01:00.1"; } ); };
CONF
pci() { # ADDRESS DRIVER
    mkdir -p "$root/sys/bus/pci/drivers/$2" "$root/sys/bus/pci/devices/$1"
    ln -s "../../drivers/$2" "$root/sys/bus/pci/devices/$1/driver"
    : >"$root/sys/bus/pci/drivers/$2/unbind"
}
for cpu in 0 1 2 3; do
    mkdir -p "$root/sys/devices/system/cpu/cpu$cpu/topology" "$root/sys/devices/system/cpu/cpu$cpu/cpufreq"
    echo "$((cpu / 2 * 2))-$((cpu / 2 * 2 + 1))" >"$root/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list"
    echo powersave >"$root/sys/devices/system/cpu/cpu$cpu/cpufreq/scaling_governor"
done
mkdir -p "$root/sys/kernel/mm/hugepages/hugepages-2048kB" "$root/sys/kernel/iommu_groups/1" "$root/proc"
echo 0 >"$root/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
echo "quiet" >"$root/proc/cmdline"
for family in ipv4 ipv6; do
    mkdir -p "$root/proc/sys/net/$family/neigh/default"
    for n in 2:512 3:1024; do echo "${n#*:}" >"$root/proc/sys/net/$family/neigh/default/gc_thresh${n%:*}"; done
done
pci 0000:01:00.0 ixgbe
pci 0000:01:00.1 mlx5_core
setup() { "$top/scripts/isthmus-setup" --config "$lab_dir/conf" --root "$root" "$@"; }
state() { (cd "$root" && find . -type f -exec sha256sum {} + | sort); }

before=$(state)
plan=$(setup --hugepages 2048 --isolate)
expect_equal "files after a plan" "$before" "$(state)"
expect_match "pages" "would   reserve 1024 pages of 2 MiB now" "$plan"
expect_match "device" "would   inside: 0000:01:00.0 from ixgbe to vfio-pci" "$plan"
expect_match "a device that stays" "ok      outside: 0000:01:00.1 stays with mlx5_core" "$plan"
expect_match "two threads of a core" "CPUs 2 and 3 are two threads of one core" "$plan"
expect_match "neighbours" "would   ipv4: 16384 instead of 1024 \(net.ipv4.neigh.default.gc_thresh3\)" "$plan"
expect_match "isolation" "isolcpus=managed_irq,domain,2,3" "$plan"

setup --hugepages 2048 --isolate --apply
expect_equal "pages reserved" 1024 "$(cat "$root/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")"
expect_equal "the driver asked for" vfio-pci "$(cat "$root/sys/bus/pci/devices/0000:01:00.0/driver_override")"
expect_equal "taken from its driver" 0000:01:00.0 "$(cat "$root/sys/bus/pci/drivers/ixgbe/unbind")"
expect_match "at each start" 'KERNEL=="0000:01:00.0", ATTR\{driver_override\}="vfio-pci"' "$(cat "$root/etc/udev/rules.d/60-isthmus.rules")"
expect_match "pages at each start" "^vm.nr_hugepages = 1024$" "$(cat "$root/etc/sysctl.d/60-isthmus.conf")"
for family in ipv4 ipv6; do
    expect_equal "room for neighbours" "8192 16384" "$(cat "$root/proc/sys/net/$family/neigh/default/"gc_thresh[23] | paste -sd" ")"
    expect_match "neighbours at each start" "^net.$family.neigh.default.gc_thresh3 = 16384$" "$(cat "$root/etc/sysctl.d/61-isthmus-neighbours.conf")"
done
expect_match "command line" "nohz_full=2,3" "$(cat "$root/etc/default/grub.d/isthmus.cfg")"
expect_equal "governor" performance "$(cat "$root/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor")"

# As after the next start.
rm "$root/sys/bus/pci/devices/0000:01:00.0/driver"
mkdir -p "$root/sys/bus/pci/drivers/vfio-pci"
ln -s ../../drivers/vfio-pci "$root/sys/bus/pci/devices/0000:01:00.0/driver"
echo "quiet isolcpus=managed_irq,domain,2,3 nohz_full=2,3" >"$root/proc/cmdline"
expect_match "all is done" "^nothing to do$" "$(setup --hugepages 2048 --isolate)"

# What cannot be mended is said, with a remedy, and is an error.
rm -r "$root/sys/kernel/iommu_groups/1" "$root/sys/bus/pci/devices/0000:01:00.0/driver"
expect_status "no IOMMU" 1 setup --hugepages 2048
expect_match "no IOMMU" "intel_iommu=on" "$out"
rm -r "$root/sys/bus/pci/devices/0000:01:00.1"
expect_status "no such device" 1 setup
expect_match "no such device" "no PCI device 0000:01:00.1; lspci" "$out"
expect_status "a driver that is none" 2 setup --driver e1000
expect_status "a flag without its value" 2 setup --hugepages
expect_status "no number" 2 setup --hugepages 2G
expect_match "no number" "^isthmus-setup: --hugepages is a number of MiB; see isthmus-setup --help" "$out"
expect_status "a word" 2 setup now
printf 'MemTotal:        8000000 kB\n' >"$root/proc/meminfo"
expect_status "more than there is" 1 setup --hugepages 999999999
expect_match "more than there is" "this host has 7812 MiB of memory in all" "$out"
rm "$root/proc/meminfo"
expect_status "an unknown word" 2 setup --now
expect_match "an unknown word" "has no flag \"--now\"; see isthmus-setup --help" "$out"
sed -i s/pool/pol/ "$lab_dir/conf"
expect_status "a wrong file" 1 setup
expect_match "a wrong file" 'did you mean "pool"' "$out"
