// SPDX-License-Identifier: Apache-2.0
#include "control/cli/explain.h"

#include <iostream>
#include <memory>

#include "control/cli/flow_words.h"
#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

constexpr const char* kHelp =
    "Without quotes the shell takes -> for a redirection: write \"to\", nothing, or quotes:\n"
    "isthmusctl explain '2001:db8::5 -> 64:ff9b::203.0.113.7 tcp 443'.\n"
    "Nothing is sent. A packet from IPv6 is taken for one that opens a connection, a packet from\n"
    "IPv4 for one that belongs to one (--tcp says otherwise); a source port that is not given is\n"
    "49152.";

struct Words {
    std::vector<std::string> flow;
    std::string from, to, protocol, tcp;
    std::uint64_t bytes = 0;
};

std::string text(const Json& o, const char* key) { return cell_text(o.value(key, Json())); }
std::uint64_t number(const Json& o, const char* key) { return o.value(key, std::uint64_t{0}); }

std::string endpoint(const Json& o, const std::string& key) {
    const std::string id = key + "_id";
    return text(o, key.c_str()) + (o.contains(id) ? " port " + text(o, id.c_str()) : "");
}

std::string packet_line(const Json& p) {
    std::string protocol = text(p, "protocol");
    if (p.contains("tcp")) protocol += p["tcp"] == "syn" ? " SYN" : " segment";
    return protocol + ", " + text(p, "bytes") + " bytes, " + endpoint(p, "source") + " -> " +
           endpoint(p, "destination");
}

std::string subscriber_line(const Json& s) {
    std::string out = text(s, "prefix") + ", worker " + text(s, "worker");
    if (!s.value("known", false)) return out + "; none of its bindings live";
    return out + ", address " + text(s, "address") + ", " +
           count_text(number(s, "bindings"), "binding") + ", " +
           count_text(number(s, "sessions"), "session");
}

std::string left_line(const Json& left) {
    std::string out = text(left, "ports") + " ports, " + text(left, "sessions") + " sessions";
    if (left.contains("blocks")) out += ", " + text(left, "blocks") + " blocks";
    if (left.contains("new_sessions_this_second"))
        out += ", " + text(left, "new_sessions_this_second") + " new sessions this second";
    return out;
}

std::string binding_line(const Json& b) {
    std::string out = text(b, "state");
    if (!b.contains("x")) return out;
    out += ": " + text(b, "x") + " port " + text(b, "x_id") + " <-> " + text(b, "t");
    if (b.contains("t_id")) out += " port " + text(b, "t_id");
    if (b.contains("kind"))
        out += " (" + text(b, "kind") + ", " + count_text(number(b, "sessions"), "session") + ")";
    if (b.contains("port_from"))
        out += ", port from " + text(b, "port_from") + " (" + text(b, "ports_free") + " free)";
    return out;
}

std::string session_line(const Json& s) {
    const std::string state = text(s, "state");
    return s.contains("idle_seconds") ? state + ", idle for " + text(s, "idle_seconds") + " s"
                                      : state;
}

std::string mtu_line(const Json& m) {
    std::string out = text(m, "link_bytes") + " bytes: " + text(m, "result");
    if (m.contains("told_bytes")) out += "; the sender is told " + text(m, "told_bytes");
    return out;
}

std::string verdict_line(const Json& e) {
    std::string verdict = text(e, "verdict");
    if (verdict == "passes") return "would pass";
    if (verdict == "kernel") return "not translated: goes to the kernel";
    if (verdict == "without state")
        return "translated without state; more is only said of flows with state";
    if (verdict == "waits") return "would wait for its next hop's link address, then pass";
    if (!e.contains("drop")) return verdict;
    const Json& d = e["drop"];
    return "would be dropped: " + text(d, "reason") + " (" + text(d, "help") + "; " +
           text(d, "source") + ")" +
           (d.value("sender_is_told", false) ? "; its sender gets an ICMP error" : "");
}

void print_explanation(std::ostream& out, const Json& e) {
    const auto line = [&](const char* name, const std::string& value) {
        out << name << std::string(12 - std::string_view(name).size(), ' ') << value << "\n";
    };
    line("packet", packet_line(e.value("packet", Json::object())));
    if (e.contains("prefix"))
        line("prefix", text(e["prefix"], "prefix") + " for " + text(e["prefix"], "remote"));
    if (e.contains("rule"))
        line("rule", "source " + text(e["rule"], "source") + ": pool " + text(e["rule"], "pool"));
    if (e.contains("subscriber")) {
        line("subscriber", subscriber_line(e["subscriber"]));
        line("left", left_line(e["subscriber"].value("left", Json::object())));
    }
    if (e.contains("binding")) line("binding", binding_line(e["binding"]));
    if (e.contains("session")) line("session", session_line(e["session"]));
    if (const Json p = e.value("pool", Json()); p.is_object()) {
        line("pool", text(p, "address") + " of " + text(p, "pool") + ", " + text(p, "state") +
                         ": " + text(p, "in_use") + " in use, " + text(p, "free") + " free");
    }
    if (const Json r = e.value("route", Json()); r.is_object())
        line("route", text(r, "to") + (r.contains("port") ? " by " + text(r, "port") : "") +
                          (r.contains("vlan") ? " vlan " + text(r, "vlan") : ""));
    if (const Json n = e.value("neighbour", Json()); n.is_object())
        line("neighbour", text(n, "address") + ", " + text(n, "state") +
                              (n.contains("mac") ? ", " + text(n, "mac") : ""));
    if (e.contains("mtu")) line("MTU", mtu_line(e["mtu"]));
    if (e.contains("hairpin")) {
        out << "It comes back, to a subscriber of ours:\n";
        if (e["hairpin"].contains("packet")) print_explanation(out, e["hairpin"]);
    }
    line("verdict", verdict_line(e));
}

int usage(const Error& e) {
    std::cerr << "isthmusctl explain: " << e.text() << "\n";
    return kUsage;
}

int explain(Asker& ask, const Words& w) {
    Json params = Json::object();
    const bool by_options = !w.from.empty() || !w.to.empty();
    if (by_options) {
        if (w.flow.size() > 1 || w.from.empty() || w.to.empty())
            return usage({"",
                          "write SOURCE to DESTINATION [PROTOCOL [PORT]], or --from ADDRESS:PORT "
                          "--to ADDRESS:PORT [PROTOCOL]"});
        if (!w.flow.empty()) params["protocol"] = w.flow.front();
        if (const Status good = take_endpoint(w.from, "source", params); !good)
            return usage(good.error());
        if (const Status good = take_endpoint(w.to, "destination", params); !good)
            return usage(good.error());
    } else {
        const auto flow = flow_of(w.flow);
        if (!flow) return usage(flow.error());
        params = *flow;
    }
    if (!w.protocol.empty()) params["protocol"] = w.protocol;
    const std::string protocol = params.value("protocol", "tcp");
    if ((protocol == "tcp" || protocol == "udp") && !params.contains("destination_id"))
        return usage({"", protocol + " needs the port that the packet goes to: " +
                              (by_options ? "--to ADDRESS:PORT"
                                          : "SOURCE to DESTINATION " + protocol + " PORT")});
    if (!w.tcp.empty()) params["tcp"] = w.tcp;
    if (w.bytes != 0) params["bytes"] = w.bytes;
    Json out;
    if (const int rc = ask.request("explain", params, out); rc != kDone) return rc;
    if (ask.json) {
        print_json(out);
    } else {
        print_explanation(std::cout, out);
    }
    return kDone;
}

}  // namespace

void add_explain_command(args::Command& app, Asker& ask, int& rc) {
    const auto w = std::make_shared<Words>();
    auto* c = app.add_subcommand("explain", "what would become of a packet now, and why");
    c->fallthrough();
    c->footer(kHelp);
    c->add_option("flow", w->flow,
                  "SOURCE [to] DESTINATION [PROTOCOL [PORT]], or PROTOCOL with --from and --to")
        ->expected(0, 6);
    c->add_option("--from", w->from, "source: ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT");
    c->add_option("--to", w->to, "destination, likewise");
    c->add_option("--protocol", w->protocol, "tcp, udp or icmp; tcp when it is not given")
        ->one_of({"tcp", "udp", "icmp"});
    c->add_option("--tcp", w->tcp, "syn: it opens a connection; data: it belongs to one")
        ->one_of({"syn", "data"});
    c->add_option("--bytes", w->bytes, "length of the IP packet; without: headers only")
        ->in_range(1, 65535);
    c->callback([&ask, &rc, w] { rc = explain(ask, *w); });
}

}  // namespace isthmus::cli
