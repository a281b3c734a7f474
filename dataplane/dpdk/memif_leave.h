// SPDX-License-Identifier: Apache-2.0
// A memif client that leaves while a worker is in its rings, or before it was greeted.
//
// In its rings: DPDK's memif driver takes the connection down in EAL's interrupt thread: it clears
// its "connected" flag, unregisters its interrupt, and unmaps the shared memory. A worker that read
// the flag just before is then in memory that is gone: SIGSEGV (seen with 22.11; the client's
// death, and kill -9 under traffic, suffice). The driver offers no hook, but between the flag and
// the memory it calls rte_intr_callback_unregister(): this folder defines that function for the
// whole process, calls DPDK's own, and then waits until every worker has completed a turn.
//
// Before it was greeted: to a client that has connected and gone, sending the first message fails.
// The driver then closes the connection's descriptor, which it has registered with EAL before, and
// EAL's interrupt thread, when it comes upon a closed one, panics ("Error adding fd ... epoll_ctl":
// seen with 22.11; a handful of connections closed at once suffice, and under load a client that
// is killed as it starts). So sendmsg(), too, is defined here for the whole process: in the
// interrupt thread a message to a peer that is gone counts as sent. The hang-up is an event of its
// own, and the driver takes the connection down as it does any other.
//
// That works because drivers are shared objects that look for a symbol in the program first; it is
// checked at start, and memif ports are refused where it is not so.
#pragma once

#include <functional>

namespace isthmus::dpdk {

/// True when drivers call our functions.
[[nodiscard]] bool memif_guard_works() noexcept;
/// What to wait for, from EAL's interrupt thread. Empty: nothing. Set while no worker runs.
void set_memif_guard(std::function<void()> wait_for_workers);

}  // namespace isthmus::dpdk
