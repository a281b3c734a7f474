// SPDX-License-Identifier: Apache-2.0
// See af_packet_fanout.cc: net_af_packet must not ask the kernel to reassemble fragments.
#pragma once

namespace isthmus::dpdk {

/// `fanout_arg` of PACKET_FANOUT, with the flag for reassembly taken out. Calling it anywhere also
/// makes sure that the linker keeps the interception.
[[nodiscard]] int fanout_without_defrag(int fanout_arg);

}  // namespace isthmus::dpdk
