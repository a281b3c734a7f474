// SPDX-License-Identifier: Apache-2.0
// What an operator's `device` string means: which DPDK device, by which driver, and whether the
// kernel has it too. Pure text work, before any of DPDK is started.
//
// Two forms are understood: a PCI address ("0000:01:00.0", "01:00.0,args") and a virtual device
// ("net_af_packet0,iface=eth1"). A kernel device is one whose frames the kernel sees as well
// (af_packet, af_xdp, tap, pcap on an interface): its punt interface must live in a namespace of
// its own, and its link state and MTU are the kernel's.
//
// net_af_packet with nothing but `iface=` gets ring sizes that fit the MTU: its own defaults hold 2
// frames in a block, and it cuts larger frames without a word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/expected.h"
#include "common/config/config.h"

namespace isthmus::dpdk {

struct DeviceSpec {
    bool is_pci = false;
    std::string name;     // as DPDK calls the device: "0000:01:00.0", "net_af_packet0"
    std::string driver;   // "net_af_packet"; empty for PCI
    std::string devargs;  // name and arguments, ours added
    std::string iface;    // the kernel's name for it, when it has one
    bool is_kernel_device = false;
    bool is_far_end = false;  // the kernel's device is the other end of our wire (net_tap)
    std::uint32_t frame_room_bytes = 0;  // the driver wants buffers of at least this; 0: no wish
};

/// `n_workers`: an af_packet device gets as many queue pairs, unless the operator wrote a number.
[[nodiscard]] Expected<DeviceSpec> parse_device(const config::PortConfig& port, unsigned n_workers);

/// The value of `key` in "name,key=value,...", or an empty view.
[[nodiscard]] std::string_view devarg(std::string_view devargs, std::string_view key);

}  // namespace isthmus::dpdk
