// SPDX-License-Identifier: Apache-2.0
// Addresses as the file names them: one, a prefix, FIRST-LAST.
#include "common/config/parse.h"

namespace isthmus::config {

std::vector<Prefix4> parse_addresses(std::string_view text, std::string& why) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) {
        const auto p = Prefix4::parse(text, Prefix4::Bare::allow);
        if (p) return {*p};
        why = p.error().what;
        return {};
    }
    const auto first = Ipv4Addr::parse(text.substr(0, dash));
    const auto last = Ipv4Addr::parse(text.substr(dash + 1));
    if (first && last && *last < *first) {
        why = "\"" + std::string(text) + "\": the first address comes behind the last; write " +
              last->text() + "-" + first->text();
        return {};
    }
    if (!first || !last || last->host() - first->host() >= 65536) {
        why = "\"" + std::string(text) + "\": write FIRST-LAST with at most 65,536 addresses";
        return {};
    }
    std::vector<Prefix4> out;
    for (std::uint64_t at = first->host(); at <= last->host();) {
        unsigned len = 32;
        while (len > 0 && at % (std::uint64_t{1} << (33 - len)) == 0 &&
               at + (std::uint64_t{1} << (33 - len)) - 1 <= last->host()) {
            len--;
        }
        out.push_back(
            {Ipv4Addr::from_host(static_cast<std::uint32_t>(at)), static_cast<std::uint8_t>(len)});
        at += std::uint64_t{1} << (32 - len);
    }
    return out;
}

}  // namespace isthmus::config
