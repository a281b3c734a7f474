// SPDX-License-Identifier: Apache-2.0
// A memif client that leaves while a worker is in its rings.
//
// DPDK's memif driver takes the connection down in EAL's interrupt thread: it clears its
// "connected" flag, unregisters its interrupt, and unmaps the shared memory. A worker that read the
// flag just before is then in memory that is gone: SIGSEGV (seen with 22.11; the client's death,
// and kill -9 under traffic, suffice). The driver offers no hook, but between the flag and the
// memory it calls rte_intr_callback_unregister(): this folder defines that function for the whole
// process, calls DPDK's own, and then waits until every worker has completed a turn.
//
// That works because drivers are shared objects that look for the symbol in the program first; it
// is checked at start, and memif ports are refused where it is not so.
#pragma once

#include <functional>

namespace isthmus::dpdk {

/// True when drivers call our function.
[[nodiscard]] bool memif_guard_works() noexcept;
/// What to wait for, from EAL's interrupt thread. Empty: nothing. Set while no worker runs.
void set_memif_guard(std::function<void()> wait_for_workers);

}  // namespace isthmus::dpdk
