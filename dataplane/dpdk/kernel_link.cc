// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/kernel_link.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace isthmus::dpdk {

KernelLink kernel_link(const std::string& iface) noexcept {
    static const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq r{};
    iface.copy(r.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(fd, SIOCGIFFLAGS, &r) != 0) return KernelLink::gone;
    const bool up = (r.ifr_flags & IFF_UP) != 0 && (r.ifr_flags & IFF_RUNNING) != 0;
    return up ? KernelLink::up : KernelLink::down;
}

}  // namespace isthmus::dpdk
