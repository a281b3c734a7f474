// SPDX-License-Identifier: Apache-2.0
// From a name along the CNAME and DNAME records of an answer section.
#pragma once

#include "dns64/wire.h"

namespace isthmus::dns64 {

inline constexpr unsigned kLinksMost = 16;

enum class Reached : std::uint8_t {
    data,      // records of the type at the end of the chain
    end,       // none, and no further link in this message
    too_long,  // a loop, more than kLinksMost links, or a name that grew too long
};

/// One step of a chain. A DNAME comes before the CNAME that follows from it.
struct Link {
    const Record* record = nullptr;  // nullptr: a CNAME that upstream left out behind its DNAME
    NameView owner;
    NameView target;        // of a CNAME
    std::uint32_t ttl = 0;  // seconds
};

/// The name that `dname` at `owner` makes of `name` (RFC 6672 s2.2); false: too long.
[[nodiscard]] inline bool redirected(NameView name, NameView owner, NameView target,
                                     Name& out) noexcept {
    out = Name{};
    for (; name.size() > owner.size(); name = name.subspan(1U + name[0])) {
        if (!out.append_label(first_label(name))) return false;
    }
    return out.append(target);
}

/// Records of class IN only. `at` and `links` go on from where an earlier message has led.
template <typename Fn>
Reached follow(const Message& m, RrType type, Name& at, unsigned& links, Fn&& fn) noexcept {
    for (;;) {
        bool data = false, has_cname = false, has_dname = false;
        Record cname, dname;
        m.each(Section::answer, [&](const Record& r) {
            if (r.cls != kClassIn) return;
            const bool here = m.name_is(r.owner_at, at);
            if (here && (r.type == type || type == rr::any)) data = true;
            if (here && r.type == rr::cname && !has_cname) {
                has_cname = true;
                cname = r;
            }
            if (!here && r.type == rr::dname && !has_dname &&
                at_or_below(at, m.name_at(r.owner_at))) {
                has_dname = true;
                dname = r;
            }
        });
        if (data) return Reached::data;
        if (type == rr::cname || type == rr::any || (!has_cname && !has_dname)) return Reached::end;
        if (++links > kLinksMost) return Reached::too_long;
        Name target;
        if (has_dname) {
            const Name owner = m.name_at(dname.owner_at);
            fn(Link{&dname, owner, {}, dname.ttl});
            if (!redirected(at, owner, m.name_at(dname.rdata_at), target)) return Reached::too_long;
        }
        if (has_cname) target = m.name_at(cname.rdata_at);
        fn(Link{has_cname ? &cname : nullptr, at, target, has_cname ? cname.ttl : dname.ttl});
        at = target;
    }
}

}  // namespace isthmus::dns64
