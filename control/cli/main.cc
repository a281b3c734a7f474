// SPDX-License-Identifier: Apache-2.0
// isthmusctl: arguments -> request -> table or JSON. Exit codes: 0 done, 1 refused, 2 wrong usage,
// 3 no control there, 4 not allowed.
#include <CLI/CLI.hpp>
#include <iostream>

#include "common/api/rpc.h"
#include "control/cli/table.h"

namespace {

using isthmus::api::Json;

constexpr int kRefused = 1, kUsage = 2, kNobody = 3, kForbidden = 4, kAnswerMs = 15000;

struct Options {
    std::string socket = "/run/isthmus/control.sock";
    bool json = false, all = false, dry_run = false, count = false;
    std::string subscriber, protocol, remote, addresses, ports = "1024-65535";
    unsigned limit = 0;
};

class Session {
public:
    explicit Session(const Options& o) : o_(o) {}

    int request(const std::string& method, const Json& params, Json& out) {
        if (!client_) {
            auto c = isthmus::api::RpcClient::connect(o_.socket, 3000);
            if (!c) {
                std::cerr
                    << "cannot reach isthmus-control on " << c.error().text()
                    << "\nIs it running (systemctl start isthmus-control)? Is --socket right?\n";
                return kNobody;
            }
            client_ = std::move(*c);
        }
        const auto answer = client_->call(method, params, kAnswerMs);
        if (!answer) {
            std::cerr << answer.error().text() << "\n";
            return answer.error().code == isthmus::api::code::kForbidden ? kForbidden : kRefused;
        }
        out = *answer;
        return 0;
    }

private:
    const Options& o_;
    std::optional<isthmus::api::RpcClient> client_;
};

/// Bindings and sessions come in pages; each is printed as it comes, so memory stays bounded.
int list(const Options& o, const std::string& method) {
    Session s(o);
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
        if (!o.count && o.json) {
            for (const Json& r : rows) std::cout << r.dump() << "\n";
        } else if (!o.count && (!rows.empty() || first)) {
            isthmus::cli::print_table(std::cout, rows, first);
        }
        first = false;
        if (!page.contains("next") || (o.limit != 0 && n >= o.limit)) break;
        params["cursor"] = page["next"];
    }
    if (o.count) std::cout << (o.json ? Json{{"count", n}}.dump() : std::to_string(n)) << "\n";
    return 0;
}

int show(const Options& o, const std::string& what) {
    if (what == "bindings" || what == "sessions") return list(o, "show." + what);
    Session s(o);
    Json out;
    if (const int rc = s.request(what == "status" ? what : "show." + what, Json::object(), out);
        rc != 0)
        return rc;
    if (what == "drops" && !o.all) {
        Json some = Json::array();
        for (const Json& d : out) {
            if (d["packets"] != 0) some.push_back(d);
        }
        out = some;
    }
    if (o.json) {
        std::cout << out.dump(2) << "\n";
    } else if (what == "config") {
        std::cout << out["text"].get<std::string>();
    } else if (what == "counters") {
        Json rows = Json::array();
        for (const auto& [name, c] : out.items())
            rows.push_back({{"counter", name}, {"value", c["value"]}, {"help", c["help"]}});
        isthmus::cli::print_table(std::cout, rows, true);
    } else if (out.is_array()) {
        isthmus::cli::print_table(std::cout, out, true);
    } else {
        isthmus::cli::print_object(std::cout, out);
    }
    return 0;
}

int change(const Options& o, const std::string& method, const Json& params) {
    Session s(o);
    Json out;
    if (const int rc = s.request(method, params, out); rc != 0) return rc;
    if (o.json) {
        std::cout << out.dump(2) << "\n";
        return 0;
    }
    std::string keys;
    for (const Json& k : out["changed"]) keys += (keys.empty() ? "" : ", ") + k.get<std::string>();
    const bool dry = out.value("dry_run", false);
    std::cout << (keys.empty() ? "nothing differs" : (dry ? "would change: " : "changed: ") + keys)
              << "\n";
    if (!dry && method != "reload")
        std::cout << "The configuration file does not have this: write it there too, or the next "
                     "reload takes it back.\n";
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options o;
    int rc = 0;
    CLI::App app{"isthmusctl: look at and change a running Isthmus"};
    app.require_subcommand(1);
    app.add_option("--socket", o.socket, "control's socket")->capture_default_str();
    app.add_flag("--json", o.json,
                 "JSON: one document; one object a line for bindings and sessions");
    app.set_version_flag("--version", std::string("isthmusctl ") + ISTHMUS_VERSION);
    app.fallthrough();
    app.add_subcommand("status", "what runs, and whether the file is what runs")->callback([&] {
        rc = show(o, "status");
    });
    auto* shows = app.add_subcommand("show", "lists")->require_subcommand(1)->fallthrough();
    for (const char* what : {"config", "pools", "prefixes", "bindings", "sessions", "counters",
                             "drops", "ports", "workers", "neighbours", "routes"}) {
        auto* c = shows->add_subcommand(what, std::string("show ") + what)->fallthrough();
        const std::string name = what;
        if (name == "bindings" || name == "sessions") {
            c->add_option("--subscriber", o.subscriber, "IPv6 prefix or address");
            c->add_option("--protocol", o.protocol, "tcp, udp or icmp");
            c->add_option("--limit", o.limit, "at most so many rows");
            c->add_flag("--count", o.count, "only how many");
        }
        if (name == "sessions") c->add_option("--remote", o.remote, "IPv4 address of the peer");
        if (name == "drops") c->add_flag("--all", o.all, "reasons that never occurred too");
        c->callback([&, name] { rc = show(o, name); });
    }
    auto* pool = app.add_subcommand("pool", "change the IPv4 pool live")
                     ->require_subcommand(1)
                     ->fallthrough();
    auto* add = pool->add_subcommand("add", "add addresses")->fallthrough();
    add->add_option("addresses", o.addresses, "address, prefix or range")->required();
    add->add_option("--ports", o.ports, "FIRST-LAST")->capture_default_str();
    add->callback([&] {
        rc = change(o, "pool.add", {{"addresses", o.addresses}, {"ports", o.ports}});
    });
    auto* remove =
        pool->add_subcommand("remove", "remove addresses and close their sessions")->fallthrough();
    remove->add_option("addresses", o.addresses, "address, prefix or range")->required();
    remove->callback([&] { rc = change(o, "pool.remove", {{"addresses", o.addresses}}); });
    auto* reload = app.add_subcommand("reload", "apply the configuration file")->fallthrough();
    reload->add_flag("--dry-run", o.dry_run, "say what would change");
    reload->callback([&] { rc = change(o, "reload", {{"dry_run", o.dry_run}}); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : kUsage;
    }
    return rc;
}
