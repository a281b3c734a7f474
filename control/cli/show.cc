// SPDX-License-Identifier: Apache-2.0
#include "control/cli/show.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "control/cli/table.h"
#include "control/cli/workers.h"

namespace isthmus::cli {

namespace {

/// What lists are filtered by; the dataplane does it (agent/lists.h). Lives as long as the App.
struct Words {
    std::string subscriber, protocol, remote, local, state, sort, map;
    unsigned port = 0, remote_port = 0, limit = 0;
    bool count = false, all = false;
};

struct Plain {
    const char* name;
    const char* help;
    std::vector<Column> columns;  // empty: those of the rows
};

const std::vector<Plain>& plain_lists() {
    static const std::vector<Plain> lists{
        {"pools", "addresses of the pool, with ports in use and free", {}},
        {"prefixes", "the NAT64 prefixes", {}},
        {"counters",
         "what was counted since the dataplane started",
         {{"counter", "counter"}, {"value", "value"}, {"help", "help"}}},
        {"drops",
         "dropped packets by reason",
         {{"reason", "reason"}, {"packets", "packets"}, {"help", "help"}, {"source", "source"}}},
        {"ports",
         "the ports, as their devices see them",
         {{"name", "name"},
          {"driver", "driver"},
          {"link", "link"},
          {"mtu_bytes", "MTU"},
          {"mac", "MAC"},
          {"rx_packets", "packets in"},
          {"tx_packets", "packets out"},
          {"rx_missed", "missed"},
          {"punted", "to the kernel"},
          {"device", "device"}}},
        {"workers", "the workers, their CPUs and their share of the state", {}},
        {"neighbours", "next hops with their link addresses", {}},
        {"routes", "routes as the workers use them", {}}};
    return lists;
}

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
    if (w.count) p["count"] = true;
    return p;
}

/// Page by page, each printed as it comes: a list of any length needs the memory of one page.
int show_paged(Asker& ask, const Words& w, const Paged& list) {
    Json params = params_of(w), page;
    std::uint64_t n = 0;
    bool header = true;
    for (bool more = true; more;) {
        if (w.limit != 0) params["limit"] = w.limit - n;
        if (const int rc = ask.request(std::string("show.") + list.name, params, page); rc != kDone)
            return rc;
        const Json rows = page.value("rows", Json::array());
        n += page.contains("count") ? page.value("count", std::uint64_t{0}) : rows.size();
        more = page.contains("next");
        if (more) params["cursor"] = page["next"];
        if (w.count) continue;
        if (ask.json) {
            for (const Json& r : rows) std::cout << api::to_text(r) << "\n";
        } else if (!rows.empty() || !more) {
            print_table(std::cout, rows, header, list.columns);
            header = header && rows.empty();
        }
        if (!std::cout.flush()) return kRefused;  // nobody reads on
    }
    if (w.count) std::cout << (ask.json ? api::to_text({{"count", n}}) : std::to_string(n)) << "\n";
    return kDone;
}

int show_plain(Asker& ask, const Words& w, const Plain& list) {
    Json out;
    if (const int rc = ask.request(std::string("show.") + list.name, Json::object(), out);
        rc != kDone)
        return rc;
    const std::string name = list.name;
    if (name == "drops" && !w.all) {
        Json some = Json::array();
        for (const Json& d : out) {
            if (d.value("packets", Json()) != 0) some.push_back(d);
        }
        out = std::move(some);
    }
    if (name == "counters" && !ask.json) {
        Json rows = Json::array();
        for (const auto& [key, c] : out.items())
            rows.push_back({{"counter", key}, {"value", c["value"]}, {"help", c["help"]}});
        out = std::move(rows);
    }
    if (name == "workers" && !ask.json) {
        print_workers(std::cout, out);
    } else {
        print_answer(ask, out, list.columns);
    }
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
        c.add_flag("--count", w->count, "only how many entries");
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
        if (rc == kDone) print_answer(ask, out);
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
    for (const Plain& list : plain_lists()) {
        auto* c = show->add_subcommand(list.name, list.help)->fallthrough();
        if (std::string(list.name) == "drops")
            c->add_flag("--all", w->all, "reasons that never occurred too");
        c->callback([&ask, &rc, w, &list] { rc = show_plain(ask, *w, list); });
    }
    return *show;
}

}  // namespace isthmus::cli
