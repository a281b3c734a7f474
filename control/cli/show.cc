// SPDX-License-Identifier: Apache-2.0
#include "control/cli/show.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>

#include "control/cli/plain_lists.h"
#include "control/cli/rows.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

constexpr unsigned kSortedRows = 100, kSortedMost = 1000;  // of a list without end

/// What lists are filtered by; the dataplane does it (agent/lists.h). Lives as long as the App.
struct Words {
    std::string subscriber, protocol, remote, local, state, sort, map, to, port_name;
    unsigned port = 0, remote_port = 0, limit = 0;
    bool count = false;
};

struct Paged {
    const char* name;
    const char* help;
    std::vector<Column> columns;
    bool of_flows, of_sessions;  // which filters it has
    std::vector<std::string> sort;
    bool sorted_here = false;  // the order is not the dataplane's business
};

const std::vector<Paged> kPagedLists{
    {"bindings",
     "bindings: (X',x) <-> (T,t)",
     {{"protocol", "protocol"},
      {"x", "x", 24},
      {"x_id", "x port", 6},
      {"t", "t", 15},
      {"t_id", "t port", 6},
      {"sessions", "sessions"},
      {"kind", "kind", 7},
      {"worker", "worker"}},
     true,
     false,
     {"sessions"}},
    {"sessions",
     "sessions of bindings, with their remote (Z,z)",
     {{"protocol", "protocol"},
      {"x", "x", 24},
      {"x_id", "x port", 6},
      {"t", "t", 15},
      {"t_id", "t port", 6},
      {"z", "z", 15},
      {"z_id", "z port", 6},
      {"state", "state", 11},
      {"idle_seconds", "idle s", 6},
      {"worker", "worker"}},
     true,
     true,
     {"idle_seconds"}},
    {"subscribers",
     "subscribers with what they use",
     {{"subscriber", "subscriber", 24},
      {"address", "address", 15},
      {"bindings", "bindings"},
      {"sessions", "sessions"},
      {"udp_ports", "udp ports"},
      {"tcp_ports", "tcp ports"},
      {"icmp_ids", "icmp ids"},
      {"blocks", "blocks"},
      {"worker", "worker"}},
     false,
     false,
     {"bindings", "sessions", "udp_ports", "tcp_ports", "icmp_ids", "blocks"}},
    {"blocks",
     "port blocks with their owners",
     {{"address", "address", 15},
      {"ports", "ports", 11},
      {"subscriber", "subscriber", 24},
      {"bindings", "bindings"},
      {"worker", "worker"}},
     false,
     false,
     {"bindings"}},
    {"routes",
     "routes as the workers use them",
     {{"to", "to", 24}, {"via", "via"}},
     false,
     false,
     {"to", "length", "via"},
     true},
    {"stateless",
     "mappings without state: EAM entries and prefixes",
     {{"kind", "kind", 9}, {"ipv4", "ipv4", 18}, {"ipv6", "ipv6"}},
     false,
     false,
     {"kind", "ipv4", "ipv6"},
     true}};

Json params_of(const Words& w) {
    Json p = Json::object();
    const auto text = [&](const char* key, const std::string& v) {
        if (!v.empty()) p[key] = v;
    };
    text("subscriber", w.subscriber);
    text("protocol", w.protocol);
    text("remote", w.remote);
    text("local", w.local);
    text("state", w.state);
    text("sort", w.sort);
    if (w.port != 0) p["port"] = w.port;
    if (w.remote_port != 0) p["remote_port"] = w.remote_port;
    text("to", w.to);
    text("port_name", w.port_name);
    if (w.count) p["count"] = true;
    return p;
}

/// "198.51.100.2 by p4, on the link of p6 vlan 7", or what else becomes of the packets.
std::string via_text(const Json& route) {
    if (route.value("local", false)) return "this host";
    if (route.value("discard", false)) return "discarded";
    std::string out;
    for (const Json& h : route.value("hops", Json::array())) {
        const std::string gateway = api::text_of(h, "via"), port = api::text_of(h, "port");
        out += (out.empty() ? "" : ", ") +
               (gateway.empty() ? "on the link of " + port : gateway + " by " + port);
        if (const auto vlan = api::number_of(h, "vlan", 0); vlan != 0)
            out += " vlan " + std::to_string(vlan);
    }
    return out;
}

/// Page after page, `limit` rows of them (0: all); each(rows, how many, more) says whether to go
/// on.
int walk_pages(Asker& ask, const Words& w, const Paged& list, unsigned limit,
               const std::function<bool(Json&, std::uint64_t, bool)>& each) {
    Json params = params_of(w), page;
    if (list.sorted_here) params.erase("sort");
    std::uint64_t n = 0;
    for (bool more = true; more;) {
        if (limit != 0 && std::string_view(list.name) != "stateless") params["limit"] = limit - n;
        if (const int rc = ask.request(std::string("show.") + list.name, params, page); rc != kDone)
            return rc;
        Json rows = page.value("rows", Json::array());
        // The mappings without state come in pages of the server's length.
        if (limit != 0 && rows.size() > limit - n)
            rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(limit - n), rows.end());
        const auto here =
            page.contains("count") ? page.value("count", std::uint64_t{0}) : rows.size();
        n += here;
        more = page.contains("next") && (limit == 0 || n < limit);
        if (more) params["cursor"] = page["next"];
        if (!each(rows, here, more)) return kRefused;
    }
    return kDone;
}

/// Rows as they come; the title once.
class PagePrinter {
public:
    PagePrinter(const Asker& ask, const Paged& list) : json_(ask.json), list_(list) {}
    /// False: nobody reads on.
    bool print(Json rows, bool more) {
        if (json_) {
            for (const Json& r : rows) std::cout << api::to_text(r) << "\n";
        } else if (!rows.empty() || !more) {
            if (std::string_view(list_.name) == "routes") {
                for (Json& r : rows) r["via"] = via_text(r);
            }
            print_table(std::cout, rows, header_, list_.columns);
            header_ = header_ && rows.empty();
        }
        return bool(std::cout.flush());
    }

private:
    bool json_, header_ = true;
    const Paged& list_;
};

/// What rows are sorted by; of a route its text's parts.
Json sort_value(const std::string& key, const Json& row) {
    if (key == "via") return via_text(row);
    if (key != "length") return row.value(key, Json());
    const std::string to = api::text_of(row, "to");
    return std::strtol(to.c_str() + std::min(to.find('/') + 1, to.size()), nullptr, 10);
}

/// Each page is printed as it comes, and of a sorted list only the first rows are kept: a list of
/// any length needs the memory of one page.
int show_paged(Asker& ask, const Words& w, const Paged& list) {
    const bool sorts = list.sorted_here && !w.sort.empty() && !w.count;
    if (sorts && w.limit > kSortedMost) {
        std::cerr << "isthmusctl show " << list.name << ": --limit: of a sorted list at most "
                  << kSortedMost << "\n";
        return kUsage;
    }
    std::uint64_t n = 0;
    PagePrinter printer(ask, list);
    SortedRows best([&w](const Json& row) { return sort_value(w.sort, row); },
                    w.limit == 0 ? kSortedRows : w.limit);
    const int rc = walk_pages(ask, w, list, sorts || w.count ? 0 : w.limit,
                              [&](Json& rows, std::uint64_t here, bool more) {
                                  n += here;
                                  if (!sorts)
                                      return w.count || printer.print(std::move(rows), more);
                                  best.add(std::move(rows));
                                  return true;
                              });
    if (rc != kDone) return rc;
    if (w.count) std::cout << (ask.json ? api::to_text({{"count", n}}) : std::to_string(n)) << "\n";
    if (sorts) printer.print(best.rows(), false);
    return kDone;
}

/// What one address, of either family, is mapped to.
int show_mapping(Asker& ask, const std::string& address) {
    Json out;
    const int rc = ask.request("show.stateless", Json{{"address", address}}, out);
    if (rc == kDone) print_answer(ask, out);
    return rc;
}

void add_filters(args::Command& c, const std::shared_ptr<Words>& w, const Paged& list) {
    const std::string name = list.name;
    c.add_option("--limit", w->limit, "at most so many rows")->in_range(1, 1'000'000'000);
    c.add_flag("--count", w->count, "only how many");
    const std::string order = list.sorted_here ? kSortHelp : "the largest first";
    c.add_option("--sort", w->sort, order + "; at most 1000 rows, 100 without --limit")
        ->one_of(list.sort);
    if (name == "stateless")
        c.add_option("--map", w->map, "what this address, of either family, is mapped to");
    if (name == "routes") {
        c.add_option("--to", w->to, "those that cover this address, the longest prefix last");
        c.add_option("--port", w->port_name, "those by this port");
    }
    if (list.sorted_here) return;
    c.add_option("--subscriber", w->subscriber, "IPv6 prefix or address");
    c.add_option("--local,--pool-address", w->local, "address of the pool");
    if (list.of_flows)
        c.add_option("--protocol", w->protocol, "tcp, udp or icmp")->one_of({"tcp", "udp", "icmp"});
    if (list.of_flows || name == "blocks")
        c.add_option("--port", w->port, "port or identifier on that address")->in_range(1, 65535);
    if (!list.of_sessions) return;
    c.add_option("--remote", w->remote, "IPv4 address of the peer");
    c.add_option("--remote-port", w->remote_port, "port of the peer")->in_range(1, 65535);
    c.add_option("--state", w->state, "open, or of TCP: established, trans, v6-init, ...");
}

}  // namespace

args::Command& add_show_commands(args::Command& app, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    app.add_subcommand("status", "what runs, and whether the file is what runs")->callback([&] {
        Json out;
        rc = ask.request("status", Json::object(), out);
        if (rc != kDone) return;
        print_answer(ask, out);
        // For scripts: isthmus-control answers, nothing is translated.
        if (api::text_of(out.value("dataplane", Json::object()), "state") == "away") rc = kAway;
    });
    auto* show = app.add_subcommand("show", "what lives, what was counted, what runs");
    show->require_subcommand()->fallthrough();
    for (const Paged& list : kPagedLists) {
        auto* c = show->add_subcommand(list.name, list.help)->fallthrough();
        add_filters(*c, w, list);
        c->callback([&ask, &rc, w, &list] {
            rc = w->map.empty() ? show_paged(ask, *w, list) : show_mapping(ask, w->map);
        });
    }
    add_plain_lists(*show, ask, rc);
    return *show;
}

}  // namespace isthmus::cli
