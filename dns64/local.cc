// SPDX-License-Identifier: Apache-2.0
#include "dns64/local.h"

#include <initializer_list>

#include "common/net/rfc6052.h"

namespace isthmus::dns64 {

namespace {

constexpr Ipv4Addr kWellKnown170 = Ipv4Addr::of(192, 0, 0, 170);
constexpr Ipv4Addr kWellKnown171 = Ipv4Addr::of(192, 0, 0, 171);

bool is_well_known(Ipv4Addr a) noexcept { return a == kWellKnown170 || a == kWellKnown171; }

Name named(std::string_view text) { return Name::parse(text).value_or(Name{}); }

struct Zone {
    Name name;
    bool documentation;  // TEST-NETs and 2001:db8::/32: laboratories use them, with zones of theirs
};

std::vector<Zone> make_zones() {
    std::vector<Zone> out;
    const auto add = [&](const std::string& text, bool doc) { out.push_back({named(text), doc}); };
    // RFC 6303 s4.1 and s4.2; 100.64/10 by RFC 7793.
    for (const char* z : {"10", "168.192", "0", "127", "254.169", "255.255.255.255"})
        add(std::string(z) + ".in-addr.arpa", false);
    for (int i = 16; i < 32; i++) add(std::to_string(i) + ".172.in-addr.arpa", false);
    for (int i = 64; i < 128; i++) add(std::to_string(i) + ".100.in-addr.arpa", false);
    for (const char* z : {"2.0.192", "100.51.198", "113.0.203"})
        add(std::string(z) + ".in-addr.arpa", true);
    // RFC 6303 s4.3 to s4.6.
    std::string zeros;
    for (int i = 0; i < 31; i++) zeros += "0.";
    for (const std::string& z :
         {"0." + zeros, "1." + zeros, std::string("d.f."), std::string("8.e.f."),
          std::string("9.e.f."), std::string("a.e.f."), std::string("b.e.f.")}) {
        add(z + "ip6.arpa", false);
    }
    add("8.b.d.0.1.0.0.2.ip6.arpa", true);
    // The registry of RFC 6303 s6 has grown: RFC 8375 s7, RFC 9462 s8. A resolver's own designated
    // resolvers would not be ours to hand on.
    add("home.arpa", false);
    add("resolver.arpa", false);
    return out;
}

struct Names {
    Name ipv4only = named("ipv4only.arpa");
    Name localhost = named("localhost");
    Name invalid = named("invalid");
    Name test = named("test");
    Name onion = named("onion");
    Name local = named("local");  // of multicast DNS: RFC 6762 s22.1
    Name arpa = named("arpa");
    Name in_addr = named("in-addr.arpa");
    Name ip6 = named("ip6.arpa");
    Name soa_mailbox = named("nobody.invalid");
    std::vector<Zone> zones = make_zones();
};
const Names& names() noexcept {
    static const Names kNames;
    return kNames;
}

/// The end of `name` that is as long as `zone`, which it is known to end with: keeps the spelling.
NameView tail_like(NameView name, NameView zone) noexcept {
    return name.subspan(name.size() - zone.size());
}

int nibble_of(NameView label) noexcept {
    if (label.size() != 1) return -1;
    const std::uint8_t c = folded(label[0]);
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Nibbles of an ip6.arpa name, the highest first.
struct Nibbles {
    Ipv6Addr addr{};
    unsigned n = 0;       // good ones, at most 32
    unsigned labels = 0;  // before ip6.arpa
};

Nibbles nibbles_of(NameView qname) noexcept {
    Nibbles out;
    out.labels = label_count(qname) - 2;
    for (; out.n < 32 && out.n < out.labels; out.n++) {
        const int v = nibble_of(first_label(without_labels(qname, out.labels - 1 - out.n)));
        if (v < 0) break;
        out.addr.octet[out.n / 2] |= static_cast<std::uint8_t>(out.n % 2 == 0 ? v << 4 : v);
    }
    return out;
}

LocalAnswer special_name(const Policy& policy, NameView qname, RrType qtype) noexcept {
    using Kind = LocalAnswer::Kind;
    const Names& n = names();
    if (policy.settings.resolve_zones.covers(qname)) return {};
    if (at_or_below(qname, n.localhost)) {
        const bool address = qtype == rr::a || qtype == rr::aaaa || qtype == rr::any;
        return {address ? Kind::loopback : Kind::nodata, Why::special_name,
                tail_like(qname, n.localhost)};
    }
    for (const Name* zone : {&n.invalid, &n.test, &n.onion, &n.local}) {
        if (at_or_below(qname, *zone))
            return {Kind::nxdomain, Why::special_name, tail_like(qname, *zone)};
    }
    return {};
}

/// At the name of a locally served zone: SOA and NS are all that it has (RFC 6303 s3). DS is the
/// parent's, who says by it that nothing here is signed.
LocalAnswer::Kind at_apex(RrType qtype) noexcept {
    using Kind = LocalAnswer::Kind;
    if (qtype == rr::ds) return Kind::none;
    return qtype == rr::soa || qtype == rr::ns || qtype == rr::any ? Kind::apex : Kind::nodata;
}

LocalAnswer local_zone(const Policy& policy, NameView qname, RrType qtype) noexcept {
    const config::LocalReverse mode = policy.settings.local_reverse;
    if (mode == config::LocalReverse::off || policy.settings.resolve_zones.covers(qname)) return {};
    for (const Zone& z : names().zones) {
        if (z.documentation && mode != config::LocalReverse::all) continue;
        if (!at_or_below(qname, z.name)) continue;
        const bool apex = qname.size() == z.name.view().size();
        const LocalAnswer::Kind kind = apex ? at_apex(qtype) : LocalAnswer::Kind::nxdomain;
        return {kind, kind == LocalAnswer::Kind::none ? Why::none : Why::local_zone,
                tail_like(qname, z.name)};
    }
    return {};
}

LocalAnswer own_prefix(const Policy& policy, NameView qname, RrType qtype,
                       bool own_reverse) noexcept {
    using Kind = LocalAnswer::Kind;
    const Reverse r = reverse_of(policy, qname);
    if (r.kind == Reverse::Kind::well_known) {
        const bool pointer = qtype == rr::ptr || qtype == rr::any;
        return {pointer ? Kind::pointer : Kind::nodata, Why::ptr_well_known, r.zone};
    }
    if (!own_reverse) return {};
    if (r.kind == Reverse::Kind::inside) return {Kind::nodata, Why::local_zone, r.zone};
    if (r.kind == Reverse::Kind::impossible) return {Kind::nxdomain, Why::local_zone, r.zone};
    if (r.kind == Reverse::Kind::mapped &&
        local_zone(policy, in_addr_arpa(r.v4), rr::ptr).kind != Kind::none) {
        return {Kind::nxdomain, Why::local_zone, r.zone};
    }
    return {};
}

void address_records(Writer& w, NameView owner, Bytes rdata, std::uint32_t ttl) noexcept {
    const std::size_t mark =
        w.begin_record(owner, rdata.size() == 4 ? rr::a : rr::aaaa, kClassIn, ttl);
    w.bytes(rdata);
    w.end_record(mark);
    w.count(Section::answer);
}

void write_ipv4only(Writer& w, const View& view, NameView qname, RrType qtype) noexcept {
    if (qtype == rr::a || qtype == rr::any) {
        for (const Ipv4Addr a : {kWellKnown170, kWellKnown171})
            address_records(w, qname, a.octets(), kLocalTtl);
    }
    if (qtype == rr::aaaa || qtype == rr::any) {
        for (const Pref64& p : view.announced) {
            for (const Ipv4Addr a : {kWellKnown170, kWellKnown171})
                address_records(w, qname, embed(p, a).octet, kLocalTtl);
        }
    }
}

}  // namespace

Name in_addr_arpa(Ipv4Addr a) noexcept {
    Name out;
    const auto octets = a.octets();
    for (unsigned i = 4; i-- > 0;) {
        std::array<std::uint8_t, 3> label{};
        std::size_t n = 0;
        const unsigned v = octets[i];
        if (v >= 100) label[n++] = static_cast<std::uint8_t>('0' + v / 100);
        if (v >= 10) label[n++] = static_cast<std::uint8_t>('0' + v / 10 % 10);
        label[n++] = static_cast<std::uint8_t>('0' + v % 10);
        (void)out.append_label({label.data(), n});
    }
    (void)out.append(names().in_addr);
    return out;
}

Reverse reverse_of(const Policy& policy, NameView qname) noexcept {
    using Kind = Reverse::Kind;
    Reverse out;
    if (!at_or_below(qname, names().ip6)) return out;
    const Nibbles nib = nibbles_of(qname);
    for (const Pref64& p : policy.all_prefixes()) {
        if (nib.n * 4 < p.len_bits || !p.contains(nib.addr)) continue;
        out.zone = without_labels(qname, nib.labels - p.len_bits / 4U);
        // Octet 8 of an embedded address is zero (RFC 6052 s2.2); a /96 carries it in the prefix.
        const bool u_set = p.len_bits <= 64 && nib.addr.octet[8] != 0;
        if (nib.n < nib.labels || u_set) {
            out.kind = Kind::impossible;
        } else if (nib.n < 32) {
            out.kind = Kind::inside;
        } else {
            out.v4 = extract(nib.addr, p.len_bits);
            out.kind = is_well_known(out.v4) ? Kind::well_known : Kind::mapped;
        }
        return out;
    }
    return out;
}

LocalAnswer local_answer(const Policy& policy, const View& view, NameView qname, RrType qtype,
                         bool own_reverse) noexcept {
    using Kind = LocalAnswer::Kind;
    const Names& n = names();
    if (!at_or_below(qname, n.arpa)) return special_name(policy, qname, qtype);
    if (view.synthesis && at_or_below(qname, n.ipv4only)) {
        const NameView zone = tail_like(qname, n.ipv4only);
        if (qname.size() > zone.size()) return {Kind::nxdomain, Why::ipv4only, zone};
        if (qtype == rr::ds) return {};  // it is the parent's (RFC 8880 s7.1)
        const bool data =
            qtype == rr::a || qtype == rr::any || (qtype == rr::aaaa && !view.announced.empty());
        return {data ? Kind::ipv4only : Kind::nodata, Why::ipv4only, zone};
    }
    if (view.synthesis) {
        const LocalAnswer own = own_prefix(policy, qname, qtype, own_reverse);
        if (own.kind != Kind::none) return own;
        if (own_reverse && reverse_of(policy, qname).kind == Reverse::Kind::mapped) return {};
    }
    return local_zone(policy, qname, qtype);
}

namespace {

void soa_record(Writer& w, Section s, NameView zone, std::uint32_t ttl) noexcept {
    const std::size_t mark = w.begin_record(zone, rr::soa, kClassIn, ttl);
    w.name(zone);
    w.name(names().soa_mailbox);
    for (const std::uint32_t v :
         {std::uint32_t{1}, std::uint32_t{3600}, std::uint32_t{1200}, std::uint32_t{604800}, ttl}) {
        w.u32(v);
    }
    w.end_record(mark);
    w.count(s);
}

void write_apex(Writer& w, NameView zone, RrType qtype) noexcept {
    if (qtype != rr::ns) soa_record(w, Section::answer, zone, kLocalTtl);
    if (qtype == rr::soa) return;
    const std::size_t mark = w.begin_record(zone, rr::ns, kClassIn, kLocalTtl);
    w.name(zone);
    w.end_record(mark);
    w.count(Section::answer);
}

}  // namespace

void write_local_soa(Writer& w, NameView zone, std::uint32_t ttl) noexcept {
    soa_record(w, Section::authority, zone, ttl);
}

void write_local(Writer& w, const LocalAnswer& what, const Policy& policy, const View& view,
                 const LocalQuestion& q) noexcept {
    using Kind = LocalAnswer::Kind;
    const auto [qname, qtype] = q;
    w.question(qname, qtype, kClassIn);
    switch (what.kind) {
        case Kind::ipv4only:
            return write_ipv4only(w, view, qname, qtype);
        case Kind::loopback:
            if (qtype != rr::aaaa)
                address_records(w, qname, Ipv4Addr::of(127, 0, 0, 1).octets(), kLocalTtl);
            if (qtype != rr::a) {
                const Ipv6Addr one = Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1});
                address_records(w, qname, one.octet, kLocalTtl);
            }
            return;
        case Kind::pointer: {
            const std::size_t mark = w.begin_record(qname, rr::ptr, kClassIn, kLocalTtl);
            w.name(policy.settings.nat64_fqdn.value_or(names().ipv4only));
            w.end_record(mark);
            return w.count(Section::answer);
        }
        case Kind::apex:
            return write_apex(w, what.zone, qtype);
        case Kind::nodata:
        case Kind::nxdomain:
        case Kind::none:
            return write_local_soa(w, what.zone, kLocalTtl);
    }
}

}  // namespace isthmus::dns64
