// SPDX-License-Identifier: Apache-2.0
// What a client gets, compiled from the configuration: client address -> view, and per view the
// prefixes, ranges and lists of RFC 6147 s5.1.4 and s5.2. Immutable once made; a reload makes
// another one.
//
// A view's number is stable within one Policy only: a cache that outlives a reload must hold
// answers of upstreams, or be emptied of what was made under another generation.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/expected.h"
#include "common/config/config.h"
#include "common/net/addr.h"
#include "common/net/lpm.h"
#include "common/net/prefix.h"
#include "dns64/name.h"
#include "dns64/why.h"

namespace isthmus::dns64 {

/// Names and everything below each of them.
class NameSet {
public:
    void add(const Name& name);
    [[nodiscard]] bool empty() const noexcept { return sorted_.empty(); }
    [[nodiscard]] bool covers(NameView name) const noexcept;

private:
    std::vector<std::pair<std::uint64_t, Name>> sorted_;  // by hash
    std::uint64_t depths_ = 0;                            // bit n: some name has n labels
};

inline constexpr unsigned kPrefixesMost = 16;  // that one IPv4 address is mapped to

struct View {
    std::uint16_t id = 0;
    std::string name;
    bool synthesis = true;
    bool break_dnssec = true;
    bool cd_only_synthesizes = false;
    std::vector<Pref64> announced;  // in ipv4only.arpa, in order
    /// IPv4 ranges by falling length; the last one is 0.0.0.0/0 with the view's prefixes.
    struct Range {
        Prefix4 ipv4;
        std::vector<Pref64> prefixes;
    };
    std::vector<Range> ranges;
    std::vector<Prefix4> exclude_ipv4;
    std::vector<Prefix6> exclude_aaaa;
    NameSet exclude_names, include_names, ignore_aaaa;

    [[nodiscard]] const Range& range_of(Ipv4Addr a) const noexcept;
    [[nodiscard]] bool is_excluded(const Ipv6Addr& a) const noexcept;
    /// Why::none when names like this one are synthesized in this view.
    [[nodiscard]] Why name_verdict(NameView qname) const noexcept;
};

/// Outcome of mapping one IPv4 address.
struct Mapped {
    Why why = Why::none;  // none: `n` addresses were made
    unsigned n = 0;
    std::array<Ipv6Addr, kPrefixesMost> addrs;
};

class Policy {
public:
    /// `local`: networks of the host's own interfaces, who may ask when dns64.allow is empty.
    /// `avoided`: nothing is made with these prefixes where there is another one; they are
    /// announced, and their reverse names known, all the same.
    [[nodiscard]] static Expected<std::unique_ptr<Policy>> compile(
        const config::Config& c, const std::vector<config::Network>& local,
        const std::vector<Pref64>& avoided = {});

    /// nullptr: the client may not ask at all. IPv4-mapped addresses count as IPv4.
    [[nodiscard]] const View* view_of(const Ipv6Addr& client) const noexcept;
    [[nodiscard]] const View* view_of(Ipv4Addr client) const noexcept;
    [[nodiscard]] const std::vector<View>& views() const noexcept { return views_; }

    /// The synthetic addresses of `a` in a view (RFC 6147 s5.2, RFC 6052 s3.1).
    [[nodiscard]] Mapped map(const View& v, Ipv4Addr a) const noexcept;

    /// The longest Pref64 of any view, or the well-known prefix, that holds `a`.
    [[nodiscard]] const Pref64* pref64_of(const Ipv6Addr& a) const noexcept;
    [[nodiscard]] const std::vector<Pref64>& all_prefixes() const noexcept { return all_; }

    struct Settings {
        bool parallel = true;
        config::Validation validation = config::Validation::none;
        config::EdeMode ede = config::EdeMode::on;
        config::AnyMode any = config::AnyMode::pass;
        config::LocalReverse local_reverse = config::LocalReverse::private_ranges;
        std::optional<Name> nat64_fqdn;
        std::uint32_t stale_ttl = 30;  // seconds, RFC 8767 s4
        NameSet resolve_zones;
    } settings;

private:
    Policy() = default;
    friend class Compiler;

    std::vector<View> views_;
    std::vector<Pref64> all_;  // by falling length
    std::vector<Prefix4> non_global_;
    bool wkp_allow_non_global_ = false;
    std::vector<std::uint32_t> memory4_, memory6_;  // of the tries
    std::optional<Lpm> clients4_, clients6_;        // value: view id + 1
};

}  // namespace isthmus::dns64
