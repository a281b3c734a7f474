// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/memif_leave.h"

#include <dlfcn.h>
#include <rte_interrupts.h>

#include <cerrno>
#include <mutex>

namespace isthmus::dpdk {
namespace {

using Unregister = int (*)(const rte_intr_handle*, rte_intr_callback_fn, void*);

std::mutex guard_mutex;  // of the interrupt thread and whoever sets the guard; never a worker's
std::function<void()> guard;

}  // namespace

bool memif_guard_works() noexcept {
    return dlsym(RTLD_DEFAULT, "rte_intr_callback_unregister") ==
               reinterpret_cast<void*>(&rte_intr_callback_unregister) &&
           dlsym(RTLD_NEXT, "rte_intr_callback_unregister") != nullptr;
}

void set_memif_guard(std::function<void()> wait_for_workers) {
    const std::lock_guard lock(guard_mutex);
    guard = std::move(wait_for_workers);
}

}  // namespace isthmus::dpdk

/// In place of DPDK's; see the header.
extern "C" __attribute__((visibility("default"))) int rte_intr_callback_unregister(
    const rte_intr_handle* handle, rte_intr_callback_fn fn, void* arg) {
    using isthmus::dpdk::guard;
    static const auto own = reinterpret_cast<isthmus::dpdk::Unregister>(
        dlsym(RTLD_NEXT, "rte_intr_callback_unregister"));
    if (own == nullptr) return -ENOSYS;
    const int rc = own(handle, fn, arg);
    const std::lock_guard lock(isthmus::dpdk::guard_mutex);
    if (guard) guard();
    return rc;
}
