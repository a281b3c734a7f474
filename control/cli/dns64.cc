// SPDX-License-Identifier: Apache-2.0
#include "control/cli/dns64.h"

#include <iostream>
#include <memory>

#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

struct Words {
    bool all = false, dnssec_ok = false, checking_disabled = false, radvd = false;
    std::string name, type, client, view, interface;
    unsigned lifetime = 0, interval = 600;
};

int status(const Dns64Caller& c) {
    Asker there = c.there();
    Json out;
    if (const int rc = there.request("status", Json::object(), out); rc != kDone) return rc;
    if (!there.json) {
        Json views = Json::object();
        for (const Json& v : out.value("views", Json::array()))
            views[api::text_of(v, "view")] =
                v.value("synthesis", true) ? v.value("prefixes", Json()) : Json("no synthesis");
        out["views"] = views;
    }
    print_answer(there, out);
    return kDone;
}

int counters(const Dns64Caller& c, bool all) {
    Asker there = c.there();
    Json out;
    if (const int rc = there.request("counters", Json::object(), out); rc != kDone) return rc;
    if (there.json) {
        print_json(out);
        return kDone;
    }
    Json rows = Json::array();
    for (const auto& [name, counter] : out.items()) {
        if (!all && counter.value("value", Json()) == 0) continue;
        rows.push_back({{"counter", name}, {"value", counter["value"]}, {"help", counter["help"]}});
    }
    print_table(std::cout, rows, true,
                {{"counter", "counter"}, {"value", "value"}, {"help", "help"}});
    return kDone;
}

int upstreams(const Dns64Caller& c) {
    Asker there = c.there();
    Json out;
    if (const int rc = there.request("upstreams", Json::object(), out); rc != kDone) return rc;
    if (!there.json) {
        for (Json& u : out) {
            const auto healthy = api::number_of(u, "healthy_threads", 0),
                       threads = api::number_of(u, "threads", 0);
            u["state"] = healthy == threads ? Json("healthy")
                         : healthy == 0     ? Json("down")
                                            : Json("down for " + std::to_string(threads - healthy) +
                                                   " of " + std::to_string(threads) + " threads");
        }
    }
    print_answer(there, out,
                 {{"upstream", "upstream"},
                  {"state", "state"},
                  {"rtt_ms", "RTT ms"},
                  {"queries", "queries"},
                  {"answers", "answers"},
                  {"failures", "failures"},
                  {"in_flight", "in flight"}});
    return kDone;
}

void print_explanation(std::ostream& out, const Json& e) {
    for (const Json& step : e.value("steps", Json::array())) out << cell_text(step) << "\n";
    for (const Json& r : e.value("ready", Json::array())) {
        out << "thread " << cell_text(r.value("thread", Json()))
            << " has an answer ready: " << cell_text(r.value("why", Json())) << ", for "
            << cell_text(r.value("seconds_left", Json())) << " s more\n";
    }
    const Json a = e.value("answer", Json::object());
    const auto text = [&](const char* key) { return cell_text(a.value(key, Json())); };
    out << "answer: " << text("rcode") << ", " << text("why") << " (" << text("help") << "; "
        << text("source") << "), kept for " << text("cached_seconds") << " s\n";
    for (const Json& r : a.value("records", Json::array())) out << "    " << cell_text(r) << "\n";
}

int explain(const Dns64Caller& c, const Words& w) {
    Asker there = c.there();
    Json params{{"name", w.name}, {"do", w.dnssec_ok}, {"cd", w.checking_disabled}}, out;
    if (!w.type.empty()) params["type"] = w.type;
    if (!w.client.empty()) params["client"] = w.client;
    if (const int rc = there.request("explain", params, out); rc != kDone) return rc;
    if (there.json) {
        print_json(out);
    } else {
        print_explanation(std::cout, out);
    }
    return kDone;
}

/// radvd.conf(5). The versions before 2.20 know no nat64prefix.
void print_radvd(std::ostream& out, const Json& options, const std::string& interface) {
    const std::string indent = interface.empty() ? "" : "    ";
    out << "# PREF64 (RFC 8781) for radvd 2.20 or later; radvd 2.19, of Debian 12, knows no "
           "nat64prefix.\n";
    if (interface.empty()) {
        out << "# To be put into \"interface NAME { ... };\" of radvd.conf(5).\n";
    } else {
        out << "interface " << interface << "\n{\n    AdvSendAdvert on;\n";
    }
    for (const Json& o : options) {
        out << indent << "nat64prefix " << api::text_of(o, "prefix") << "\n"
            << indent << "{\n"
            << indent << "    AdvValidLifetime " << api::number_of(o, "lifetime_seconds", 0)
            << ";\n"
            << indent << "};\n";
    }
    if (!interface.empty()) out << "};\n";
}

int pref64(const Dns64Caller& c, const Words& w, bool has_lifetime) {
    Asker there = c.there();
    Json params{{"max_interval_seconds", w.interval}}, out;
    if (!w.view.empty()) params["view"] = w.view;
    if (has_lifetime) params["lifetime_seconds"] = w.lifetime;
    if (const int rc = there.request("pref64", params, out); rc != kDone) return rc;
    if (there.json) {
        print_json(out);
        return kDone;
    }
    if (!out.value("synthesis", true))
        std::cerr << "isthmusctl: warning: view " << api::text_of(out, "view")
                  << " has no synthesis: its clients get no addresses below these prefixes\n";
    const Json options = out.value("options", Json::array());
    if (w.radvd) {
        print_radvd(std::cout, options, w.interface);
    } else {
        print_table(std::cout, options, true,
                    {{"prefix", "prefix"},
                     {"lifetime_seconds", "lifetime s"},
                     {"option", "option's octets"}});
    }
    return kDone;
}

void add_explain(args::Command& dns64, const Dns64Caller& c, const std::shared_ptr<Words>& w) {
    auto* e = dns64.add_subcommand("explain", "what would be answered now, and why, step by step");
    e->fallthrough();
    e->footer(
        "Upstreams are asked where the cache has nothing; the cache stays as it is.\n"
        "Of an address the reverse name is explained.");
    e->add_option("name", w->name, "domain name or address")->required();
    e->add_option("--type", w->type, "AAAA, A, PTR or another; without: AAAA, of addresses PTR");
    e->add_option("--client", w->client,
                  "address of the client; without: a client of the default view");
    e->add_flag("--do", w->dnssec_ok, "the client wants DNSSEC records");
    e->add_flag("--cd", w->checking_disabled, "the client validates by itself");
    e->callback([c, w] { *c.rc = explain(c, *w); });
}

void add_pref64(args::Command& dns64, const Dns64Caller& c, const std::shared_ptr<Words>& w) {
    auto* p = dns64.add_subcommand(
        "pref64", "the prefixes for router advertisements (RFC 8781), as DNS64 gives them");
    p->fallthrough();
    p->add_flag("--radvd", w->radvd, "as radvd.conf(5) wants it; radvd 2.20 or later");
    p->add_option("--view", w->view, "of this view's clients; without: of the default view");
    p->add_option("--interface", w->interface, "with --radvd: a whole section for this interface");
    auto* lifetime =
        p->add_option("--lifetime", w->lifetime, "seconds; without: three times --max-interval")
            ->in_range(0, 65528);
    p->add_option("--max-interval", w->interval, "MaxRtrAdvInterval of the router, seconds")
        ->in_range(4, 65535)
        ->capture_default_str();
    p->callback([c, w, lifetime] { *c.rc = pref64(c, *w, lifetime->count() != 0); });
}

}  // namespace

Asker Dns64Caller::there() const {
    Asker out;
    out.json = ask->json;
    out.socket = *socket;
    out.program = "isthmus-dns64";
    out.option = "--dns64-socket";
    return out;
}

void add_dns64_commands(args::Command& app, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    const Dns64Caller c{&ask, &rc, std::make_shared<std::string>("/run/isthmus/dns64/dns64.sock")};
    auto* dns64 = app.add_subcommand("dns64", "look at and change isthmus-dns64");
    dns64->require_subcommand()->fallthrough();
    dns64->add_option("--dns64-socket", *c.socket, "socket of isthmus-dns64")
        ->capture_default_str();
    dns64->add_subcommand("status", "what runs, and whether the file is what runs")
        ->fallthrough()
        ->callback([c] { *c.rc = status(c); });
    auto* counts = dns64->add_subcommand("counters", "what was counted since the start");
    counts->fallthrough();
    counts->add_flag("--all", w->all, "those that are 0 too");
    counts->callback([c, w] { *c.rc = counters(c, w->all); });
    dns64->add_subcommand("upstreams", "the resolvers that are asked, and how they are")
        ->fallthrough()
        ->callback([c] { *c.rc = upstreams(c); });
    add_explain(*dns64, c, w);
    add_dns64_cache_commands(*dns64, c);
    add_pref64(*dns64, c, w);
}

}  // namespace isthmus::cli
