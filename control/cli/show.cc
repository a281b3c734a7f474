// SPDX-License-Identifier: Apache-2.0
#include "control/cli/show.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "control/cli/plain_lists.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

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
};

const std::vector<Paged>& paged_lists() {
    static const std::vector<Paged> lists{
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
         {}},
        {"routes",
         "routes as the workers use them",
         {{"to", "to", 24}, {"via", "via"}},
         false,
         false,
         {}},
        {"stateless", "mappings without state: EAM entries and prefixes", {}, false, false, {}}};
    return lists;
}

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

/// Page by page, each printed as it comes: a list of any length needs the memory of one page.
int show_paged(Asker& ask, const Words& w, const Paged& list) {
    Json params = params_of(w), page;
    std::uint64_t n = 0;
    bool header = true;
    for (bool more = true; more;) {
        if (w.limit != 0 && std::string_view(list.name) != "stateless")
            params["limit"] = w.limit - n;
        if (const int rc = ask.request(std::string("show.") + list.name, params, page); rc != kDone)
            return rc;
        Json rows = page.value("rows", Json::array());
        // The mappings without state come in pages of the server's length.
        if (w.limit != 0 && rows.size() > w.limit - n)
            rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(w.limit - n), rows.end());
        n += page.contains("count") ? page.value("count", std::uint64_t{0}) : rows.size();
        more = page.contains("next") && (w.count || w.limit == 0 || n < w.limit);
        if (more) params["cursor"] = page["next"];
        if (w.count) continue;
        if (ask.json) {
            for (const Json& r : rows) std::cout << api::to_text(r) << "\n";
        } else if (!rows.empty() || !more) {
            if (std::string_view(list.name) == "routes") {
                for (Json& r : rows) r["via"] = via_text(r);
            }
            print_table(std::cout, rows, header, list.columns);
            header = header && rows.empty();
        }
        if (!std::cout.flush()) return kRefused;  // nobody reads on
    }
    if (w.count) std::cout << (ask.json ? api::to_text({{"count", n}}) : std::to_string(n)) << "\n";
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
    if (std::string(list.name) == "stateless") {
        c.add_option("--map", w->map, "what this address, of either family, is mapped to");
        c.add_option("--limit", w->limit, "at most so many rows")->in_range(1, 1'000'000'000);
        c.add_flag("--count", w->count, "only how many entries");
        return;
    }
    if (std::string(list.name) == "routes") {
        c.add_option("--to", w->to, "those that cover this address, the longest prefix last");
        c.add_option("--port", w->port_name, "those by this port");
        c.add_option("--limit", w->limit, "at most so many rows")->in_range(1, 1'000'000'000);
        c.add_flag("--count", w->count, "only how many");
        return;
    }
    c.add_option("--subscriber", w->subscriber, "IPv6 prefix or address");
    c.add_option("--local,--pool-address", w->local, "address of the pool");
    if (list.of_flows)
        c.add_option("--protocol", w->protocol, "tcp, udp or icmp")->one_of({"tcp", "udp", "icmp"});
    if (list.of_flows || std::string(list.name) == "blocks")
        c.add_option("--port", w->port, "port or identifier on that address")->in_range(1, 65535);
    if (list.of_sessions) {
        c.add_option("--remote", w->remote, "IPv4 address of the peer");
        c.add_option("--remote-port", w->remote_port, "port of the peer")->in_range(1, 65535);
        c.add_option("--state", w->state, "open, or of TCP: established, trans, v6-init, ...");
    }
    c.add_option("--limit", w->limit, "at most so many rows")->in_range(1, 1'000'000'000);
    c.add_flag("--count", w->count, "only how many");
    if (!list.sort.empty())
        c.add_option("--sort", w->sort, "the largest first; at most 1000 rows, 100 without --limit")
            ->one_of(list.sort);
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
    for (const Paged& list : paged_lists()) {
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
