// SPDX-License-Identifier: Apache-2.0
#include "dns64/rules.h"

#include "dns64/cache.h"

namespace isthmus::dns64 {

namespace {

/// FNV-1a over the parts, each closed by an octet that no text has.
class Digest {
public:
    void add(const std::string& text) {
        for (const char c : text) step(static_cast<std::uint8_t>(c));
        step(0xff);
    }
    void add(std::uint64_t v) { add(std::to_string(v)); }
    template <typename T>
    void add_list(const std::vector<T>& list) {
        for (const T& e : list) add(e.text());
        step(0xfe);
    }
    void add_list(const std::vector<std::string>& list) {
        for (const std::string& e : list) add(e);
        step(0xfe);
    }
    [[nodiscard]] std::uint32_t tag() const {
        const auto t = static_cast<std::uint32_t>(h_ ^ (h_ >> 32));
        return t == kAllViews ? 1 : t;
    }

private:
    void step(std::uint8_t b) { h_ = (h_ ^ b) * 0x100000001b3ULL; }
    std::uint64_t h_ = 0xcbf29ce484222325ULL;
};

void add_common(Digest& d, const config::Config& c) {
    for (const config::PrefixEntry& p : c.nat64.prefixes) d.add(p.prefix.text());
    d.add_list(c.nat64.non_global);
    d.add(c.nat64.wkp_allow_non_global ? 1 : 0);
    d.add(static_cast<std::uint64_t>(c.dns64.validation));
    d.add(static_cast<std::uint64_t>(c.dns64.ede));
    d.add(static_cast<std::uint64_t>(c.dns64.any));
    d.add(static_cast<std::uint64_t>(c.dns64.local_reverse));
    d.add(c.dns64.nat64_fqdn);
    d.add_list(c.dns64.resolve_zones);
    // Reverse names are matched against the prefixes of all views.
    for (const config::Dns64View& v : c.dns64.views) d.add_list(v.prefixes);
    d.add_list(c.dns64.view.prefixes);
}

void add_view(Digest& d, const config::Dns64View& v) {
    d.add(v.synthesis ? 1 : 0);
    d.add(v.break_dnssec ? 1 : 0);
    d.add(static_cast<std::uint64_t>(v.cd_only));
    d.add_list(v.prefixes);
    for (const config::Dns64Range& r : v.ranges) {
        d.add(r.ipv4.text());
        d.add_list(r.prefixes);
    }
    d.add_list(v.exclude_ipv4);
    d.add_list(v.exclude_aaaa);
    d.add_list(v.exclude_names);
    d.add_list(v.include_names);
    d.add_list(v.ignore_aaaa);
}

/// 32 hexadecimal digits.
Expected<std::optional<CookieSecret>> secret_of(const std::string& text, const std::string& key) {
    if (text.empty()) return std::optional<CookieSecret>();
    const bool good =
        text.size() == 32 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (!good) return Error{"dns64." + key, "must be 32 hexadecimal digits (openssl rand -hex 16)"};
    CookieSecret out;
    for (std::size_t i = 0; i < out.size(); i++)
        out[i] = static_cast<std::uint8_t>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
    return std::optional<CookieSecret>(out);
}

}  // namespace

/// Not the networks of all interfaces: on a gateway one of them is often the internet.
std::vector<config::Network> local_networks() {
    config::Network loopback4, loopback6, link_local;
    loopback4.is_v6 = false;
    loopback4.v4 = {Ipv4Addr::from_host(0x7f000000), 8};
    loopback6.v6 = {Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1}), 128};
    link_local.v6 = {Ipv6Addr::from_groups({0xfe80, 0, 0, 0, 0, 0, 0, 0}), 10};
    return {loopback4, loopback6, link_local};
}

Expected<std::shared_ptr<const Rules>> Rules::make(const config::Config& c,
                                                   const std::vector<Pref64>& avoided) {
    auto rules = std::make_shared<Rules>();
    rules->config = c;
    auto policy = Policy::compile(c, local_networks(), avoided);
    if (!policy) return policy.error();
    rules->policy = std::move(*policy);
    auto secret = secret_of(c.dns64.cookie_secret, "cookie_secret");
    if (!secret) return secret.error();
    auto previous = secret_of(c.dns64.cookie_secret_previous, "cookie_secret_previous");
    if (!previous) return previous.error();
    rules->cookie_secret = *secret;
    rules->cookie_secret_previous = *previous;
    for (const View& v : rules->policy->views()) {
        const config::Dns64View* from = &c.dns64.view;
        for (const config::Dns64View& e : c.dns64.views) {
            if (e.name == v.name) from = &e;
        }
        Digest d;
        add_common(d, c);
        add_view(d, *from);
        d.add_list(avoided);
        if (v.id >= rules->view_tags.size()) rules->view_tags.resize(v.id + std::size_t{1});
        rules->view_tags[v.id] = d.tag();
    }
    return std::shared_ptr<const Rules>(std::move(rules));
}

}  // namespace isthmus::dns64
