// SPDX-License-Identifier: Apache-2.0
// What the agent changes in the kernel: addresses and routes of the configuration, local routes for
// pool addresses, and next hops that are to be resolved.
#include <linux/neighbour.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/agent/netlink.h"
#include "dataplane/agent/rtnetlink.h"

namespace isthmus::agent {

using namespace nl;

namespace {

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

}  // namespace

Status KernelWatch::request(void* message, const std::string& what) {
    auto* m = static_cast<nlmsghdr*>(message);
    m->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(set_.get(), m, m->nlmsg_len) < 0)
        return Error{what, std::strerror(errno)};
    Buffer buffer;
    const ssize_t n = mnl_socket_recvfrom(set_.get(), buffer.data(), buffer.size());
    if (n < 0) return Error{what, std::strerror(errno)};
    if (mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_,
                   mnl_socket_get_portid(set_.get()), nullptr, nullptr) >= 0)
        return Done{};
    if (errno == EEXIST || errno == ESRCH) return Done{};
    return Error{what, std::strerror(errno)};
}

void KernelWatch::resolve(const pipeline::ResolveRequest& r) {
    // A gateway is kept alive by the kernel from now on (Linux 5.16; older ones ignore it). Not so
    // any host of a connected network: whoever scans it would fill the kernel's table.
    const bool keep = writer_.is_gateway(r.family, r.port, r.vlan, r.address);
    if (keep && std::find(kept_.begin(), kept_.end(), r) == kept_.end()) kept_.push_back(r);
    use_neighbour(r, keep);
}

void KernelWatch::let_unused_go() {
    std::erase_if(kept_, [this](const pipeline::ResolveRequest& r) {
        if (writer_.is_gateway(r.family, r.port, r.vlan, r.address)) return false;
        use_neighbour(r, false);
        return true;
    });
}

void KernelWatch::use_neighbour(const pipeline::ResolveRequest& r, bool keep) {
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
        if (keep) mnl_attr_put_u32(m, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
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
