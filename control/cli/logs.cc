// SPDX-License-Identifier: Apache-2.0
#include "control/cli/logs.h"

#include <charconv>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <vector>

#include "control/cli/table.h"
#include "control/logs/whois.h"

namespace isthmus::cli {

namespace {

int show_logs(Asker& ask) {
    Json out;
    if (const int rc = ask.request("show.logs", Json::object(), out); rc != 0) return rc;
    if (ask.json) {
        print_json(out);
        return kDone;
    }
    if (!api::truth_of(out, "on")) {
        std::cout << "no logs: control.logs in the configuration file is empty\n";
        return kDone;
    }
    print_table(std::cout, out.value("outlets", Json::array()), true,
                {{"name", "log"},
                 {"state", "state"},
                 {"delivered", "delivered"},
                 {"lost", "lost"},
                 {"spooled_bytes", "spooled"},
                 {"to", "to"},
                 {"error", "error"}});
    const auto n = [&](const char* name) {
        return static_cast<std::uint64_t>(api::number_of(out, name, 0));
    };
    std::cout << count_text(n("records"), "record") << " from the dataplane since control started, "
              << n("waiting") << " waiting; newest: " << cell_text(out.value("newest", Json()))
              << "\n"
              << count_text(n("gaps"), "gap") << " with " << count_text(n("lost"), "lost record")
              << " on the way from the dataplane"
              << (api::truth_of(out, "connected") ? "" : "; the dataplane is away") << "\n";
    return kDone;
}

struct WhoisWords {
    std::string where, at, protocol;
    std::vector<std::string> logs;
};

void print_whois(const Json& a) {
    const auto row = [](const char* name, const std::string& value) {
        std::cout << "  " << name << std::string(12 - std::string(name).size(), ' ') << value
                  << "\n";
    };
    std::cout << api::text_of(a, "t") << ":" << api::number_of(a, "t_id", 0) << " "
              << api::text_of(a, "protocol") << " at " << api::text_of(a, "at") << "\n";
    if (api::truth_of(a, "found")) {
        std::string who = api::text_of(a, "x");
        if (a.contains("x_id")) who += " port " + std::to_string(api::number_of(a, "x_id", 0));
        row("subscriber", who);
        row("by", api::text_of(a, "by"));
        if (a.contains("from")) {
            row("from", a["from"].is_null() ? "before the log begins" : cell_text(a["from"]));
            row("until", a["until"].is_null() ? "not ended" : cell_text(a["until"]));
        }
    } else {
        row("subscriber", "nobody had it, by the log");
    }
    const Json reasons = a.value("reasons", Json::array());
    row(api::truth_of(a, "certain") ? "certain" : "uncertain",
        reasons.empty() ? "no record is missing that could say otherwise" : cell_text(reasons[0]));
    for (std::size_t i = 1; i < reasons.size(); i++) row("", cell_text(reasons[i]));
}

std::uint64_t now_ns() {
    const auto t = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(t).count());
}

/// The answer of logs that were put away; nobody is asked. An error says what is wrong.
Expected<Json> whois_in(const WhoisWords& w, const std::string& address, unsigned port) {
    control::WhoisQuestion q;
    const auto t = Ipv4Addr::parse(address);
    if (!t) return Error{"", "\"" + address + "\" is not an IPv4 address"};
    const auto at = w.at.empty() ? now_ns() : control::unix_ns_of(w.at);
    if (!at) return Error{"", "--at: write a time such as 2026-11-03T10:02:00Z"};
    q.t = *t;
    q.t_id = static_cast<std::uint16_t>(port);
    q.at_ns = *at;
    for (const Proto p : {Proto::tcp, Proto::udp, Proto::icmp}) {
        if (name_of(p) == w.protocol) q.proto = p;
    }
    control::Whois whois(q);
    for (const std::string& name : w.logs) {
        std::ifstream file;
        if (name != "-") file.open(name);
        std::istream& in = name == "-" ? std::cin : file;
        if (!in) return Error{name, "cannot be read"};
        for (std::string line; std::getline(in, line);) whois.read(line);
    }
    return whois.answer();
}

/// Deterministic ports are in no record; the log has the parameters that were in force.
void print_parameters(const Json& answer) {
    const std::string parameters = api::text_of(answer, "deterministic_parameters");
    if (!parameters.empty() && parameters != "null")
        std::cout << "deterministic NAT was on; its ports are in no record. With these parameters, "
                     "isthmusctl deterministic ADDRESS:PORT answers:\n  "
                  << parameters << "\n";
}

int whois_of(Asker& ask, const WhoisWords& w) {
    const std::size_t colon = w.where.rfind(':');
    unsigned port = 65536;
    if (colon != std::string::npos) {
        const char* const end = w.where.data() + w.where.size();
        const auto [at, error] = std::from_chars(w.where.data() + colon + 1, end, port);
        if (error != std::errc{} || at != end) port = 65536;
    }
    if (port > 65535) {
        std::cerr << "isthmusctl whois: write address and port: 203.0.113.9:41022\n";
        return kUsage;
    }
    const std::string address = w.where.substr(0, colon);
    Json out;
    if (!w.logs.empty()) {
        const auto answer = whois_in(w, address, port);
        if (!answer) {
            std::cerr << "isthmusctl whois: " << answer.error().text() << "\n";
            return kUsage;
        }
        out = *answer;
    } else if (const int rc = ask.request(
                   "whois",
                   {{"address", address}, {"port", port}, {"protocol", w.protocol}, {"at", w.at}},
                   out);
               rc != 0) {
        return rc;
    }
    if (ask.json) {
        print_json(out);
    } else {
        print_whois(out);
        if (!w.logs.empty() && !api::truth_of(out, "found")) print_parameters(out);
    }
    return api::truth_of(out, "found") ? kDone : kRefused;
}

}  // namespace

void add_log_commands(args::Command& app, args::Command& shows, Asker& ask, int& rc) {
    shows.add_subcommand("logs", "the NAT's logs: what they took, what was lost")
        ->fallthrough()
        ->callback([&ask, &rc] { rc = show_logs(ask); });
    const auto w = std::make_shared<WhoisWords>();
    auto* whois = app.add_subcommand("whois", "whose was a public address and port at a time?");
    whois->fallthrough();
    whois->add_option("address", w->where, "203.0.113.9:41022")->required();
    whois->add_option(
        "--at", w->at,
        "2026-11-03T10:02:00Z, or with another zone 2026-11-03T11:02:00+01:00; without "
        "it: now");
    whois->add_option("--protocol", w->protocol, "tcp, udp or icmp")
        ->required()
        ->one_of({"tcp", "udp", "icmp"});
    whois->add_option("--log", w->logs,
                      "a JSON log that was put away, in place of the one of isthmus-control; "
                      "several: the oldest first; - is standard input (zcat ... |)");
    whois->callback([&ask, &rc, w] { rc = whois_of(ask, *w); });
}

}  // namespace isthmus::cli
