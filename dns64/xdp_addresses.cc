// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_addresses.h"

#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "dns64/xdp.h"

namespace isthmus::dns64 {

namespace {

using config::Endpoint;

constexpr unsigned kMtuLeast = 1280;  // an answer has 1,232 octets at most, headers 48
/// Each is some instructions for every frame.
constexpr std::size_t kAddressesMost = 64;

Error wrong(const std::string& interface, const std::string& what) {
    return Error{"dns64.listen xdp:" + interface, what};
}

bool is_link_local(const Ipv6Addr& a) { return a.octet[0] == 0xfe && (a.octet[1] & 0xc0) == 0x80; }

bool is_loopback(const Endpoint& e) {
    return e.is_v6 ? e.v6 == Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1})
                   : e.v4.host() >> 24 == 127;
}

bool is_wildcard(const Endpoint& e) { return e.is_v6 ? e.v6 == Ipv6Addr{} : e.v4 == Ipv4Addr{}; }

/// The host's addresses, each with its interface.
std::vector<std::pair<std::string, Endpoint>> all_addresses() {
    std::vector<std::pair<std::string, Endpoint>> out;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return out;
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
        if (i->ifa_addr == nullptr) continue;
        Endpoint e;
        if (i->ifa_addr->sa_family == AF_INET) {
            sockaddr_in a;
            std::memcpy(&a, i->ifa_addr, sizeof a);
            e.is_v6 = false;
            e.v4 = Ipv4Addr{Be32::from_wire(a.sin_addr.s_addr)};
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            sockaddr_in6 a;
            std::memcpy(&a, i->ifa_addr, sizeof a);
            std::memcpy(e.v6.octet.data(), &a.sin6_addr, 16);
        } else {
            continue;
        }
        out.emplace_back(i->ifa_name, e);
    }
    ::freeifaddrs(list);
    return out;
}

/// False: `what` is not to be had of it.
bool ask(const std::string& interface, unsigned long what, ifreq& r) {
    std::strncpy(r.ifr_name, interface.c_str(), IFNAMSIZ - 1);
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool ok = fd >= 0 && ::ioctl(fd, what, &r) == 0;
    if (fd >= 0) ::close(fd);
    return ok;
}

unsigned queues_of(const std::string& interface) {
    unsigned n = 0;
    std::error_code none;
    const std::filesystem::path queues = "/sys/class/net/" + interface + "/queues";
    for (const auto& q : std::filesystem::directory_iterator(queues, none))
        n += q.path().filename().string().starts_with("rx-") ? 1 : 0;
    return std::max(n, 1U);
}

}  // namespace

Expected<std::vector<Endpoint>> addresses_of(const std::string& interface) {
    if (::if_nametoindex(interface.c_str()) == 0)
        return wrong(interface, "no such interface; ip -br link shows those there are");
    std::vector<Endpoint> out;
    for (const auto& [name, e] : all_addresses()) {
        if (name == interface && (!e.is_v6 || !is_link_local(e.v6))) out.push_back(e);
    }
    if (out.empty())
        return wrong(interface,
                     "the interface has no address; give it one, or write addresses "
                     "beside it in listen");
    return out;
}

Expected<XdpFacts> facts_of(const std::string& interface, const std::vector<Endpoint>& addresses) {
    XdpFacts out;
    out.index = ::if_nametoindex(interface.c_str());
    if (out.index == 0)
        return wrong(interface, "no such interface; ip -br link shows those there are");
    ifreq r{};
    if (!ask(interface, SIOCGIFHWADDR, r) || r.ifr_hwaddr.sa_family != 1)  // ARPHRD_ETHER
        return wrong(interface, "is no Ethernet");
    std::memcpy(out.match.mac.data(), r.ifr_hwaddr.sa_data, out.match.mac.size());
    if (ask(interface, SIOCGIFMTU, r) && static_cast<unsigned>(r.ifr_mtu) < kMtuLeast)
        return wrong(interface, "its MTU is below " + std::to_string(kMtuLeast));
    out.n_queues = queues_of(interface);
    std::vector<Endpoint>& found = out.match.addresses;
    const auto add = [&found](const Endpoint& e) {
        const bool known = std::any_of(found.begin(), found.end(),
                                       [&e](const Endpoint& o) { return o.text() == e.text(); });
        if (!known && !is_loopback(e)) found.push_back(e);
    };
    for (const Endpoint& e : addresses) {
        if (!is_wildcard(e)) {
            add(e);
            continue;
        }
        for (auto [name, a] : all_addresses()) {
            if (a.is_v6 != e.is_v6) continue;
            if (a.is_v6 && is_link_local(a.v6) && name != interface) continue;
            a.port = e.port;
            add(a);
        }
    }
    if (found.empty())
        return wrong(interface, "no address beside it in listen is one that a frame can be for");
    if (found.size() > kAddressesMost)
        return wrong(interface, "more than " + std::to_string(kAddressesMost) +
                                    " addresses; write those that are meant in listen");
    return out;
}

/// Nothing is left of them in this thread, and there is no other yet.
Status drop_xdp_capabilities() {
    constexpr std::uint64_t kGone = (1ULL << CAP_NET_ADMIN) | (1ULL << CAP_NET_RAW) |
                                    (1ULL << CAP_BPF) | (1ULL << CAP_PERFMON) |
                                    (1ULL << CAP_IPC_LOCK) | (1ULL << CAP_SYS_ADMIN);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> have{};
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (::syscall(SYS_capget, &header, have.data()) == 0) {
        for (unsigned i = 0; i < have.size(); i++) {
            const auto keep = static_cast<std::uint32_t>(~kGone >> (32 * i));
            have[i].permitted &= keep;
            have[i].effective &= keep;
            have[i].inheritable = 0;
        }
        if (::syscall(SYS_capset, &header, have.data()) == 0) return Done{};
    }
    return Error{"dns64.listen", std::string("cannot drop capabilities: ") + std::strerror(errno)};
}

}  // namespace isthmus::dns64
