// SPDX-License-Identifier: Apache-2.0
// isthmusctl: arguments -> request -> table or JSON. Exit codes: 0 done, 1 refused, 2 wrong usage,
// 3 no control there, 4 not allowed, 5 the dataplane is away.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "control/cli/ask.h"
#include "control/cli/changes.h"
#include "control/cli/explain.h"
#include "control/cli/flow_words.h"
#include "control/cli/live.h"
#include "control/cli/logs.h"
#include "control/cli/table.h"
#include "control/cli/trace.h"
#include "control/cli/workers.h"

namespace {

using namespace isthmus::cli;

struct Options {
    bool all = false, count = false, dry_run = false;
    std::string subscriber, protocol, remote, map, addresses, ports = "1024-65535";
    unsigned limit = 0;
};

/// Bindings and sessions come in pages; each is printed as it comes, so memory stays bounded.
int list(Asker& s, const Options& o, const std::string& method) {
    Json params = Json::object(), page;
    if (!o.subscriber.empty()) params["subscriber"] = o.subscriber;
    if (!o.protocol.empty()) params["protocol"] = o.protocol;
    if (!o.remote.empty()) params["remote"] = o.remote;
    std::uint64_t n = 0;
    bool first = true;
    for (;;) {
        if (const int rc = s.request(method, params, page); rc != 0) return rc;
        Json rows = page.value("rows", Json::array());
        if (o.limit != 0 && n + rows.size() > o.limit)
            rows.erase(rows.begin() + static_cast<long>(o.limit - n), rows.end());
        n += rows.size();
        if (!o.count && s.json) {
            for (const Json& r : rows) std::cout << r.dump() << "\n";
        } else if (!o.count && (!rows.empty() || first)) {
            print_table(std::cout, rows, first);
        }
        first = false;
        if (!page.contains("next") || (o.limit != 0 && n >= o.limit)) break;
        params["cursor"] = page["next"];
    }
    if (o.count) std::cout << (s.json ? Json{{"count", n}}.dump() : std::to_string(n)) << "\n";
    return 0;
}

int show(Asker& s, const Options& o, const std::string& what) {
    const bool maps = what == "stateless" && !o.map.empty();
    if (what == "bindings" || what == "sessions" || what == "subscribers" ||
        (what == "stateless" && !maps))
        return list(s, o, "show." + what);
    const Json params = maps ? Json{{"address", o.map}} : Json::object();
    Json out;
    if (const int rc = s.request(what == "status" ? what : "show." + what, params, out); rc != 0)
        return rc;
    if (what == "drops" && !o.all) {
        Json some = Json::array();
        for (const Json& d : out) {
            if (d["packets"] != 0) some.push_back(d);
        }
        out = some;
    }
    if (s.json) {
        std::cout << out.dump(2) << "\n";
    } else if (what == "counters") {
        Json rows = Json::array();
        for (const auto& [name, c] : out.items())
            rows.push_back({{"counter", name}, {"value", c["value"]}, {"help", c["help"]}});
        print_table(std::cout, rows, true);
    } else if (what == "workers") {
        print_workers(std::cout, out);
    } else if (out.is_array()) {
        print_table(std::cout, out, true);
    } else {
        print_object(std::cout, out);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    Asker ask;
    int rc = 0;
    CLI::App app{"isthmusctl: look at and change a running Isthmus"};
    app.require_subcommand(1);
    app.add_option("--socket", ask.socket, "control's socket")->capture_default_str();
    app.add_flag("--json", ask.json,
                 "JSON: one document; one object a line for bindings and sessions");
    app.set_version_flag("--version", std::string("isthmusctl ") + ISTHMUS_VERSION);
    app.fallthrough();
    app.add_subcommand("status", "what runs, and whether the file is what runs")->callback([&] {
        rc = show(ask, o, "status");
    });
    auto* shows = app.add_subcommand("show", "lists")->require_subcommand(1)->fallthrough();
    for (const char* what :
         {"pools", "prefixes", "bindings", "sessions", "subscribers", "blocks", "counters", "drops",
          "ports", "workers", "neighbours", "routes", "stateless"}) {
        auto* c = shows->add_subcommand(what, std::string("show ") + what)->fallthrough();
        const std::string name = what;
        if (name == "bindings" || name == "sessions") {
            c->add_option("--subscriber", o.subscriber, "IPv6 prefix or address");
            c->add_option("--protocol", o.protocol, "tcp, udp or icmp");
            c->add_option("--limit", o.limit, "at most so many rows");
            c->add_flag("--count", o.count, "only how many");
        }
        if (name == "subscribers") {
            c->add_option("--subscriber", o.subscriber, "IPv6 prefix or address");
            c->add_flag("--count", o.count, "only how many");
        }
        if (name == "sessions") c->add_option("--remote", o.remote, "IPv4 address of the peer");
        if (name == "stateless") {
            c->add_option("--map", o.map, "what this address, of either family, is mapped to");
            c->add_flag("--count", o.count, "only how many entries");
        }
        if (name == "drops") c->add_flag("--all", o.all, "reasons that never occurred too");
        c->callback([&, name] { rc = show(ask, o, name); });
    }
    add_trace_commands(app, *shows, ask, rc);
    auto* pool = app.add_subcommand("pool", "change the IPv4 pool live")
                     ->require_subcommand(1)
                     ->fallthrough();
    auto* add = pool->add_subcommand("add", "add addresses")->fallthrough();
    add->add_option("addresses", o.addresses, "address, prefix or range")->required();
    add->add_option("--ports", o.ports, "FIRST-LAST")->capture_default_str();
    add->add_flag("--dry-run", o.dry_run, "say what would change");
    add->callback([&] {
        rc = change(ask, "pool.add",
                    {{"addresses", o.addresses}, {"ports", o.ports}, {"dry_run", o.dry_run}}, true);
    });
    auto* remove =
        pool->add_subcommand("remove", "remove addresses and close their sessions")->fallthrough();
    remove->add_option("addresses", o.addresses, "address, prefix or range")->required();
    remove->add_flag("--dry-run", o.dry_run, "say what would change, and what that would close");
    remove->callback([&] {
        rc = change(ask, "pool.remove", {{"addresses", o.addresses}, {"dry_run", o.dry_run}}, true);
    });
    add_change_commands(app, *shows, ask, rc);
    add_live_commands(app, *pool, ask, rc);
    add_log_commands(app, *shows, ask, rc);
    add_explain_command(app, ask, rc);
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    replace_arrows(arguments);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? kDone : kUsage;
    }
    return rc;
}
