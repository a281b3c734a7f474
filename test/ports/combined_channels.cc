// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD, in tests: a veth with N queues says that it has N receive and N transmit
// channels, and no combined ones, as network cards do. DPDK's net_af_xdp counts combined channels
// only and so allows a veth one queue; here the pairs are told as combined, and the driver's
// several queues can be tried.
#include <dlfcn.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdarg>

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
    using Ioctl = int (*)(int, unsigned long, void*);
    static const auto own = reinterpret_cast<Ioctl>(dlsym(RTLD_NEXT, "ioctl"));
    va_list list;
    va_start(list, request);
    void* const argument = va_arg(list, void*);
    va_end(list);
    const int rc = own(fd, request, argument);
    if (rc != 0 || request != SIOCETHTOOL) return rc;
    auto* const c = reinterpret_cast<ethtool_channels*>(static_cast<ifreq*>(argument)->ifr_data);
    if (c->cmd != ETHTOOL_GCHANNELS || c->max_combined != 0) return rc;
    c->max_combined = std::min(c->max_rx, c->max_tx);
    c->combined_count = std::min(c->rx_count, c->tx_count);
    return rc;
}
