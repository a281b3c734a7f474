// SPDX-License-Identifier: Apache-2.0
#include "control/cli/live.h"

#include <iostream>
#include <memory>

#include "control/cli/changes.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

struct Caller {
    Asker* ask;
    int* rc;  // the exit status of the program
};

/// What the options of these commands are read into; lives as long as the program's App.
struct Words {
    std::string addresses, deadline, prefix, protocol, ipv4, ports, ipv6, ipv6_ports;
    std::string subscriber, pool_address, remote, address, pool_ports = "1024-65535";
    std::vector<std::string> session;
    bool outside_pool = false, force = false, dry_run = false, all = false;
};

int change(const Caller& c, const std::string& method, const Json& params) {
    return cli::change(*c.ask, method, params, true);
}

void add_pool(args::Command& pool, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* add = pool.add_subcommand("add", "add addresses")->fallthrough();
    add->add_option("addresses", w->addresses, "address, prefix or range")->required();
    add->add_option("--ports", w->pool_ports, "FIRST-LAST")->capture_default_str();
    add->add_flag("--dry-run", w->dry_run, "say what would change");
    add->callback([c, w] {
        *c.rc = change(
            c, "pool.add",
            {{"addresses", w->addresses}, {"ports", w->pool_ports}, {"dry_run", w->dry_run}});
    });
    auto* remove =
        pool.add_subcommand("remove", "remove addresses and close their sessions")->fallthrough();
    remove->add_option("addresses", w->addresses, "address, prefix or range")->required();
    remove->add_flag("--dry-run", w->dry_run, "say what would change, and what that would close");
    remove->callback([c, w] {
        *c.rc = change(c, "pool.remove", {{"addresses", w->addresses}, {"dry_run", w->dry_run}});
    });
}

void add_drain(args::Command& pool, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* drain = pool.add_subcommand(
        "drain",
        "no new bindings on addresses; they leave the pool when empty, or at the deadline");
    drain->fallthrough();
    drain->add_option("addresses", w->addresses, "address, prefix or range")->required();
    drain->add_option("--deadline", w->deadline, "after that time: 90s, 30m, 2h, 1d");
    drain->add_flag("--dry-run", w->dry_run, "say what would change");
    drain->callback([c, w] {
        *c.rc = change(
            c, "pool.drain",
            {{"addresses", w->addresses}, {"deadline", w->deadline}, {"dry_run", w->dry_run}});
    });
    auto* undrain = pool.add_subcommand("undrain", "new bindings again")->fallthrough();
    undrain->add_option("addresses", w->addresses, "address, prefix or range")->required();
    undrain->add_flag("--dry-run", w->dry_run, "say what would change");
    undrain->callback([c, w] {
        *c.rc = change(c, "pool.undrain", {{"addresses", w->addresses}, {"dry_run", w->dry_run}});
    });
}

void add_prefix(args::Command& app, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* prefix = app.add_subcommand("prefix", "change the NAT64 prefixes live");
    prefix->require_subcommand()->fallthrough();
    for (const char* what : {"add", "remove"}) {
        auto* one = prefix->add_subcommand(
            what, std::string(what) == "add" ? "add one" : "remove one and close its sessions");
        one->fallthrough();
        one->add_option("prefix", w->prefix, "2001:db8:64::/96")->required();
        one->add_flag("--dry-run", w->dry_run, "say what would change and close");
        one->callback([c, w, method = std::string("prefix.") + what] {
            *c.rc = change(c, method, {{"prefix", w->prefix}, {"dry_run", w->dry_run}});
        });
    }
}

void add_eam(args::Command& app, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* eam = app.add_subcommand("eam", "change the explicit address mappings live");
    eam->require_subcommand()->fallthrough();
    auto* add = eam->add_subcommand("add", "map a prefix or address")->fallthrough();
    add->add_option("ipv4", w->ipv4, "192.0.2.7, or 192.0.2.0/28")->required();
    add->add_option("ipv6", w->ipv6, "2001:db8::7, or 2001:db8:4::/124")->required();
    add->add_flag("--dry-run", w->dry_run, "say what would change");
    add->callback([c, w] {
        *c.rc =
            change(c, "eam.add", {{"ipv4", w->ipv4}, {"ipv6", w->ipv6}, {"dry_run", w->dry_run}});
    });
    auto* remove = eam->add_subcommand("remove", "take an entry away")->fallthrough();
    remove->add_option("prefix", w->prefix, "either side of it, as it was given")->required();
    remove->add_flag("--dry-run", w->dry_run, "say what would change");
    remove->callback([c, w] {
        *c.rc = change(c, "eam.remove", {{"prefix", w->prefix}, {"dry_run", w->dry_run}});
    });
}

void add_static(args::Command& app, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* fixed = app.add_subcommand("static", "change the static bindings live");
    fixed->require_subcommand()->fallthrough();
    auto* add = fixed->add_subcommand("add", "bind an address and port to a host")->fallthrough();
    add->add_option("protocol", w->protocol, "tcp, udp, icmp or all")
        ->required()
        ->one_of({"tcp", "udp", "icmp", "all"});
    add->add_option("ipv4", w->ipv4, "address")->required();
    add->add_option("ports", w->ports, "PORT or FIRST-LAST")->required();
    add->add_option("ipv6", w->ipv6, "the host")->required();
    add->add_option("ipv6_ports", w->ipv6_ports, "its port, or as many; without: the same");
    add->add_flag("--outside-pool", w->outside_pool, "the address is not in the pool");
    add->add_flag("--force", w->force, "close dynamic bindings that are in the way");
    add->add_flag("--dry-run", w->dry_run, "say what would change and close");
    add->callback([c, w] {
        *c.rc = change(c, "static.add",
                       {{"protocol", w->protocol},
                        {"ipv4", w->ipv4},
                        {"ports", w->ports},
                        {"ipv6", w->ipv6},
                        {"ipv6_ports", w->ipv6_ports},
                        {"outside_pool", w->outside_pool},
                        {"force", w->force},
                        {"dry_run", w->dry_run}});
    });
    auto* remove = fixed->add_subcommand("remove", "and close its sessions")->fallthrough();
    remove->add_option("protocol", w->protocol, "tcp, udp, icmp or all")
        ->required()
        ->one_of({"tcp", "udp", "icmp", "all"});
    remove->add_option("ipv4", w->ipv4, "address")->required();
    remove->add_option("ports", w->ports, "as they were given")->required();
    remove->add_flag("--dry-run", w->dry_run, "say what would change and close");
    remove->callback([c, w] {
        *c.rc = change(c, "static.remove",
                       {{"protocol", w->protocol},
                        {"ipv4", w->ipv4},
                        {"ports", w->ports},
                        {"dry_run", w->dry_run}});
    });
}

int clear(const Caller& c, const Words& w) {
    Json params{{"all", w.all}};
    const int given = (w.all ? 1 : 0) + (w.subscriber.empty() ? 0 : 1) +
                      (w.pool_address.empty() ? 0 : 1) + (w.remote.empty() ? 0 : 1) +
                      (w.session.empty() ? 0 : 1);
    if (given != 1) {
        std::cerr << "isthmusctl clear sessions: say what: one of --all, --subscriber, --session, "
                     "--pool-address, "
                     "--remote\n";
        return 2;
    }
    if (w.dry_run) params["dry_run"] = true;
    if (!w.subscriber.empty()) params["subscriber"] = w.subscriber;
    if (!w.pool_address.empty()) params["pool_address"] = w.pool_address;
    if (!w.remote.empty()) params["remote"] = w.remote;
    if (!w.protocol.empty()) params["protocol"] = w.protocol;
    if (!w.session.empty()) {
        params["protocol"] = w.session[0];
        params["subscriber"] = w.session[1];
        params["remote"] = w.session[3];
        for (const auto& [key, text] : {std::pair{"x_id", w.session[2]}, {"z_id", w.session[4]}}) {
            if (text.empty() || text.size() > 5 ||
                text.find_first_not_of("0123456789") != std::string::npos) {
                std::cerr << "isthmusctl clear sessions: --session: \"" << text
                          << "\" is no port\n";
                return 2;
            }
            params[key] = std::stoi(text);
        }
    }
    Json out;
    if (const int rc = c.ask->request("clear", params, out); rc != 0) return rc;
    if (c.ask->json) {
        print_json(out);
        return 0;
    }
    const auto count = [&out](const char* key, const char* what) {
        return count_text(out.value(key, std::uint64_t{0}), what);
    };
    const std::string what = count("sessions", "session") + " and " + count("bindings", "binding");
    if (w.dry_run) {
        std::cout << "would close " << what << " of " << count("subscribers", "subscriber") << "\n";
        return 0;
    }
    char ms[32];
    std::snprintf(ms, sizeof ms, "%.1f", out.value("milliseconds", 0.0));
    std::cout << "closed " << what << " in " << ms << " ms\n";
    return 0;
}

void add_clear(args::Command& app, const Caller& c, const std::shared_ptr<Words>& w) {
    auto* top = app.add_subcommand("clear", "close what lives");
    top->require_subcommand()->fallthrough();
    auto* s = top->add_subcommand("sessions", "close sessions; says how many")->fallthrough();
    s->add_option("--subscriber", w->subscriber, "IPv6 address or prefix");
    s->add_option("--session", w->session,
                  "PROTOCOL X X-PORT Z Z-PORT, as show sessions prints them")
        ->expected(5, 5);
    s->add_option("--pool-address", w->pool_address, "IPv4 address of the pool");
    s->add_option("--remote", w->remote, "IPv4 address of the peer");
    s->add_option("--protocol", w->protocol, "of these only tcp, udp or icmp")
        ->one_of({"tcp", "udp", "icmp"});
    s->add_flag("--all", w->all, "everything");
    s->add_flag("--dry-run", w->dry_run, "say what that would close");
    s->callback([c, w] { *c.rc = clear(c, *w); });
}

int print(const Caller& c, const std::string& method, const Json& params) {
    Json out;
    const int rc = c.ask->request(method, params, out);
    if (rc == kDone) print_answer(*c.ask, out);
    return rc;
}

}  // namespace

void add_live_commands(args::Command& app, Asker& ask, int& rc) {
    const Caller c{&ask, &rc};
    const auto w = std::make_shared<Words>();
    auto* pool = app.add_subcommand("pool", "change the IPv4 pool live");
    pool->require_subcommand()->fallthrough();
    add_pool(*pool, c, w);
    add_drain(*pool, c, w);
    add_prefix(app, c, w);
    add_eam(app, c, w);
    add_static(app, c, w);
    add_clear(app, c, w);
    auto* check = app.add_subcommand("check", "the invariants of the tables, in every worker");
    check->fallthrough();
    check->callback([c] { *c.rc = print(c, "check", Json::object()); });
    auto* det = app.add_subcommand("deterministic", "RFC 7422, both ways")->fallthrough();
    det->add_option("address", w->address, "2001:db8:1::/64, or 203.0.113.9:4711")->required();
    det->callback([c, w] { *c.rc = print(c, "deterministic", {{"address", w->address}}); });
}

}  // namespace isthmus::cli
