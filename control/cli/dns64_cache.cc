// SPDX-License-Identifier: Apache-2.0
// isthmusctl dns64 cache show and flush.
#include <iostream>

#include "control/cli/dns64.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

struct Words {
    std::string name, zone, type;
    unsigned limit = 0;
    bool count = false, records = false;
};

void print_rows(const Asker& there, const Json& rows, bool header) {
    if (there.json) {
        for (const Json& r : rows) std::cout << api::to_text(r) << "\n";
        return;
    }
    static const std::vector<Column> kColumns{
        {"name", "name", 32},     {"type", "type", 5},   {"seconds_left", "left s", 6},
        {"serves", "serves", 10}, {"views", "views", 8}, {"why", "why", 12},
        {"rcode", "rcode", 8},    {"bytes", "bytes", 5}, {"thread", "thread", 6}};
    if (rows.empty() || !rows.front().contains("records"))
        return print_table(std::cout, rows, header, kColumns);
    for (const Json& r : rows) {
        print_table(std::cout, Json::array({r}), header, kColumns);
        header = false;
        for (const Json& text : r["records"]) std::cout << "    " << cell_text(text) << "\n";
    }
}

/// Page by page, each printed as it comes.
int show(const Dns64Caller& c, const Words& w) {
    Asker there = c.there();
    Json params{{"count", w.count}, {"records", w.records}}, page;
    if (!w.name.empty()) params["name"] = w.name;
    if (!w.zone.empty()) params["zone"] = w.zone;
    if (!w.type.empty()) params["type"] = w.type;
    std::uint64_t n = 0;
    bool header = true;
    for (bool more = true; more;) {
        if (w.limit != 0) params["limit"] = w.limit - n;
        if (const int rc = there.request("cache.show", params, page); rc != kDone) return rc;
        const Json rows = page.value("rows", Json::array());
        n += w.count ? page.value("count", std::uint64_t{0}) : rows.size();
        more = page.contains("next") && (w.limit == 0 || w.count || n < w.limit);
        if (more) params["cursor"] = page["next"];
        if (w.count) continue;
        const bool nothing = !more && n == 0;
        if (!rows.empty() || (nothing && !there.json)) print_rows(there, rows, header);
        header = header && rows.empty();
        if (!std::cout.flush()) return kRefused;  // nobody reads on
    }
    if (w.count)
        std::cout << (there.json ? api::to_text({{"count", n}}) : std::to_string(n)) << "\n";
    return kDone;
}

int flush(const Dns64Caller& c, const Words& w) {
    if (w.name.empty() == w.zone.empty()) {
        std::cerr << "isthmusctl: say what to flush: a name, --zone ZONE, or the word all\n";
        return kUsage;
    }
    Asker there = c.there();
    Json params = Json::object(), out;
    if (w.name == "all") {
        params["all"] = true;
    } else if (!w.name.empty()) {
        params["name"] = w.name;
    } else {
        params["zone"] = w.zone;
    }
    if (const int rc = there.request("cache.flush", params, out); rc != kDone) return rc;
    if (there.json) {
        print_json(out);
    } else {
        const auto n = out.value("entries", std::uint64_t{0});
        std::cout << "flushed " << n << (n == 1 ? " entry" : " entries") << "\n";
    }
    return kDone;
}

}  // namespace

void add_dns64_cache_commands(args::Command& dns64, const Dns64Caller& c) {
    const auto w = std::make_shared<Words>();
    auto* cache = dns64.add_subcommand("cache", "what is kept of answers");
    cache->require_subcommand()->fallthrough();
    auto* s = cache->add_subcommand("show", "entries: answers, and what upstreams said");
    s->fallthrough();
    s->footer(
        "Each thread has a cache of its own. \"serves\": plain, do, cd and do+cd are answers "
        "ready\n"
        "for clients with these flags; resolution is what an upstream said, for all views;\n"
        "failure is remembered so that a broken name is not asked for again and again.");
    s->add_option("name", w->name, "this name only");
    s->add_option("--zone", w->zone, "this name and all below it");
    s->add_option("--type", w->type, "of this type, and NXDOMAIN, which holds for all");
    s->add_option("--limit", w->limit, "at most so many rows")->in_range(1, 1'000'000'000);
    s->add_flag("--count", w->count, "only how many");
    s->add_flag("--records", w->records, "with the records");
    s->callback([c, w] { *c.rc = show(c, *w); });
    auto* f = cache->add_subcommand("flush", "forget what is kept; says how many entries");
    f->fallthrough();
    f->footer(
        "Answers of other names that lead here by CNAME are kept under those names.\n"
        "A name that is called all is written with its dot: all.");
    f->add_option("name", w->name, "a name, or all");
    f->add_option("--zone", w->zone, "a name and all below it");
    f->callback([c, w] { *c.rc = flush(c, *w); });
}

}  // namespace isthmus::cli
