// SPDX-License-Identifier: Apache-2.0
// The gateway with mappings without state beside a stateful NAT64: frames in, on two ports. What
// leaves is well-formed, fits its link, and comes from an address that something maps; no buffer is
// lost.
//
// Input: one octet of choices, then records: an octet (bit 0: port 6 instead of 4; bit 2: worker
// 1), two octets of length, a frame.
#include "common/net/headers.h"
#include "dataplane/pipeline/stateless_map.h"
#include "test/fuzz/fuzz.h"
#include "test/unit/pipeline/gateway.h"

namespace {

using namespace isthmus;
using fuzz::require;
using gateway::Gateway;
using gateway::Sent;
using packets::Bytes;
using pipeline::Behind;
using pipeline::Stateless;

const Ipv6Addr kGateway6 = *Ipv6Addr::parse("2001:db8:6::ffff");
const Ipv4Addr kGateway4 = Ipv4Addr::of(192, 0, 2, 254);
const Ipv4Addr kPool = Ipv4Addr::of(198, 51, 100, 1);
const Ipv4Addr kForRouters = Ipv4Addr::of(198, 51, 100, 77);

pipeline::WorkerSizes tiny() {
    pipeline::WorkerSizes sizes;
    sizes.tables = {64, 64, 16, 1, 8};
    sizes.fragment_entries = 16;
    sizes.fragment_cells = 16;
    return sizes;
}

void map_addresses(Stateless& s, std::uint8_t choice) {
    s.on = true;
    (void)s.eam.add({*Prefix4::parse("192.0.2.1/32"), *Prefix6::parse("2001:db8:aaaa::/128")});
    (void)s.eam.add({*Prefix4::parse("192.0.2.2/32"), *Prefix6::parse("2001:db8:bbbb::b/128")});
    (void)s.eam.add({*Prefix4::parse("192.0.2.16/28"), *Prefix6::parse("2001:db8:cccc::/124")});
    (void)s.eam.add({*Prefix4::parse("192.0.2.192/29"), *Prefix6::parse("2001:db8:eeee:8::/62")});
    s.eam.finish();
    s.hairpin = (choice & 2) == 0   ? Stateless::Hairpin::intrinsic
                : (choice & 4) == 0 ? Stateless::Hairpin::simple
                                    : Stateless::Hairpin::off;
    s.drop_zero_checksum = (choice & 8) != 0;
    if ((choice & 16) == 0) return;  // EAM alone, beside the stateful prefix
    s.prefix[s.n_prefixes++] = {*Pref64::parse("2001:db8:46::/96"), false};
    s.ipv4[s.n_ipv4++] = *Prefix4::parse("192.0.2.128/26");
    s.error_source[s.n_error_sources++] = kForRouters;
}

void check6(const Gateway& g, const Bytes& p, unsigned mtu) {
    require((p[0] >> 4) == 6 && p.size() >= 40, "IPv6 header");
    require(packets::get16(p, 4) + 40 == p.size(), "IPv6 length");
    require(p.size() <= mtu, "larger than the IPv6 link");
    const Ipv6Addr src = load_ipv6(p.data() + 8), dst = load_ipv6(p.data() + 24);
    require(src == kGateway6 ||
                pipeline::to4(g.cfg, src, Behind::any_prefix).how != pipeline::Mapped::none,
            "IPv6 source that nothing maps");
    require(dst.octet[0] != 0xff && dst != Ipv6Addr{}, "IPv6 destination");
    if (p[6] == 58 && p.size() >= 48 && p[40] < 128)
        require(packets::checksums_ok(p), "ICMPv6 checksum of an error");
}

void check4(const Gateway& g, const Bytes& p, unsigned mtu) {
    require(p[0] == 0x45 && p.size() >= 20, "IPv4 header");
    require(packets::get16(p, 2) == p.size(), "IPv4 length");
    require(packets::sum16({p.data(), 20}) == 0xffff, "IPv4 checksum");
    require(p.size() <= mtu, "larger than the IPv4 link");
    const Ipv4Addr src = load_ipv4(p.data() + 12), dst = load_ipv4(p.data() + 16);
    const bool prefix = g.cfg.stateless.n_prefixes != 0;  // then any IPv4 address has a source
    require(src == kPool || src == kGateway4 || src == kForRouters || prefix ||
                pipeline::has_host(g.cfg, src),
            "IPv4 source that nothing maps");
    require(dst.host() >> 24 != 0 && dst.host() >> 24 != 127 && dst.host() >> 28 < 0xe,
            "IPv4 destination");
    require(dst != kPool, "what is hairpinned leaves on the IPv6 side");
    const bool whole = (packets::get16(p, 6) & 0x3fff) == 0;
    const bool error =
        p[9] == 1 && whole && p.size() >= 28 && (p[20] == 3 || p[20] == 11 || p[20] == 12);
    if (error) require(packets::checksums_ok(p), "checksum of an ICMP error");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::uint8_t choice = data[0];
    const unsigned workers = (choice & 1) != 0 ? 2 : 1;
    static const auto kNetwork = std::make_shared<gateway::Network>();
    Gateway g("2001:db8:64::/96", workers, tiny(), kNetwork);
    g.tail = 0;
    map_addresses(g.cfg.stateless, choice);
    const unsigned mtu4 = (choice & 32) != 0 ? 600 : 1500, mtu6 = (choice & 64) != 0 ? 1280 : 1500;
    g.mtu(4, static_cast<std::uint16_t>(mtu4));
    g.mtu(6, static_cast<std::uint16_t>(mtu6));
    const std::uint8_t* at = data + 1;
    for (std::size_t left = size - 1; left > 3;) {
        const std::size_t n = std::min<std::size_t>(load_be16(at + 1).host(), left - 3);
        const unsigned worker = (at[0] & 4) != 0 ? workers - 1 : 0;
        for (const Sent& s :
             g.frame_in((at[0] & 1) != 0 ? 6 : 4, Bytes(at + 3, at + 3 + n), worker)) {
            require(s.packet.size() >= 20, "a packet without header");
            s.port == 6 ? check6(g, s.packet, mtu6) : check4(g, s.packet, mtu4);
        }
        at += 3 + n;
        left -= 3 + n;
    }
    require(g.outstanding == g.waiting(), "a buffer was lost");
    for (auto* w : g.worker) {
        const char* fault = (choice & 128) != 0 ? w->engine.check() : nullptr;
        require(fault == nullptr, fault == nullptr ? "" : fault);
    }
    return 0;
}
