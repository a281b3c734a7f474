// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace isthmus::agent {

namespace {

using pipeline::AnyPrefix;
using pipeline::NextHop;

constexpr unsigned char kOurProtocol = 185;  // of routes; nobody else's in rt_protos
using Attributes = std::array<const nlattr*, 64>;
using Buffer = std::array<char, 32768>;

int collect(const nlattr* a, void* into) {
    auto& table = *static_cast<Attributes*>(into);
    const unsigned type = mnl_attr_get_type(a);
    if (type < table.size()) table[type] = a;
    return MNL_CB_OK;
}

Attributes attributes_of(const nlmsghdr* m, std::size_t header) {
    Attributes out{};
    mnl_attr_parse(m, static_cast<unsigned>(header), collect, &out);
    return out;
}

std::uint8_t family_of(unsigned char af) { return af == AF_INET ? 4 : 6; }
unsigned address_bytes(std::uint8_t family) { return family == 4 ? 4 : 16; }

bool read_address(const nlattr* a, std::uint8_t family, Ipv6Addr& out) {
    out = {};
    if (a == nullptr || mnl_attr_get_payload_len(a) != address_bytes(family)) return false;
    std::memcpy(out.octet.data(), mnl_attr_get_payload(a), address_bytes(family));
    return true;
}

bool parse_any(const std::string& text, std::uint8_t& family, Ipv6Addr& out) {
    out = {};
    if (const auto a = Ipv4Addr::parse(text)) {
        family = 4;
        std::memcpy(out.octet.data(), a->octets().data(), 4);
        return true;
    }
    family = 6;
    const auto a = Ipv6Addr::parse(text);
    if (a) out = *a;
    return a.has_value();
}

nlmsghdr* begin(Buffer& buffer, int type, int flags) {
    nlmsghdr* m = mnl_nlmsg_put_header(buffer.data());
    m->nlmsg_type = static_cast<std::uint16_t>(type);
    m->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    return m;
}

template <typename T>
T* header(nlmsghdr* m) {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(m, sizeof(T)));
}

}  // namespace

Expected<std::unique_ptr<KernelWatch>> KernelWatch::open(pipeline::Fib& fib) {
    std::unique_ptr<KernelWatch> w(new KernelWatch(fib));
    w->events_ = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    w->ask_ = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    const unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                            RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    const bool ok = w->events_ != nullptr && w->ask_ != nullptr &&
                    mnl_socket_bind(w->events_, groups, MNL_SOCKET_AUTOPID) == 0 &&
                    mnl_socket_bind(w->ask_, 0, MNL_SOCKET_AUTOPID) == 0;
    if (!ok) return Error{"netlink", std::strerror(errno)};
    const int room = 4 << 20;
    ::setsockopt(mnl_socket_get_fd(w->events_), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    return w;
}

KernelWatch::~KernelWatch() {
    if (events_ != nullptr) mnl_socket_close(events_);
    if (ask_ != nullptr) mnl_socket_close(ask_);
}

int KernelWatch::fd() const { return mnl_socket_get_fd(events_); }

void KernelWatch::add_interface(unsigned ifindex, std::uint16_t port, const std::string& name) {
    Link l;
    l.port = port;
    l.name = name;
    links_[ifindex] = l;
}

pipeline::Interface& KernelWatch::interface_of(const Link& l) {
    for (auto& i : interfaces_) {
        if (i.port == l.port && i.vlan == l.vlan) return i;
    }
    pipeline::Interface i;
    i.port = l.port;
    i.vlan = l.vlan;
    interfaces_.push_back(i);
    return interfaces_.back();
}

void KernelWatch::on_link(const nlmsghdr* m) {
    const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(m));
    const auto index = static_cast<unsigned>(info->ifi_index);
    const Attributes a = attributes_of(m, sizeof *info);
    auto known = links_.find(index);
    if (known == links_.end()) {
        // A VLAN on a punt interface: IFLA_LINK names the interface below, IFLA_LINKINFO says
        // "vlan".
        if (a[IFLA_LINK] == nullptr || a[IFLA_LINKINFO] == nullptr) return;
        const auto below = links_.find(mnl_attr_get_u32(a[IFLA_LINK]));
        if (below == links_.end() || below->second.vlan != 0) return;
        Attributes kind{}, data{};
        mnl_attr_parse_nested(a[IFLA_LINKINFO], collect, &kind);
        const bool vlan = kind[IFLA_INFO_KIND] != nullptr &&
                          std::string(mnl_attr_get_str(kind[IFLA_INFO_KIND])) == "vlan";
        if (!vlan || kind[IFLA_INFO_DATA] == nullptr) return;
        mnl_attr_parse_nested(kind[IFLA_INFO_DATA], collect, &data);
        const std::uint16_t id =
            data[IFLA_VLAN_ID] == nullptr ? std::uint16_t{0} : mnl_attr_get_u16(data[IFLA_VLAN_ID]);
        if (id == 0) return;
        Link l = below->second;
        l.vlan = id;
        known = links_.emplace(index, l).first;
    }
    Link& l = known->second;
    if (m->nlmsg_type == RTM_DELLINK) {
        writer_.remove_interface(l.port, l.vlan);
        if (l.vlan != 0) links_.erase(known);
        return;
    }
    if (a[IFLA_MTU] != nullptr)
        l.mtu = static_cast<std::uint16_t>(
            std::min<std::uint32_t>(mnl_attr_get_u32(a[IFLA_MTU]), 65535));
    if (a[IFLA_ADDRESS] != nullptr && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == 6) {
        std::memcpy(l.mac.octet.data(), mnl_attr_get_payload(a[IFLA_ADDRESS]), 6);
    }
    l.up = (info->ifi_flags & IFF_UP) != 0;
    interface_of(l).mtu = l.mtu;
    writer_.set_interface(l.port, l.vlan, l.mac, l.mtu, l.up);
}

void KernelWatch::on_address(const nlmsghdr* m) {
    const auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(m));
    const auto link = links_.find(info->ifa_index);
    const Attributes a = attributes_of(m, sizeof *info);
    const std::uint8_t family = family_of(info->ifa_family);
    Ipv6Addr address;
    if (!read_address(a[IFA_LOCAL] != nullptr ? a[IFA_LOCAL] : a[IFA_ADDRESS], family, address))
        return;
    const Ipv4Addr v4 =
        Ipv4Addr::of(address.octet[0], address.octet[1], address.octet[2], address.octet[3]);
    if (family == 4) own_ipv4_.insert(v4.host());
    if (link == links_.end()) return;
    (void)writer_.set_local(
        {family, static_cast<std::uint8_t>(address_bytes(family) * 8), address});
    pipeline::Interface& i = interface_of(link->second);
    if (family == 4 && !i.has_v4) {
        i.has_v4 = true;
        i.source4 = v4;
    }
    if (family == 6 && !i.has_v6 && info->ifa_scope == RT_SCOPE_UNIVERSE) {
        i.has_v6 = true;
        i.source6 = address;
    }
}

void KernelWatch::on_route(const nlmsghdr* m) {
    const auto* r = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(m));
    if (r->rtm_type != RTN_UNICAST || r->rtm_table == RT_TABLE_LOCAL ||
        (r->rtm_flags & RTM_F_CLONED) != 0)
        return;
    const Attributes a = attributes_of(m, sizeof *r);
    AnyPrefix prefix{family_of(r->rtm_family), r->rtm_dst_len, {}};
    if (r->rtm_dst_len != 0 && !read_address(a[RTA_DST], prefix.family, prefix.addr)) return;
    std::vector<NextHop> hops;
    const auto add = [&](unsigned oif, const nlattr* gateway) {
        const auto link = links_.find(oif);
        if (link == links_.end()) return;
        NextHop h{link->second.port, link->second.vlan, true, {}};
        h.on_link = !read_address(gateway, prefix.family, h.gateway);
        if (h.on_link) h.gateway = {};
        hops.push_back(h);
    };
    if (a[RTA_OIF] != nullptr) add(mnl_attr_get_u32(a[RTA_OIF]), a[RTA_GATEWAY]);
    if (a[RTA_MULTIPATH] != nullptr) {
        auto left = static_cast<int>(mnl_attr_get_payload_len(a[RTA_MULTIPATH]));
        const auto* hop = static_cast<const rtnexthop*>(mnl_attr_get_payload(a[RTA_MULTIPATH]));
        for (; RTNH_OK(hop, left);
             left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len)), hop = RTNH_NEXT(hop)) {
            const nlattr* gateway = nullptr;
            int room = static_cast<int>(hop->rtnh_len - sizeof *hop);
            for (const auto* x = reinterpret_cast<const nlattr*>(RTNH_DATA(hop));
                 mnl_attr_ok(x, room); x = mnl_attr_next(x)) {
                if (mnl_attr_get_type(x) == RTA_GATEWAY) gateway = x;
                room -= static_cast<int>(MNL_ALIGN(x->nla_len));
            }
            add(static_cast<unsigned>(hop->rtnh_ifindex), gateway);
        }
    }
    if (!hops.empty()) (void)writer_.set_route(prefix, hops);
}

void KernelWatch::on_neighbour(const nlmsghdr* m) {
    const auto* n = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(m));
    const auto link = links_.find(static_cast<unsigned>(n->ndm_ifindex));
    if (link == links_.end() || (n->ndm_family != AF_INET && n->ndm_family != AF_INET6)) return;
    const Attributes a = attributes_of(m, sizeof *n);
    const std::uint8_t family = family_of(n->ndm_family);
    Ipv6Addr address;
    if (!read_address(a[NDA_DST], family, address)) return;
    constexpr unsigned kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
    const bool usable = m->nlmsg_type == RTM_NEWNEIGH && (n->ndm_state & kUsable) != 0 &&
                        a[NDA_LLADDR] != nullptr && mnl_attr_get_payload_len(a[NDA_LLADDR]) == 6;
    const Link& l = link->second;
    if (!usable) return writer_.remove_neighbour(family, l.port, l.vlan, address);
    MacAddr mac;
    std::memcpy(mac.octet.data(), mnl_attr_get_payload(a[NDA_LLADDR]), 6);
    writer_.set_neighbour(family, l.port, l.vlan, address, mac);
}

void KernelWatch::handle(const nlmsghdr* m) {
    const bool neighbour = m->nlmsg_type == RTM_NEWNEIGH || m->nlmsg_type == RTM_DELNEIGH;
    if (!neighbour && !dumping_) {
        changed_ = true;
        return;
    }
    switch (m->nlmsg_type) {
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return on_neighbour(m);
        case RTM_NEWLINK:
            return on_link(m);
        case RTM_NEWADDR:
            return on_address(m);
        case RTM_NEWROUTE:
            return on_route(m);
        default:
            return;
    }
}

int KernelWatch::on_message(const nlmsghdr* m, void* self) {
    static_cast<KernelWatch*>(self)->handle(m);
    return MNL_CB_OK;
}

bool KernelWatch::read_events() {
    changed_ = false;
    Buffer buffer;
    for (;;) {
        const ssize_t n = mnl_socket_recvfrom(events_, buffer.data(), buffer.size());
        if (n < 0) {
            if (errno == ENOBUFS) changed_ = true;  // messages were lost
            if (errno == ENOBUFS || errno == EINTR) continue;
            return changed_;
        }
        (void)mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), 0, 0, on_message, this);
    }
}

Status KernelWatch::dump(int type, int family) {
    Buffer buffer;
    nlmsghdr* m = begin(buffer, type, NLM_F_DUMP);
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    m->nlmsg_seq = ++sequence_;
    header<rtgenmsg>(m)->rtgen_family = static_cast<unsigned char>(family);
    if (mnl_socket_sendto(ask_, m, m->nlmsg_len) < 0) return Error{"netlink", std::strerror(errno)};
    for (;;) {
        const ssize_t n = mnl_socket_recvfrom(ask_, buffer.data(), buffer.size());
        if (n < 0) return Error{"netlink", std::strerror(errno)};
        const int rc = mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_,
                                  mnl_socket_get_portid(ask_), on_message, this);
        if (rc < 0) return Error{"netlink", std::strerror(errno)};
        if (rc == 0) return Done{};
    }
}

Status KernelWatch::resync() {
    interfaces_.clear();
    own_ipv4_.clear();
    writer_.begin_resync();
    dumping_ = true;
    for (const auto& [type, family] :
         {std::pair{RTM_GETLINK, AF_UNSPEC}, std::pair{RTM_GETADDR, AF_UNSPEC},
          std::pair{RTM_GETROUTE, AF_INET}, std::pair{RTM_GETROUTE, AF_INET6},
          std::pair{RTM_GETNEIGH, AF_UNSPEC}}) {
        const Status done = dump(type, family);
        if (done) continue;
        dumping_ = false;
        return done.error();
    }
    dumping_ = false;
    writer_.commit_resync();
    return Done{};
}

Status KernelWatch::request(void* message, const std::string& what) {
    auto* m = static_cast<nlmsghdr*>(message);
    m->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(ask_, m, m->nlmsg_len) < 0) return Error{what, std::strerror(errno)};
    Buffer buffer;
    const ssize_t n = mnl_socket_recvfrom(ask_, buffer.data(), buffer.size());
    if (n < 0) return Error{what, std::strerror(errno)};
    if (mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_,
                   mnl_socket_get_portid(ask_), nullptr, nullptr) >= 0)
        return Done{};
    if (errno == EEXIST || errno == ESRCH) return Done{};
    return Error{what, std::strerror(errno)};
}

void KernelWatch::resolve(const pipeline::ResolveRequest& r) {
    for (const auto& [index, l] : links_) {
        if (l.port != r.port || l.vlan != r.vlan) continue;
        Buffer buffer;
        nlmsghdr* m = begin(buffer, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
        auto* n = header<ndmsg>(m);
        n->ndm_family = r.family == 4 ? AF_INET : AF_INET6;
        n->ndm_ifindex = static_cast<int>(index);
        n->ndm_state = NUD_NONE;
        n->ndm_flags = NTF_USE;
        mnl_attr_put(m, NDA_DST, address_bytes(r.family), r.address.octet.data());
        (void)request(m, "neighbour");
        return;
    }
}

Status KernelWatch::add_address(unsigned ifindex, const std::string& text) {
    const auto slash = text.find('/');
    std::uint8_t family = 0;
    Ipv6Addr address;
    if (!parse_any(text.substr(0, slash), family, address)) return Error{text, "is not an address"};
    Buffer buffer;
    nlmsghdr* m = begin(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
    auto* a = header<ifaddrmsg>(m);
    a->ifa_family = family == 4 ? AF_INET : AF_INET6;
    a->ifa_prefixlen = static_cast<unsigned char>(std::stoi(text.substr(slash + 1)));
    a->ifa_index = ifindex;
    a->ifa_flags = family == 6 ? IFA_F_NODAD : 0;
    mnl_attr_put(m, IFA_LOCAL, address_bytes(family), address.octet.data());
    mnl_attr_put(m, IFA_ADDRESS, address_bytes(family), address.octet.data());
    return request(m, "address " + text);
}

Status KernelWatch::add_route(unsigned ifindex, const std::string& to, const std::string& via) {
    const auto slash = to.find('/');
    std::uint8_t family = 0, ignored = 0;
    Ipv6Addr address, gateway;
    if (!parse_any(to.substr(0, slash), family, address) || !parse_any(via, ignored, gateway))
        return Error{to, "is not a route"};
    Buffer buffer;
    nlmsghdr* m = begin(buffer, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
    auto* r = header<rtmsg>(m);
    r->rtm_family = family == 4 ? AF_INET : AF_INET6;
    r->rtm_dst_len = static_cast<unsigned char>(std::stoi(to.substr(slash + 1)));
    r->rtm_table = RT_TABLE_MAIN;
    r->rtm_protocol = kOurProtocol;
    r->rtm_scope = RT_SCOPE_UNIVERSE;
    r->rtm_type = RTN_UNICAST;
    mnl_attr_put(m, RTA_DST, address_bytes(family), address.octet.data());
    mnl_attr_put(m, RTA_GATEWAY, address_bytes(family), gateway.octet.data());
    mnl_attr_put_u32(m, RTA_OIF, ifindex);
    return request(m, "route " + to + " via " + via);
}

Status KernelWatch::set_pool_routes(unsigned ifindex, const std::vector<Prefix4>& pool) {
    const auto send = [&](const Prefix4& p, bool add) {
        Buffer buffer;
        nlmsghdr* m = begin(buffer, add ? RTM_NEWROUTE : RTM_DELROUTE,
                            add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
        auto* r = header<rtmsg>(m);
        r->rtm_family = AF_INET;
        r->rtm_dst_len = p.len_bits;
        r->rtm_table = RT_TABLE_LOCAL;
        r->rtm_protocol = kOurProtocol;
        r->rtm_scope = RT_SCOPE_HOST;
        r->rtm_type = RTN_LOCAL;
        const auto octets = p.addr.octets();
        mnl_attr_put(m, RTA_DST, 4, octets.data());
        mnl_attr_put_u32(m, RTA_OIF, ifindex);
        return request(m, "local route " + p.text());
    };
    for (const Prefix4& old : pool_routes_) {
        if (std::find(pool.begin(), pool.end(), old) == pool.end()) (void)send(old, false);
    }
    pool_routes_ = pool;
    for (const Prefix4& p : pool) {
        const Status done = send(p, true);
        if (!done) return done.error();
    }
    return Done{};
}

}  // namespace isthmus::agent
