// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/memif_leave.h"

#include <dlfcn.h>
#include <rte_interrupts.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <mutex>

namespace isthmus::dpdk {
namespace {

using Unregister = int (*)(const rte_intr_handle*, rte_intr_callback_fn, void*);
using Send = ssize_t (*)(int, const msghdr*, int);

template <typename Function>
bool is_ours(const char* name, Function* ours) noexcept {
    return dlsym(RTLD_DEFAULT, name) == reinterpret_cast<void*>(ours) &&
           dlsym(RTLD_NEXT, name) != nullptr;
}

std::mutex guard_mutex;  // of the interrupt thread and whoever sets the guard; never a worker's
std::function<void()> guard;

}  // namespace

bool memif_guard_works() noexcept {
    return is_ours("rte_intr_callback_unregister", &rte_intr_callback_unregister) &&
           is_ours("sendmsg", &sendmsg);
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
    static const auto kReplaced = reinterpret_cast<isthmus::dpdk::Unregister>(
        dlsym(RTLD_NEXT, "rte_intr_callback_unregister"));
    if (kReplaced == nullptr) return -ENOSYS;
    const int rc = kReplaced(handle, fn, arg);
    const std::lock_guard lock(isthmus::dpdk::guard_mutex);
    if (guard) guard();
    return rc;
}

/// In place of the C library's; see the header. Everywhere else it is the same.
extern "C" __attribute__((visibility("default"))) ssize_t sendmsg(int fd, const msghdr* message,
                                                                  int flags) {
    static const auto kReplaced =
        reinterpret_cast<isthmus::dpdk::Send>(dlsym(RTLD_NEXT, "sendmsg"));
    if (kReplaced == nullptr) {
        errno = ENOSYS;
        return -1;
    }
    const ssize_t rc = kReplaced(fd, message, flags);
    const bool gone = rc < 0 && (errno == EPIPE || errno == ECONNRESET);
    if (!gone || rte_thread_is_intr() == 0) return rc;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < message->msg_iovlen; i++) bytes += message->msg_iov[i].iov_len;
    return static_cast<ssize_t>(bytes);
}
