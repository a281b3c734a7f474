// SPDX-License-Identifier: Apache-2.0
// Devices whose wire is memory shared with another process of the same host, and that meet it at a
// Unix socket: memif (a packet generator, a VPP, a container) and vhost (a virtual machine, or
// DPDK's virtio_user).
//
// The gateway is the server, unless the operator says otherwise: a server must exist before its
// clients start, and the gateway is what stays. Its socket is a file that only our user may open;
// an abstract one would let in any local process. The file of an instance that was killed is
// removed; that of one that lives is not.
#pragma once

#include "common/base/expected.h"
#include "dataplane/dpdk/device.h"

namespace isthmus::dpdk {

/// Fills in role, kind of socket and, for vhost, a queue for each worker; refuses what cannot work.
/// Text only.
Status complete_socket(DeviceSpec& spec, const std::string& where, unsigned n_workers);
/// Before DPDK starts: clears the way for the socket of a server. Other devices: nothing.
Status clear_socket(const DeviceSpec& spec);
/// After the devices are configured: mode 0600.
void shut_socket(const DeviceSpec& spec) noexcept;

}  // namespace isthmus::dpdk
