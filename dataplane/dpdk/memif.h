// SPDX-License-Identifier: Apache-2.0
// memif: shared memory with another process of the same host; a packet generator, a VPP, a
// container.
//
// The gateway is the server, unless the operator says otherwise: a server must exist before its
// clients start, and the gateway is what stays. Its socket is a file that only our user may open;
// an abstract one would let in any local process. The file of an instance that was killed is
// removed; that of one that lives is not.
#pragma once

#include "common/base/expected.h"
#include "dataplane/dpdk/device.h"

namespace isthmus::dpdk {

/// Fills in role and kind of socket; refuses what cannot work. Text only.
Status complete_memif(DeviceSpec& spec, const std::string& where);
/// Before DPDK starts: clears the way for the socket of a server. Other devices: nothing.
Status clear_memif_socket(const DeviceSpec& spec);
/// After it has started: mode 0600.
void shut_memif_socket(const DeviceSpec& spec) noexcept;

}  // namespace isthmus::dpdk
