// SPDX-License-Identifier: Apache-2.0
#include "dns64/policy.h"

#include <algorithm>

#include "common/config/validate.h"
#include "common/net/rfc6052.h"

namespace isthmus::dns64 {

namespace {

constexpr Pref64 kWellKnown{kWellKnownPrefix.addr, 96};

/// Never the far end of a connection, whatever the prefix: "this" network, loopback, link-local,
/// multicast, reserved.
constexpr std::array<Prefix4, 5> kNeverMapped{{{Ipv4Addr::of(0, 0, 0, 0), 8},
                                               {Ipv4Addr::of(127, 0, 0, 0), 8},
                                               {Ipv4Addr::of(169, 254, 0, 0), 16},
                                               {Ipv4Addr::of(224, 0, 0, 0), 4},
                                               {Ipv4Addr::of(240, 0, 0, 0), 4}}};

/// 192.0.0.170 and .171: not global, but what discovery is made of (RFC 8880 s7.1).
bool is_well_known(Ipv4Addr a) noexcept {
    return a == Ipv4Addr::of(192, 0, 0, 170) || a == Ipv4Addr::of(192, 0, 0, 171);
}

bool any_contains(std::span<const Prefix4> list, Ipv4Addr a) noexcept {
    return std::any_of(list.begin(), list.end(), [&](const Prefix4& p) { return p.contains(a); });
}

const std::uint8_t* key_of(const Ipv4Addr& a) noexcept {
    return reinterpret_cast<const std::uint8_t*>(&a);
}

bool by_falling_length(const Pref64& a, const Pref64& b) { return a.len_bits > b.len_bits; }

}  // namespace

void NameSet::add(const Name& name) {
    Name n = name;
    n.fold();
    sorted_.emplace_back(name_hash(n, 0), n);
    std::sort(sorted_.begin(), sorted_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    depths_ |= std::uint64_t{1} << std::min(label_count(n), 63U);
}

bool NameSet::covers(NameView name) const noexcept {
    if (sorted_.empty()) return false;
    for (unsigned depth = label_count(name);; depth--) {
        if ((depths_ >> std::min(depth, 63U) & 1) != 0) {
            const std::uint64_t hash = name_hash(name, 0);
            auto it = std::lower_bound(
                sorted_.begin(), sorted_.end(), hash,
                [](const auto& entry, std::uint64_t h) { return entry.first < h; });
            for (; it != sorted_.end() && it->first == hash; ++it) {
                if (same_name(it->second, name)) return true;
            }
        }
        if (depth == 0) return false;
        name = name.subspan(1U + name[0]);
    }
}

const View::Range& View::range_of(Ipv4Addr a) const noexcept {
    for (const Range& r : ranges) {
        if (r.ipv4.contains(a)) return r;
    }
    return ranges.back();
}

bool View::is_excluded(const Ipv6Addr& a) const noexcept {
    return std::any_of(exclude_aaaa.begin(), exclude_aaaa.end(),
                       [&](const Prefix6& p) { return p.contains(a); });
}

Why View::name_verdict(NameView qname) const noexcept {
    if (exclude_names.covers(qname)) return Why::name_excluded;
    if (!include_names.empty() && !include_names.covers(qname)) return Why::name_not_included;
    return Why::none;
}

/// Makes a Policy; everything that may fail happens here.
class Compiler {
public:
    Compiler(const config::Config& c, const std::vector<config::Network>& local,
             const std::vector<Pref64>& avoided)
        : c_(c), local_(local), avoided_(avoided), out_(new Policy) {}

    Expected<std::unique_ptr<Policy>> run() {
        out_->wkp_allow_non_global_ = c_.nat64.wkp_allow_non_global;
        out_->non_global_ =
            c_.nat64.non_global.empty() ? config::built_in_non_global() : c_.nat64.non_global;
        const config::Dns64Config& d = c_.dns64;
        auto& s = out_->settings;
        s.parallel = d.parallel && d.validation != config::Validation::recursive;
        s.validation = d.validation;
        s.ede = d.ede;
        s.any = d.any;
        s.stale_ttl = d.cache.stale_ttl;
        s.local_reverse = d.local_reverse;
        if (!d.nat64_fqdn.empty()) s.nat64_fqdn = name(d.nat64_fqdn, "dns64.nat64_fqdn");
        names(d.resolve_zones, s.resolve_zones, "dns64.resolve_zones");
        add_view(d.view);
        for (const config::Dns64View& v : d.views) add_view(v);
        all_prefixes();
        for (View& v : out_->views_) {
            for (View::Range& r : v.ranges) avoid(r.prefixes);
        }
        clients();
        if (!error_.what.empty()) return error_;
        return std::move(out_);
    }

private:
    void fail(std::string where, std::string what) {
        if (error_.what.empty()) error_ = {std::move(where), std::move(what)};
    }
    Name name(const std::string& text, const std::string& where) {
        const auto n = Name::parse(text);
        if (!n) fail(where, "\"" + text + "\" is not a domain name");
        return n.value_or(Name{});
    }
    void names(const std::vector<std::string>& from, NameSet& to, const std::string& where) {
        for (const std::string& text : from) to.add(name(text, where));
    }

    void add_view(const config::Dns64View& from) {
        View v;
        v.id = static_cast<std::uint16_t>(out_->views_.size());
        v.name = from.name;
        v.synthesis = from.synthesis;
        v.break_dnssec = from.break_dnssec;
        v.cd_only_synthesizes = from.cd_only == config::CdOnly::synthesize;
        std::vector<Pref64> prefixes = from.prefixes;
        if (prefixes.empty()) {
            for (const config::PrefixEntry& e : c_.nat64.prefixes) prefixes.push_back(e.prefix);
        }
        if (prefixes.empty() && from.ranges.empty()) prefixes.push_back(kWellKnown);
        if (prefixes.size() > kPrefixesMost)
            fail("view " + from.name, "more than 16 prefixes for one address; remove some");
        // Prefixes of special ranges only are not announced: a client would use them for all IPv4.
        v.announced = prefixes;
        for (const config::Dns64Range& r : from.ranges) {
            if (r.prefixes.size() > kPrefixesMost)
                fail("view " + from.name, "more than 16 prefixes for one range; remove some");
            v.ranges.push_back({r.ipv4, r.prefixes});
        }
        v.ranges.push_back({Prefix4{}, prefixes});
        std::stable_sort(v.ranges.begin(), v.ranges.end(), [](const auto& a, const auto& b) {
            return a.ipv4.len_bits > b.ipv4.len_bits;
        });
        v.exclude_ipv4 = from.exclude_ipv4;
        v.exclude_aaaa = from.exclude_aaaa;
        const std::string where = "view " + from.name;
        names(from.exclude_names, v.exclude_names, where);
        names(from.include_names, v.include_names, where);
        names(from.ignore_aaaa, v.ignore_aaaa, where);
        out_->views_.push_back(std::move(v));
    }

    void avoid(std::vector<Pref64>& prefixes) const {
        std::vector<Pref64> good;
        for (const Pref64& p : prefixes) {
            if (std::find(avoided_.begin(), avoided_.end(), p) == avoided_.end()) good.push_back(p);
        }
        if (!good.empty()) prefixes = std::move(good);
    }

    void all_prefixes() {
        std::vector<Pref64>& all = out_->all_;
        all.push_back(kWellKnown);
        for (const View& v : out_->views_) {
            for (const View::Range& r : v.ranges)
                all.insert(all.end(), r.prefixes.begin(), r.prefixes.end());
        }
        for (const config::PrefixEntry& e : c_.nat64.prefixes) all.push_back(e.prefix);
        std::stable_sort(all.begin(), all.end(), by_falling_length);
        all.erase(std::unique(all.begin(), all.end()), all.end());
    }

    void clients() {
        std::vector<std::pair<config::Network, std::uint32_t>> list;
        const auto add = [&](const std::vector<config::Network>& networks, std::uint32_t value) {
            for (const config::Network& n : networks) list.emplace_back(n, value);
        };
        add(c_.dns64.allow.empty() ? local_ : c_.dns64.allow, 1);
        for (std::size_t i = 0; i < c_.dns64.views.size(); i++)
            add(c_.dns64.views[i].clients, static_cast<std::uint32_t>(i + 2));
        std::uint32_t nodes4 = 0, nodes6 = 0;
        for (const auto& [n, value] : list) {
            const unsigned len = n.is_v6 ? n.v6.len_bits : n.v4.len_bits;
            (n.is_v6 ? nodes6 : nodes4) += len > 16 ? (len - 9) / 8 : 0;
        }
        out_->memory4_.assign(Lpm::words(nodes4), 0);
        out_->memory6_.assign(Lpm::words(nodes6), 0);
        out_->clients4_.emplace(out_->memory4_);
        out_->clients6_.emplace(out_->memory6_);
        for (const auto& [n, value] : list) {
            const bool good =
                n.is_v6 ? out_->clients6_->insert(n.v6.addr.octet.data(), n.v6.len_bits, value)
                        : out_->clients4_->insert(key_of(n.v4.addr), n.v4.len_bits, value);
            if (!good) fail(n.text(), "no room in the table of clients");
        }
    }

    const config::Config& c_;
    const std::vector<config::Network>& local_;
    const std::vector<Pref64>& avoided_;
    std::unique_ptr<Policy> out_;
    Error error_;
};

Expected<std::unique_ptr<Policy>> Policy::compile(const config::Config& c,
                                                  const std::vector<config::Network>& local,
                                                  const std::vector<Pref64>& avoided) {
    return Compiler(c, local, avoided).run();
}

const View* Policy::view_of(const Ipv6Addr& client) const noexcept {
    static constexpr Prefix6 kMapped{Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0xffff, 0, 0}), 96};
    if (kMapped.contains(client)) return view_of(extract(client, 96));
    const std::uint32_t value = clients6_->find(client.octet.data());
    return value == 0 ? nullptr : &views_[value - 1];
}

const View* Policy::view_of(Ipv4Addr client) const noexcept {
    const std::uint32_t value = clients4_->find(key_of(client));
    return value == 0 ? nullptr : &views_[value - 1];
}

Mapped Policy::map(const View& v, Ipv4Addr a) const noexcept {
    Mapped out;
    if (any_contains(v.exclude_ipv4, a)) {
        out.why = Why::ipv4_excluded;
        return out;
    }
    const View::Range& range = v.range_of(a);
    if (range.prefixes.empty()) {
        out.why = range.ipv4.len_bits == 0 ? Why::no_prefix : Why::ipv4_excluded;
        return out;
    }
    if (any_contains(kNeverMapped, a)) {
        out.why = Why::ipv4_not_global;
        return out;
    }
    const bool global = wkp_allow_non_global_ || is_well_known(a) || !any_contains(non_global_, a);
    for (const Pref64& p : range.prefixes) {
        if (p.is_well_known() && !global) continue;  // RFC 6052 s3.1; not for 64:ff9b:1::/48
        out.addrs[out.n++] = embed(p, a);
    }
    if (out.n == 0) out.why = Why::ipv4_not_global;
    return out;
}

const Pref64* Policy::pref64_of(const Ipv6Addr& a) const noexcept {
    for (const Pref64& p : all_) {
        if (p.contains(a)) return &p;
    }
    return nullptr;
}

}  // namespace isthmus::dns64
