// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/stateless_short.h"

#include "common/net/checksum.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/short_way.h"
#include "dataplane/pipeline/stateless.h"

namespace isthmus::pipeline {

namespace {

/// Multicast and link-local destinations are the kernel's business.
bool is_of_link(const Ipv6Addr& a) noexcept {
    return a.octet[0] == 0xff || (a.octet[0] == 0xfe && (a.octet[1] & 0xc0) == 0x80);
}

/// As goes_without_state(), of addresses that have been looked up already.
bool is_stateless(const Snapshot& cfg, const Pair4& to, const Ipv6Addr& dst) noexcept {
    if (to.dst.how == Mapped::none) return false;
    return to.src.how == Mapped::eam || to.dst.how == Mapped::eam || in_stateless_prefix(cfg, dst);
}

/// What 6->4 adds to the transport checksum; the ports stay.
std::uint16_t sum_64(const Ipv6Addr& src6, const Ipv6Addr& dst6, Ipv4Addr src4,
                     Ipv4Addr dst4) noexcept {
    return Sum{}.add(src4).add(dst4).take(Sum{}.add(src6).add(dst6)).fold();
}

}  // namespace

[[gnu::noinline]] bool map_plain_64(const Context& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    const std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const Ipv6Addr src = load_ipv6(ip + ipv6_at::kSource);
    const Ipv6Addr dst = load_ipv6(ip + ipv6_at::kDestination);
    // What another worker gave us has been found to need state.
    if (p.handed_over || is_of_link(dst)) return false;
    const Pair4 to = pair4_of(c.cfg, src, dst);
    if (!is_stateless(c.cfg, to, dst)) return false;
    if (c.worker.fib->kind_of(dst) == Fib::Kind::local) return false;
    if (check_addresses_64(ip, to, false) != Drop::none || turns_back(c.cfg, to.dst)) return false;
    if (c.cfg.nat.n_excluded != 0 &&
        c.cfg.nat.is_excluded({to.dst.addr, load_be16(ip + kIpv6Bytes + 2)}, s.proto))
        return false;
    s.way = Steady::Way::s64;
    s.hash = flow_hash_without_state(c.worker, src, to.dst.addr);
    s.z = to.dst.addr;
    c.worker.mapping[i].src4 = to.src.addr;
    return true;
}

[[gnu::noinline]] bool map_plain_46(const Context& c, unsigned i) noexcept {
    const Packet& p = c.burst.in[i];
    Steady& s = c.worker.steady[i];
    const std::uint8_t* const ip = p.frame.data + s.link_bytes;
    const Ipv4Addr src = load_ipv4(ip + ipv4_at::kSource);
    const Ipv4Addr dst = load_ipv4(ip + ipv4_at::kDestination);
    if (p.handed_over) return false;
    const Pair6 to = pair6_of(c.cfg, src, dst, false);
    if (to.dst.how != Mapped::eam && !has_host(c.cfg, dst)) return false;
    if (c.worker.fib->kind_of(dst) == Fib::Kind::local) return false;
    if (check_addresses_46(c.cfg, ip, to, false, false) != Drop::none) return false;
    s.way = Steady::Way::s46;
    s.hash = flow_hash_without_state(c.worker, to.dst.addr, src);
    c.worker.mapping[i].src6 = to.src.addr;
    c.worker.mapping[i].dst6 = to.dst.addr;
    return true;
}

[[gnu::noinline]] bool send_plain_64(Context& shared, unsigned i) noexcept {
    const Inner c{shared};
    const Packet& p = c.burst.in[i];
    const Steady& s = c.worker.steady[i];
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    std::uint8_t* const l4 = ip + kIpv6Bytes;
    const std::uint32_t bytes = kIpv4Bytes + s.payload;
    const Hop* const hop =
        hop_of(c, c.worker.fib->lookup(s.z, static_cast<std::uint32_t>(s.hash)), bytes);
    if (is_unlikely(hop == nullptr)) return false;
    xlat::Steady64 to;
    to.t = c.worker.mapping[i].src4;
    to.z = s.z;
    to.t_id = load_be16(l4);
    to.ip_id = c.worker.next_ip_id();
    to.sum_64 =
        sum_64(load_ipv6(ip + ipv6_at::kSource), load_ipv6(ip + ipv6_at::kDestination), to.t, to.z);
    to.proto = s.proto;
    std::uint8_t* const ip4 = xlat::translate_steady_64(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, l4, s, c.cfg.xlat.mss_clamp_64);
    c.worker.counters.add(Counter::stateless_64);
    put_on_wire(c, p, *hop, ip4, bytes, kTypeIpv4);
    return true;
}

[[gnu::noinline]] bool send_plain_46(Context& shared, unsigned i) noexcept {
    const Inner c{shared};
    const Packet& p = c.burst.in[i];
    const Steady& s = c.worker.steady[i];
    const Mapping& m = c.worker.mapping[i];
    std::uint8_t* const ip = p.frame.data + s.link_bytes;
    std::uint8_t* const l4 = ip + kIpv4Bytes;
    const std::uint32_t bytes = kIpv6Bytes + s.payload;
    const Hop* const hop =
        hop_of(c, c.worker.fib->lookup(m.dst6, static_cast<std::uint32_t>(s.hash)), bytes);
    if (is_unlikely(hop == nullptr) || !may_grow(c, p, ip, bytes, *hop)) return false;
    xlat::Steady46 to;
    to.y = m.src6.words();
    to.x = m.dst6.words();
    to.x_id = load_be16(l4 + 2);
    to.sum_64 = sum_64(m.src6, m.dst6, load_ipv4(ip + ipv4_at::kSource),
                       load_ipv4(ip + ipv4_at::kDestination));
    to.proto = s.proto;
    std::uint8_t* const ip6 = xlat::translate_steady_46(ip, s.payload, to, c.cfg.xlat);
    clamp_syn(c, l4, s, c.cfg.xlat.mss_clamp_46);
    c.worker.counters.add(Counter::stateless_46);
    put_on_wire(c, p, *hop, ip6, bytes, kTypeIpv6);
    return true;
}

}  // namespace isthmus::pipeline
