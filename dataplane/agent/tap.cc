// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/tap.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace isthmus::agent {

namespace {

class ControlSocket {
public:
    ControlSocket() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
    ~ControlSocket() { ::close(fd_); }
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    bool call(unsigned long request, ifreq& r) const { return ::ioctl(fd_, request, &r) == 0; }

private:
    int fd_;
};

ifreq named(const std::string& name) {
    ifreq r{};
    name.copy(r.ifr_name, IFNAMSIZ - 1);
    return r;
}

Error failed(const std::string& name, const std::string& what) {
    return Error{"punt interface " + name, what + ": " + std::strerror(errno)};
}

Status set_up(const std::string& name, MacAddr mac, std::uint16_t mtu) {
    const ControlSocket s;
    ifreq r = named(name);
    r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(r.ifr_hwaddr.sa_data, mac.octet.data(), 6);
    if (!s.call(SIOCSIFHWADDR, r)) return failed(name, "cannot set the link address");
    r = named(name);
    r.ifr_mtu = mtu;
    if (!s.call(SIOCSIFMTU, r)) return failed(name, "cannot set the MTU");
    r = named(name);
    if (!s.call(SIOCGIFFLAGS, r)) return failed(name, "cannot be read");
    r.ifr_flags = static_cast<short>(r.ifr_flags | IFF_UP | IFF_ALLMULTI);
    if (!s.call(SIOCSIFFLAGS, r)) return failed(name, "cannot be set up");
    return Done{};
}

}  // namespace

bool write_sysctl(const std::string& path, const std::string& value) {
    std::ofstream out("/proc/sys/" + path);
    out << value;
    out.flush();
    return static_cast<bool>(out);
}

Expected<Tap> open_tap(const std::string& name, MacAddr mac, std::uint16_t mtu) {
    Tap tap;
    tap.name = name;
    const ControlSocket s;
    ifreq r = named(name);
    tap.was_there = s.call(SIOCGIFINDEX, r);
    tap.fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (tap.fd < 0)
        return failed(name, "cannot open /dev/net/tun (is the tun driver there, are we root?)");
    r = named(name);
    r.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tap.fd, TUNSETIFF, &r) != 0) {
        const Error e = failed(
            name,
            "cannot be made (an interface of that name may exist, or another dataplane may run)");
        ::close(tap.fd);
        return e;
    }
    (void)::ioctl(tap.fd, TUNSETPERSIST, 1);
    // The kernel must not route between punt interfaces: transit is dropped, with a reason, by the
    // workers.
    (void)write_sysctl("net/ipv4/conf/" + name + "/forwarding", "0");
    (void)write_sysctl("net/ipv6/conf/" + name + "/forwarding", "0");
    (void)write_sysctl("net/ipv4/conf/" + name + "/rp_filter", "0");
    (void)write_sysctl("net/ipv4/conf/" + name + "/arp_ignore", "0");
    const Status up = set_up(name, mac, mtu);
    if (!up) {
        ::close(tap.fd);
        return up.error();
    }
    r = named(name);
    if (s.call(SIOCGIFINDEX, r)) tap.ifindex = static_cast<unsigned>(r.ifr_ifindex);
    return tap;
}

void set_carrier(const Tap& tap, bool up) {
    int carrier = up ? 1 : 0;
    (void)::ioctl(tap.fd, TUNSETCARRIER, &carrier);
}

void remove_tap(Tap& tap) {
    if (tap.fd < 0) return;
    (void)::ioctl(tap.fd, TUNSETPERSIST, 0);
    ::close(tap.fd);
    tap.fd = -1;
}

namespace {

bool ethtool(const ControlSocket& s, const std::string& name, std::uint32_t command,
             std::uint32_t& value) {
    ethtool_value v{command, value};
    ifreq r = named(name);
    r.ifr_data = reinterpret_cast<char*>(&v);
    const bool ok = s.call(SIOCETHTOOL, r);
    value = v.data;
    return ok;
}

/// Receive offloads that merge packets (GRO, LRO) make frames that no link carries: off, or
/// refused.
Status no_merging(const ControlSocket& s, const std::string& name) {
    std::uint32_t gro = 0, flags = 0;
    (void)ethtool(s, name, ETHTOOL_SGRO, gro);
    if (ethtool(s, name, ETHTOOL_GFLAGS, flags) && (flags & ETH_FLAG_LRO) != 0) {
        flags &= ~static_cast<std::uint32_t>(ETH_FLAG_LRO);
        (void)ethtool(s, name, ETHTOOL_SFLAGS, flags);
    }
    std::uint32_t left = 0;
    gro = 0;
    const bool gro_on = ethtool(s, name, ETHTOOL_GGRO, gro) && gro != 0;
    const bool lro_on = ethtool(s, name, ETHTOOL_GFLAGS, left) && (left & ETH_FLAG_LRO) != 0;
    if (!gro_on && !lro_on) return Done{};
    return Error{"device " + name,
                 std::string("merges received packets (") + (lro_on ? "LRO" : "GRO") +
                     "), which a translator cannot have, and it cannot be switched off here: "
                     "ethtool -K " +
                     name + " gro off lro off"};
}

}  // namespace

Status quieten_device(const std::string& name) {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) == 0) {
        std::string bad;
        for (const ifaddrs* a = all; a != nullptr; a = a->ifa_next) {
            if (a->ifa_addr != nullptr && name == a->ifa_name && a->ifa_addr->sa_family == AF_INET)
                bad = name;
        }
        ::freeifaddrs(all);
        if (!bad.empty()) {
            return Error{"device " + name,
                         "has an IPv4 address of its own: the kernel would answer beside us. "
                         "Remove it (ip addr flush dev " +
                             name + ") and put it on the punt interface"};
        }
    }
    const ControlSocket s;
    ifreq r = named(name);
    if (!s.call(SIOCGIFFLAGS, r))
        return Error{"device " + name, "does not exist in this network namespace"};
    (void)write_sysctl("net/ipv6/conf/" + name + "/disable_ipv6", "1");
    (void)write_sysctl("net/ipv4/conf/" + name + "/arp_ignore", "8");
    (void)write_sysctl("net/ipv4/conf/" + name + "/rp_filter", "1");
    const Status plain = no_merging(s, name);
    if (!plain) return plain.error();
    r.ifr_flags = static_cast<short>(r.ifr_flags | IFF_NOARP | IFF_UP);
    if (!s.call(SIOCSIFFLAGS, r))
        return Error{"device " + name,
                     "cannot be set up without ARP: " + std::string(std::strerror(errno))};
    return Done{};
}

}  // namespace isthmus::agent
