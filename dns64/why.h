// SPDX-License-Identifier: Apache-2.0
// Why an answer is what it is. Each final answer carries one reason, and a reason is one row of
// kWhys: metrics (isthmus_dns64_answers_total{why=...}), `explain`, the query log and the text of
// Extended DNS Errors are made from this table. A reason without a row, or in another order, does
// not compile. Names are for operators: stable once released.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dns64/codes.h"

namespace isthmus::dns64 {

enum class Why : std::uint8_t {
    none,
    // answered with synthetic data
    synthesized,
    synthesized_after_failure,
    synthesized_ignoring_aaaa,
    ptr_cname,
    // AAAA asked for and not synthesized
    has_aaaa,
    nxdomain,
    no_a,
    a_nxdomain,
    a_failed,
    failed,
    bogus,
    client_checks,
    client_wants_dnssec,
    view_off,
    name_excluded,
    name_not_included,
    ipv4_excluded,
    ipv4_not_global,
    no_prefix,
    not_in_class,
    // other types
    plain,
    plain_failed,
    chain_too_long,
    ptr_no_target,
    // answered here
    ipv4only,
    ptr_well_known,
    special_name,
    local_zone,
    any_minimal,
    // refused
    malformed,
    not_implemented,
    bad_version,
    bad_cookie,
    no_recursion_wanted,
    not_allowed,
    transfer,
    cookie_only,
    overload,
    stale,
    count_,
};

struct WhyInfo {
    Why id;
    std::string_view name, help, source;
    Ede ede = Ede::none;  // given to clients with EDNS where the configuration wants it
};

inline constexpr auto kWhys = std::to_array<WhyInfo>({
    {Why::none, "none", "not decided", "-"},
    {Why::synthesized, "synthesized", "AAAA made from A records", "RFC 6147 s5.1.7",
     Ede::synthesized},
    {Why::synthesized_after_failure, "synthesized_after_failure",
     "AAAA made from A records after the AAAA query failed", "RFC 6147 s5.1.2, s5.1.3",
     Ede::synthesized},
    {Why::synthesized_ignoring_aaaa, "synthesized_ignoring_aaaa",
     "AAAA made from A records; real AAAA were excluded or ignored", "RFC 6147 s5.1.4",
     Ede::synthesized},
    {Why::ptr_cname, "ptr_cname", "reverse name of a mapped address: CNAME into in-addr.arpa",
     "RFC 6147 s5.3.1", Ede::synthesized},
    {Why::has_aaaa, "has_aaaa", "the name has AAAA records of its own", "RFC 6147 s5.1.1"},
    {Why::nxdomain, "nxdomain", "the name does not exist", "RFC 6147 s5.1.2"},
    {Why::no_a, "no_a", "the name has neither AAAA nor A records", "RFC 6147 s5.1.6"},
    {Why::a_nxdomain, "a_nxdomain", "no AAAA, and NXDOMAIN to the A query", "RFC 6147 s5.1.6"},
    {Why::a_failed, "a_failed", "no AAAA, and the A query failed", "RFC 6147 s5.1.6",
     Ede::no_reachable_authority},
    {Why::failed, "failed", "AAAA query failed, and there is no A record", "RFC 6147 s5.4",
     Ede::no_reachable_authority},
    {Why::bogus, "bogus", "DNSSEC validation failed", "RFC 6147 s5.5", Ede::dnssec_bogus},
    {Why::client_checks, "client_checks", "CD=1: the client validates by itself", "RFC 6147 s5.5"},
    {Why::client_wants_dnssec, "client_wants_dnssec", "DO=1, secure data, and break_dnssec is off",
     "RFC 6147 s5.5"},
    {Why::view_off, "view_off", "the client's view has no DNS64", "RFC 6147 s6.3.2"},
    {Why::name_excluded, "name_excluded", "the name is in exclude_names", "ours"},
    {Why::name_not_included, "name_not_included", "the name is not in include_names", "ours"},
    {Why::ipv4_excluded, "ipv4_excluded", "all IPv4 addresses are excluded", "RFC 6147 s5.2"},
    {Why::ipv4_not_global, "ipv4_not_global",
     "all IPv4 addresses are special or, under the well-known prefix, not global", "RFC 6052 s3.1"},
    {Why::no_prefix, "no_prefix", "no NAT64 prefix for these IPv4 addresses", "RFC 6147 s5.2"},
    {Why::not_in_class, "not_in_class", "class is not IN", "RFC 6147 s5.1"},
    {Why::plain, "plain", "a type that DNS64 does not touch", "RFC 6147 s5.3.3"},
    {Why::plain_failed, "plain_failed", "no upstream gave a usable answer", "RFC 1035 s4.1.1",
     Ede::no_reachable_authority},
    {Why::chain_too_long, "chain_too_long", "CNAME loop, or more than 16 links", "ours",
     Ede::invalid_data},
    {Why::ptr_no_target, "ptr_no_target",
     "reverse name of a mapped address whose IPv4 name does not exist", "RFC 6147 s5.3.1"},
    {Why::ipv4only, "ipv4only", "ipv4only.arpa, answered here", "RFC 8880 s7.1"},
    {Why::ptr_well_known, "ptr_well_known", "reverse name of Pref64::192.0.0.170 or .171",
     "RFC 8880 s7.2.1"},
    {Why::special_name, "special_name", "localhost, invalid, test, onion or local", "RFC 6761 s6"},
    {Why::local_zone, "local_zone", "locally served reverse zone", "RFC 6303 s4"},
    {Why::any_minimal, "any_minimal", "ANY, answered with HINFO", "RFC 8482 s4.2"},
    {Why::malformed, "malformed", "malformed query", "RFC 1035 s4.1"},
    {Why::not_implemented, "not_implemented", "operation not implemented", "RFC 8906 s3.1.4",
     Ede::not_supported},
    {Why::bad_version, "bad_version", "EDNS version above 0", "RFC 6891 s6.1.3"},
    {Why::bad_cookie, "bad_cookie", "a valid server cookie is required", "RFC 7873 s5.2.3"},
    {Why::no_recursion_wanted, "no_recursion_wanted", "RD=0, and no data is ours", "RFC 8914 s4.21",
     Ede::not_authoritative},
    {Why::not_allowed, "not_allowed", "the client is outside the networks that may ask",
     "RFC 5358 s4", Ede::prohibited},
    {Why::transfer, "transfer", "zone transfer from a server without zones", "RFC 5936 s2.2.1"},
    {Why::cookie_only, "cookie_only", "no question, only a cookie", "RFC 7873 s5.4"},
    {Why::overload, "overload", "too many queries wait for upstreams", "ours", Ede::not_ready},
    {Why::stale, "stale", "upstream failed; an expired answer was given", "RFC 8767 s4",
     Ede::stale_answer},
});

inline constexpr std::size_t kWhyCount = static_cast<std::size_t>(Why::count_);
static_assert([] {
    if (kWhys.size() != kWhyCount) return false;
    for (std::size_t i = 0; i < kWhyCount; i++) {
        if (static_cast<std::size_t>(kWhys[i].id) != i) return false;
    }
    return true;
}());

[[nodiscard]] constexpr const WhyInfo& info_of(Why w) { return kWhys[static_cast<std::size_t>(w)]; }

}  // namespace isthmus::dns64
