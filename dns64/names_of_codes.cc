// SPDX-License-Identifier: Apache-2.0
#include "dns64/names_of_codes.h"

#include <array>
#include <charconv>
#include <utility>

namespace isthmus::dns64 {

namespace {

constexpr auto kTypes = std::to_array<std::pair<RrType, std::string_view>>({
    {rr::a, "A"},         {rr::ns, "NS"},         {rr::md, "MD"},       {rr::mf, "MF"},
    {rr::cname, "CNAME"}, {rr::soa, "SOA"},       {rr::mb, "MB"},       {rr::mg, "MG"},
    {rr::mr, "MR"},       {rr::ptr, "PTR"},       {rr::hinfo, "HINFO"}, {rr::minfo, "MINFO"},
    {rr::mx, "MX"},       {rr::txt, "TXT"},       {rr::rp, "RP"},       {rr::afsdb, "AFSDB"},
    {rr::rt, "RT"},       {rr::sig, "SIG"},       {rr::px, "PX"},       {rr::aaaa, "AAAA"},
    {rr::nxt, "NXT"},     {rr::srv, "SRV"},       {rr::naptr, "NAPTR"}, {rr::kx, "KX"},
    {rr::dname, "DNAME"}, {rr::opt, "OPT"},       {rr::ds, "DS"},       {rr::rrsig, "RRSIG"},
    {rr::nsec, "NSEC"},   {rr::dnskey, "DNSKEY"}, {rr::nsec3, "NSEC3"}, {rr::svcb, "SVCB"},
    {rr::https, "HTTPS"}, {rr::tkey, "TKEY"},     {rr::tsig, "TSIG"},   {rr::ixfr, "IXFR"},
    {rr::axfr, "AXFR"},   {rr::mailb, "MAILB"},   {rr::maila, "MAILA"}, {rr::any, "ANY"},
});

constexpr auto kRcodes = std::to_array<std::pair<Rcode, std::string_view>>({
    {Rcode::noerror, "NOERROR"},
    {Rcode::formerr, "FORMERR"},
    {Rcode::servfail, "SERVFAIL"},
    {Rcode::nxdomain, "NXDOMAIN"},
    {Rcode::notimp, "NOTIMP"},
    {Rcode::refused, "REFUSED"},
    {Rcode::yxdomain, "YXDOMAIN"},
    {Rcode::notauth, "NOTAUTH"},
    {Rcode::badvers, "BADVERS"},
    {Rcode::badcookie, "BADCOOKIE"},
});

template <typename Table, typename Code>
std::string text_in(const Table& table, Code code, std::string_view other) {
    for (const auto& [c, name] : table) {
        if (c == code) return std::string(name);
    }
    return std::string(other) + std::to_string(static_cast<unsigned>(code));
}

template <typename Code, typename Table>
std::optional<Code> code_in(const Table& table, std::string_view text, std::string_view other) {
    for (const auto& [c, name] : table) {
        if (name == text) return c;
    }
    if (text.rfind(other, 0) != 0) return std::nullopt;
    text.remove_prefix(other.size());
    std::uint16_t v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return static_cast<Code>(v);
}

}  // namespace

std::string type_text(RrType type) { return text_in(kTypes, type, "TYPE"); }
std::optional<RrType> type_of(std::string_view text) {
    return code_in<RrType>(kTypes, text, "TYPE");
}
std::string rcode_text(Rcode rcode) { return text_in(kRcodes, rcode, "RCODE"); }
std::optional<Rcode> rcode_of(std::string_view text) {
    return code_in<Rcode>(kRcodes, text, "RCODE");
}

}  // namespace isthmus::dns64
