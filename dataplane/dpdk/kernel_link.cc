// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/kernel_link.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace isthmus::dpdk {

namespace {

bool ask(const std::string& iface, unsigned long what, ifreq& r) noexcept {
    static const int kSocket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    iface.copy(r.ifr_name, IFNAMSIZ - 1);
    return ::ioctl(kSocket, what, &r) == 0;
}

}  // namespace

KernelLink kernel_link(const std::string& iface) noexcept {
    ifreq r{};
    if (!ask(iface, SIOCGIFFLAGS, r)) return KernelLink::gone;
    const bool up = (r.ifr_flags & IFF_UP) != 0 && (r.ifr_flags & IFF_RUNNING) != 0;
    return up ? KernelLink::up : KernelLink::down;
}

unsigned combined_channels(const std::string& iface) noexcept {
    ethtool_channels c{};
    c.cmd = ETHTOOL_GCHANNELS;
    ifreq r{};
    r.ifr_data = reinterpret_cast<char*>(&c);
    return ask(iface, SIOCETHTOOL, r) && c.max_combined != 0 ? c.combined_count : 1;
}

}  // namespace isthmus::dpdk
