// SPDX-License-Identifier: Apache-2.0
#include "dns64/cache_list.h"

#include "dns64/names_of_codes.h"
#include "dns64/record_text.h"
#include "dns64/store.h"

namespace isthmus::dns64 {

using api::Json;

namespace {

constexpr std::array<const char*, 8> kServes{
    "plain", "do", "cd", "do+cd", "resolution", "resolution+cd", "failure", "failure+cd"};

/// Names of the views that an entry answers; of none that there still is: "retired".
Json views_of(const CacheEntry& e, const Rules& rules) {
    Json out = Json::array();
    if ((e.serves & kServesClients) == 0) return out;
    if (e.view_tag == kAllViews) return Json::array({"all"});
    for (const View& v : rules.policy->views()) {
        if (rules.view_tags[v.id] == e.view_tag) out.push_back(v.name);
    }
    if (out.empty()) out.push_back("retired");
    return out;
}

}  // namespace

bool CacheFilter::matches(const CacheEntry& e) const {
    if (type && e.type != *type && e.type != 0) return false;
    if (name) return same_name(e.name(), *name);
    return !zone || at_or_below(e.name(), *zone);
}

Json row_of(const CacheEntry& e, const Rules& rules, std::uint32_t now_s) {
    Json serves = Json::array();
    for (unsigned i = 0; i < kServes.size(); i++) {
        if ((e.serves >> i & 1) != 0) serves.push_back(kServes[i]);
    }
    const std::uint32_t age = e.age(now_s);
    const auto why = static_cast<Why>(e.why);
    return {{"name", name_text(e.name())},
            {"type", e.type == 0 ? "any" : type_text(e.type)},
            {"serves", serves},
            {"views", views_of(e, rules)},
            {"why", why == Why::none ? Json() : Json(info_of(why).name)},
            {"rcode", rcode_text(static_cast<Rcode>(e.flags_rcode & flag::rcode_mask))},
            {"answers", e.n_answer},
            {"seconds_left", age < e.ttl_s ? e.ttl_s - age : 0},
            {"bytes", e.units() * 8U}};
}

Json records_of(const CacheEntry& e, std::uint32_t now_s) {
    std::vector<std::uint8_t> room(kMessageMost);
    Message m;
    const Bytes bytes = rebuild(e, e.name(), e.type, now_s, room);
    Json out = Json::array();
    if (bytes.empty() || Message::parse(bytes, m) != Fault::none) return out;
    for (std::string& text : record_texts(m)) out.push_back(std::move(text));
    return out;
}

}  // namespace isthmus::dns64
