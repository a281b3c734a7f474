// SPDX-License-Identifier: Apache-2.0
// Keeps the kernel from reassembling fragments before net_af_packet hands them to us.
//
// The driver (DPDK 22.11) joins each of its sockets to a fanout group with
// PACKET_FANOUT_FLAG_DEFRAG, even when there is one queue, and has no argument to leave the flag
// out. The kernel then puts the fragments of an IPv4 datagram together, and cuts the result at the
// ring's frame size: every fragmented datagram above 2 KB would be lost, and RFC 7915's rules for
// fragments would never be reached. A socket cannot leave its group or change its flags, so the
// one call that joins is intercepted: this definition stands before libc's in the search order, and
// all else that it does is what libc's does.
#include "dataplane/dpdk/af_packet_fanout.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace isthmus::dpdk {

int fanout_without_defrag(int fanout_arg) {
    return fanout_arg & ~(PACKET_FANOUT_FLAG_DEFRAG << 16);
}

}  // namespace isthmus::dpdk

extern "C" __attribute__((visibility("default"))) int setsockopt(int fd, int level, int name,
                                                                 const void* value,
                                                                 socklen_t bytes) noexcept {
    if (level == SOL_PACKET && name == PACKET_FANOUT && bytes == sizeof(int)) {
        int arg = 0;
        std::memcpy(&arg, value, sizeof arg);
        arg = isthmus::dpdk::fanout_without_defrag(arg);
        return static_cast<int>(syscall(SYS_setsockopt, fd, level, name, &arg, sizeof arg));
    }
    return static_cast<int>(syscall(SYS_setsockopt, fd, level, name, value, bytes));
}
