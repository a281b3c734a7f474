// SPDX-License-Identifier: Apache-2.0
// Small words of rtnetlink that its readers and writers share.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>

#include "common/net/addr.h"

namespace isthmus::agent::nl {

inline constexpr unsigned char kOurProtocol = 185;  // of routes; nobody else's in rt_protos

using Attributes = std::array<const nlattr*, 64>;
using Buffer = std::array<char, 32768>;

inline int collect(const nlattr* a, void* into) {
    auto& table = *static_cast<Attributes*>(into);
    const unsigned type = mnl_attr_get_type(a);
    if (type < table.size()) table[type] = a;
    return MNL_CB_OK;
}

inline Attributes attributes_of(const nlmsghdr* m, std::size_t header) {
    Attributes out{};
    mnl_attr_parse(m, static_cast<unsigned>(header), collect, &out);
    return out;
}

inline std::uint8_t family_of(unsigned char af) { return af == AF_INET ? 4 : 6; }
inline unsigned address_bytes(std::uint8_t family) { return family == 4 ? 4 : 16; }

/// IPv4 lies in the first four octets.
inline bool read_address(const nlattr* a, std::uint8_t family, Ipv6Addr& out) {
    out = {};
    if (a == nullptr || mnl_attr_get_payload_len(a) != address_bytes(family)) return false;
    std::memcpy(out.octet.data(), mnl_attr_get_payload(a), address_bytes(family));
    return true;
}

/// RTA_VIA, a gateway of another family than the route's: the only one there is leads from IPv4 to
/// IPv6.
inline bool read_via(const nlattr* a, Ipv6Addr& out) {
    if (mnl_attr_get_payload_len(a) != sizeof(rtvia) + 16) return false;
    const auto* via = static_cast<const rtvia*>(mnl_attr_get_payload(a));
    std::memcpy(out.octet.data(), via->rtvia_addr, 16);
    return via->rtvia_family == AF_INET6;
}

/// 0: not there, or of another size.
inline std::uint32_t read_u32(const nlattr* a) {
    return a != nullptr && mnl_attr_get_payload_len(a) == 4 ? mnl_attr_get_u32(a) : 0;
}

inline nlmsghdr* begin(Buffer& buffer, int type, int flags) {
    nlmsghdr* m = mnl_nlmsg_put_header(buffer.data());
    m->nlmsg_type = static_cast<std::uint16_t>(type);
    m->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    return m;
}

template <typename T>
T* header(nlmsghdr* m) {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(m, sizeof(T)));
}

}  // namespace isthmus::agent::nl
