// SPDX-License-Identifier: Apache-2.0
// One message of the kernel at a time: links, addresses, routes, neighbours.
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <algorithm>

#include "dataplane/agent/netlink.h"
#include "dataplane/agent/rtnetlink.h"

namespace isthmus::agent {

using namespace nl;
using pipeline::Among;
using pipeline::AnyPrefix;
using pipeline::NextHop;

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

/// A VLAN on a punt interface, made by somebody else: IFLA_LINK names the interface below,
/// IFLA_LINKINFO says "vlan".
KernelWatch::Link* KernelWatch::new_vlan(unsigned index, const nlmsghdr* m) {
    const Attributes a = attributes_of(m, sizeof(ifinfomsg));
    if (a[IFLA_LINK] == nullptr || a[IFLA_LINKINFO] == nullptr) return nullptr;
    const auto below = links_.find(read_u32(a[IFLA_LINK]));
    if (below == links_.end() || below->second.vlan != 0) return nullptr;
    Attributes kind{}, data{};
    mnl_attr_parse_nested(a[IFLA_LINKINFO], collect, &kind);
    const bool vlan = kind[IFLA_INFO_KIND] != nullptr &&
                      std::string(mnl_attr_get_str(kind[IFLA_INFO_KIND])) == "vlan";
    if (!vlan || kind[IFLA_INFO_DATA] == nullptr) return nullptr;
    mnl_attr_parse_nested(kind[IFLA_INFO_DATA], collect, &data);
    if (data[IFLA_VLAN_ID] == nullptr) return nullptr;
    Link l = below->second;
    l.vlan = mnl_attr_get_u16(data[IFLA_VLAN_ID]);
    l.made_by_us = false;
    if (l.vlan == 0) return nullptr;
    return &links_.insert_or_assign(index, l).first->second;
}

void KernelWatch::on_link(const nlmsghdr* m) {
    const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(m));
    const auto index = static_cast<unsigned>(info->ifi_index);
    const auto known = links_.find(index);
    if (m->nlmsg_type == RTM_DELLINK) {
        if (known == links_.end()) return;
        known->second.seen = false;
        forget_unseen_links();
        stale_ = true;
        return;
    }
    Link* link = known != links_.end() ? &known->second : new_vlan(index, m);
    if (link == nullptr) return;
    const Attributes a = attributes_of(m, sizeof *info);
    const Link before = *link;
    Link& l = *link;
    l.seen = true;
    if (const std::uint32_t mtu = read_u32(a[IFLA_MTU]); mtu != 0)
        l.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(mtu, 65535));
    if (a[IFLA_ADDRESS] != nullptr && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == 6)
        std::memcpy(l.mac.octet.data(), mnl_attr_get_payload(a[IFLA_ADDRESS]), 6);
    l.up = (info->ifi_flags & IFF_UP) != 0;
    l.master = read_u32(a[IFLA_MASTER]);
    interface_of(l).mtu = l.mtu;
    const bool is_new = known == links_.end();
    if (!dumping_ && !is_new && l == before) return;  // news of something that is not ours to know
    writer_.set_interface(l.port, l.vlan, l.mac, l.mtu, l.up);
    interfaces_changed_ = true;
    // Its routes went or came without a message for each.
    if (!dumping_ && (is_new || l.up != before.up || l.master != before.master)) stale_ = true;
}

void KernelWatch::forget_unseen_links() {
    for (auto at = links_.begin(); at != links_.end();) {
        const auto here = at++;
        const Link& l = here->second;
        if (l.seen) continue;
        writer_.remove_interface(l.port, l.vlan);
        if (!l.made_by_us) links_.erase(here);
    }
}

void KernelWatch::on_address(const nlmsghdr* m) {
    const auto* info = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(m));
    if (m->nlmsg_type == RTM_DELADDR) {
        stale_ = true;  // routes that used it as their source go without a message
        return;
    }
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
        i.has_v4 = interfaces_changed_ = true;
        i.source4 = v4;
    }
    if (family == 6 && !i.has_v6 && info->ifa_scope == RT_SCOPE_UNIVERSE) {
        i.has_v6 = interfaces_changed_ = true;
        i.source6 = address;
    }
}

void KernelWatch::add_hop(unsigned oif, unsigned flags, const void* gateway, std::uint8_t family,
                          std::vector<NextHop>& out) const {
    const auto link = links_.find(oif);
    if (link == links_.end() || (flags & RTNH_F_DEAD) != 0) return;
    NextHop h{link->second.port, link->second.vlan, true, {}};
    const auto* a = static_cast<const nlattr*>(gateway);
    if (a != nullptr && mnl_attr_get_type(a) == RTA_VIA) {
        if (!read_via(a, h.gateway)) return;
        h.by_ipv6 = true;
    }
    h.on_link = !h.by_ipv6 && !read_address(a, family, h.gateway);
    if (h.on_link) h.gateway = {};
    out.push_back(h);
}

namespace {

/// Calls fn(interface, flags, gateway) for each element of RTA_MULTIPATH.
template <typename Fn>
void each_hop(const nlattr* multipath, Fn&& fn) {
    auto left = static_cast<int>(mnl_attr_get_payload_len(multipath));
    const auto* hop = static_cast<const rtnexthop*>(mnl_attr_get_payload(multipath));
    for (; RTNH_OK(hop, left);
         left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len)), hop = RTNH_NEXT(hop)) {
        const nlattr* gateway = nullptr;
        int room = static_cast<int>(hop->rtnh_len - sizeof *hop);
        for (const auto* x = reinterpret_cast<const nlattr*>(RTNH_DATA(hop)); mnl_attr_ok(x, room);
             x = mnl_attr_next(x)) {
            const unsigned type = mnl_attr_get_type(x);
            if (type == RTA_GATEWAY || type == RTA_VIA) gateway = x;
            room -= static_cast<int>(MNL_ALIGN(x->nla_len));
        }
        fn(static_cast<unsigned>(hop->rtnh_ifindex), unsigned{hop->rtnh_flags}, gateway);
    }
}

/// Where the kernel put a route among those of the same prefix and metric.
Among among_of(const nlmsghdr* m, bool dumping, bool v6) {
    if (dumping || (m->nlmsg_flags & NLM_F_APPEND) != 0) return v6 ? Among::replace : Among::last;
    // IPv6 has one route for each metric, with all of its next hops in the message.
    return v6 || (m->nlmsg_flags & NLM_F_REPLACE) != 0 ? Among::replace : Among::first;
}

bool is_discard(unsigned char type) {
    return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

}  // namespace

void KernelWatch::on_route(const nlmsghdr* m) {
    const auto* r = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(m));
    const bool discard = is_discard(r->rtm_type);
    const bool is_ours = (r->rtm_family == AF_INET || r->rtm_family == AF_INET6) &&
                         (r->rtm_type == RTN_UNICAST || discard) && r->rtm_tos == 0 &&
                         (r->rtm_flags & RTM_F_CLONED) == 0;
    if (!is_ours) return;
    const Attributes a = attributes_of(m, sizeof *r);
    AnyPrefix prefix{family_of(r->rtm_family), r->rtm_dst_len, {}};
    if (r->rtm_dst_len > address_bytes(prefix.family) * 8) return;
    if (r->rtm_dst_len != 0 && !read_address(a[RTA_DST], prefix.family, prefix.addr)) return;
    const std::uint32_t table = a[RTA_TABLE] != nullptr ? read_u32(a[RTA_TABLE]) : r->rtm_table;
    std::vector<NextHop> hops;
    bool in_vrf = false;
    const auto add = [&](unsigned oif, unsigned flags, const nlattr* gateway) {
        const auto link = links_.find(oif);
        in_vrf = in_vrf || (link != links_.end() && link->second.master != 0);
        add_hop(oif, flags, gateway, prefix.family, hops);
    };
    const nlattr* const gateway = a[RTA_VIA] != nullptr ? a[RTA_VIA] : a[RTA_GATEWAY];
    if (!discard && a[RTA_OIF] != nullptr) add(read_u32(a[RTA_OIF]), r->rtm_flags, gateway);
    if (!discard && a[RTA_MULTIPATH] != nullptr) each_hop(a[RTA_MULTIPATH], add);
    if (table != RT_TABLE_MAIN && (!in_vrf || table == RT_TABLE_LOCAL)) return;
    const pipeline::RouteKey key{table, read_u32(a[RTA_PRIORITY])};
    if (m->nlmsg_type == RTM_DELROUTE) {
        if (discard || !hops.empty()) writer_.remove_route(prefix, hops, key);
        return;
    }
    if (discard || !hops.empty()) {
        (void)writer_.set_route(prefix, hops, key, among_of(m, dumping_, prefix.family == 6));
    } else if ((m->nlmsg_flags & NLM_F_REPLACE) != 0) {
        writer_.remove_route(prefix, {}, key);  // replaced by one that is not ours
    }
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
    writer_.set_neighbour({family, l.port, l.vlan, address, mac});
    // The kernel sees none of the packets that we send: without being asked it would never find out
    // that a neighbour has moved.
    if (n->ndm_state == NUD_STALE && (!dumping_ || n_resyncs_ == 1))
        resolve({l.port, l.vlan, family, address});
}

}  // namespace isthmus::agent
