// SPDX-License-Identifier: Apache-2.0
// Stage 1: what a frame is to us. Reads the link header and the IP destination, nothing else.
//
//   not IP, multicast, our own address      -> punt to the kernel
//   IPv6 to a Pref64                        -> translate, at the worker that owns the source
//   IPv4 to a pool address                  -> translate, at the worker that owns (address, port)
//   either, to a mapping without state      -> translate, right here
//   frame for somebody else, anything else  -> drop, with a reason
#pragma once

#include "dataplane/pipeline/burst.h"
#include "dataplane/pipeline/snapshot.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::pipeline {

/// In: packet. Out: work.path, work.l2, and what the path needs (prefix and z, or slot); the frame
/// is positioned at the IP header when the path translates.
void classify(Packet& packet, Work& work, const Snapshot& cfg, const WorkerState& worker) noexcept;

}  // namespace isthmus::pipeline
