// SPDX-License-Identifier: Apache-2.0
// The whole gateway of pure parts, with state: frames in, on two ports, at one or two workers. What
// leaves is well-formed and fits its link; no buffer is lost; the tables stay sound.
//
// Input: one octet of choices, then records: an octet (bit 0: port 6 instead of 4; bit 1: a second
// passes before; bit 2: worker 1), two octets of length, a frame.
#include "common/net/headers.h"
#include "test/fuzz/fuzz.h"
#include "test/unit/pipeline/gateway.h"

namespace {

using namespace isthmus;
using fuzz::require;
using gateway::Gateway;
using gateway::Sent;
using packets::Bytes;

pipeline::WorkerSizes tiny() {
    pipeline::WorkerSizes sizes;
    sizes.tables = {64, 64, 16, 1, 8};
    sizes.fragment_entries = 16;
    sizes.fragment_cells = 16;
    return sizes;
}

void bind(Gateway& g, Proto proto, std::uint16_t x, std::uint16_t t) {
    nat::StaticEntry& e = g.cfg.nat.fixed[g.cfg.nat.n_static++];
    e.proto = proto;
    e.x = {*Ipv6Addr::parse("2001:db8:1::5"), Be16{x}};
    e.t = {g.cfg.nat.slot[0].addr, Be16{t}};
    g.cfg.nat.slot[0].has_static = true;
    g.cfg.nat.slot[0].static_digest++;
}

const Ipv6Addr kGateway6 = *Ipv6Addr::parse("2001:db8:6::ffff");
const Ipv4Addr kGateway4 = Ipv4Addr::of(192, 0, 2, 254);
const Ipv4Addr kPool = Ipv4Addr::of(198, 51, 100, 1);
const Pref64 kPref64 = *Pref64::parse("2001:db8:64::/96");

bool multicast_or_none(const Ipv6Addr& a) { return a.octet[0] == 0xff || a == Ipv6Addr{}; }

/// What goes to the IPv6 side comes from the prefix or from us, and goes to one host.
void check6(const Bytes& p, unsigned mtu, bool stateful_only) {
    require((p[0] >> 4) == 6 && p.size() >= 40, "IPv6 header");
    require(packets::get16(p, 4) + 40 == p.size(), "IPv6 length");
    require(p.size() <= mtu, "larger than the IPv6 link");
    require(p[7] != 0, "hop limit");
    const Ipv6Addr src = load_ipv6(p.data() + 8), dst = load_ipv6(p.data() + 24);
    require(!multicast_or_none(src), "IPv6 source");
    if (stateful_only) require(src == kGateway6 || masked(src, 96) == kPref64.addr, "IPv6 source");
    require(!multicast_or_none(dst) && masked(dst, 96) != kPref64.addr, "IPv6 destination");
    if (p[6] == 58 && p[40] < 128) require(packets::checksums_ok(p), "ICMPv6 checksum of an error");
    if (p[6] == 44) require(p.size() > 48 && p[41] == 0, "Fragment Header");
}

/// What goes to the IPv4 side comes from the pool or from us, and goes to one host.
void check4(const Bytes& p, unsigned mtu, bool stateful_only) {
    require(p[0] == 0x45, "IPv4 header");
    require(packets::get16(p, 2) == p.size(), "IPv4 length");
    require(packets::sum16({p.data(), 20}) == 0xffff, "IPv4 checksum");
    require(p.size() <= mtu, "larger than the IPv4 link");
    require(p[8] != 0, "TTL");
    const Ipv4Addr src = load_ipv4(p.data() + 12), dst = load_ipv4(p.data() + 16);
    if (stateful_only) require(src == kPool || src == kGateway4, "IPv4 source");
    require(src.host() >> 24 != 0 && src.host() >> 28 < 0xe, "IPv4 source");
    require(dst.host() >> 24 != 0 && dst.host() >> 24 != 127 && dst.host() >> 28 < 0xe,
            "IPv4 destination");
    require(dst != kPool, "what is hairpinned leaves on the IPv6 side");
    const bool error = p[9] == 1 && (packets::get16(p, 6) & 0x3fff) == 0 && p.size() >= 28 &&
                       p[20] != 8 && p[20] != 0;
    if (error) require(packets::checksums_ok(p), "checksum of an ICMP error");
}

struct Expect {
    unsigned mtu4 = 1500, mtu6 = 1500;
    bool stateful_only = true;
};

void check(const Sent& s, const Expect& e) {
    require(s.packet.size() >= 20, "a packet without header");
    if (s.port == 6) return check6(s.packet, e.mtu6, e.stateful_only);
    check4(s.packet, e.mtu4, e.stateful_only);
}

/// The mappings of test/golden/eam.case.
void add_stateless(Gateway& g) {
    pipeline::Stateless& s = g.cfg.stateless;
    const auto bare4 = Prefix4::Bare::allow;
    const auto bare6 = Prefix6::Bare::allow;
    require(s.eam.add(
                {*Prefix4::parse("192.0.2.1", bare4), *Prefix6::parse("2001:db8:aaaa::", bare6)}) &&
                s.eam.add({*Prefix4::parse("192.0.2.2", bare4),
                           *Prefix6::parse("2001:db8:bbbb::b", bare6)}),
            "the EAM table");
    s.eam.finish();
    s.prefix[s.n_prefixes++] = {*Pref64::parse("2001:db8:46::/96"), false};
    s.on = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::uint8_t choice = data[0];
    const unsigned workers = (choice & 1) != 0 ? 2 : 1;
    static const auto kNetwork = std::make_shared<gateway::Network>();
    Gateway g("2001:db8:64::/96", workers, tiny(), kNetwork);
    g.tail = 0;
    bind(g, Proto::udp, 1234, 5000);
    bind(g, Proto::tcp, 1234, 5000);
    bind(g, Proto::icmp, 77, 88);
    g.cfg.nat.address_dependent_filtering = (choice & 2) != 0;
    g.cfg.xlat.mss_clamp_64 = g.cfg.xlat.mss_clamp_46 = (choice & 4) != 0 ? 1200 : 0;
    g.cfg.xlat.remap_frag_id = (choice & 8) != 0;
    const Expect expect{(choice & 16) != 0 ? 600U : 1500U, (choice & 32) != 0 ? 1280U : 1500U,
                        (choice & 128) == 0};
    if (!expect.stateful_only) add_stateless(g);
    g.mtu(4, static_cast<std::uint16_t>(expect.mtu4));
    g.mtu(6, static_cast<std::uint16_t>(expect.mtu6));
    const std::uint8_t* at = data + 1;
    for (std::size_t left = size - 1; left > 3;) {
        const std::uint8_t how = at[0];
        const std::size_t n = std::min<std::size_t>(load_be16(at + 1).host(), left - 3);
        if ((how & 2) != 0) {
            g.now = Now::at(Nanos{g.now.ns.v + kNanosPerSecond});
            for (const Sent& s : g.turn()) check(s, expect);
        }
        const unsigned worker = (how & 4) != 0 ? workers - 1 : 0;
        for (const Sent& s : g.frame_in((how & 1) != 0 ? 6 : 4, Bytes(at + 3, at + 3 + n), worker))
            check(s, expect);
        at += 3 + n;
        left -= 3 + n;
    }
    require(g.outstanding == g.waiting(), "a buffer was lost");
    if ((choice & 64) == 0) return 0;  // it looks at every port of the pool
    for (auto* w : g.worker) {
        const char* fault = w->engine.check();
        require(fault == nullptr, fault == nullptr ? "" : fault);
    }
    return 0;
}
