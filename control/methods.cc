// SPDX-License-Identifier: Apache-2.0
// The methods of the operator's socket (docs/control-protocol.md). What only the dataplane knows is
// passed on to it; its answer comes back as it is.
#include "common/config/diff.h"
#include "control/control.h"
#include "control/edit.h"

namespace isthmus::control {

using api::Json;
using api::Right;

Order Control::order_of(const api::Peer& peer, const Json& params, const std::string& what) const {
    Order o;
    o.what = what;
    o.uid = peer.uid;
    o.user = api::name_of_user(peer.uid);
    o.dry_run = api::truth_of(params, "dry_run");
    o.force = api::truth_of(params, "force");
    return o;
}

void Control::serve_edit(const std::string& method, MakeEdit make) {
    server_->on_peer(method, Right::admin,
                     [this, method, make = std::move(make)](
                         const api::Peer& peer, const Json& params, const api::Reply& reply) {
                         Order order = order_of(peer, params, method);
                         const auto edit = make(params, order);
                         if (!edit) return reply(edit.error());
                         commits_.change(order, *edit, reply);
                     });
}

void Control::serve_changes() {
    server_->on_peer(
        "reload", Right::admin,
        [this](const api::Peer& peer, const Json& p, const api::Reply& reply) {
            Order order = order_of(peer, p, "reload");
            const auto seconds = api::number_of(p, "confirm_seconds", 0);
            if (seconds < 0 || seconds > 86400)
                return reply(Error{"confirm_seconds", "is from 1 to 86400", api::code::kParams});
            order.confirm_seconds = static_cast<unsigned>(seconds);
            reload(order, reply);
        });
    server_->on_peer("confirm", Right::admin,
                     [this](const api::Peer& peer, const Json& p, const api::Reply& reply) {
                         commits_.confirm(order_of(peer, p, "confirm"),
                                          [this, reply](const Expected<Json>& result) {
                                              if (!result) return reply(result);
                                              reload_dns64(*result, reply);
                                          });
                     });
    server_->on_peer(
        "rollback", Right::admin,
        [this](const api::Peer& peer, const Json& p, const api::Reply& reply) {
            const auto back = api::number_of(p, "back", 1);
            if (back < 1)
                return reply(Error{"back", "is 1 or more; 0 is what runs", api::code::kParams});
            commits_.rollback(order_of(peer, p, "rollback " + std::to_string(back)),
                              static_cast<std::size_t>(back),
                              [this, reply](const Expected<Json>& result) {
                                  if (!result || result->value("dry_run", false))
                                      return reply(result);
                                  dns64_follows([answer = *result, reply](const Json& word) {
                                      Json out = answer;
                                      if (!word.is_null()) out["dns64"] = word;
                                      reply(out);
                                  });
                              });
        });
    server_->on("show.history", Right::read, [this](const Json& p) -> Expected<Json> {
        const auto id = api::number_of(p, "id", 0);
        if (id > 0) return commits_.history_entry(static_cast<std::uint64_t>(id));
        return commits_.history_json();
    });
}

/// What runs, what the file says, what was; or what differs between the first two.
Expected<Json> Control::show_config(const Json& params) const {
    const std::string which = api::text_of(params, "which");
    if (which.empty() || which == "running") {
        const auto back = api::number_of(params, "back", 0);
        if (back <= 0) return Json{{"text", commits_.running().text()}};
        const auto text = commits_.policy_back(static_cast<std::size_t>(back));
        if (!text) return text.error();
        return Json{{"text", *text}};
    }
    if (which == "defaults") return Json{{"text", config::defaults_text()}};
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    if (which == "file") return Json{{"text", config::to_text(loaded.config.nat64)}};
    if (which != "diff")
        return Error{"which", "is running, file, diff or defaults", api::code::kParams};
    return Json{{"changes",
                 changes_json(config::changes(commits_.running().nat64(), loaded.config.nat64))}};
}

void Control::serve_pool() {
    const auto serve = [this](const char* method, bool add) {
        serve_edit(method, [add](const Json& p, Order& order) -> Expected<Edit> {
            const std::string addresses = api::text_of(p, "addresses");
            const std::string ports =
                api::text_of(p, "ports").empty() ? "1024-65535" : api::text_of(p, "ports");
            if (addresses.empty()) return Error{"addresses", "are missing", api::code::kParams};
            order.what += " " + addresses;
            return Edit([=](const config::Nat64Config& now) {
                return add ? with_pool(now, addresses, ports) : without_pool(now, addresses);
            });
        });
    };
    serve("pool.add", true);
    serve("pool.remove", false);
}

/// {address, port, protocol, at}: whose it was. The dataplane says what calculation gives; when it
/// is away, the log has to do.
void Control::whois(const Json& p, const api::Reply& reply) {
    const auto t = Ipv4Addr::parse(api::text_of(p, "address"));
    const auto port = api::number_of(p, "port", -1);
    const auto proto = proto_named(api::text_of(p, "protocol"));
    const std::string when = api::text_of(p, "at");
    const auto at = when.empty() ? unix_now_ns() : unix_ns_of(when);
    if (!t || port < 0 || port > 65535)
        return reply(Error{"whois", "needs an IPv4 address and a port", api::code::kParams});
    if (!proto) return reply(Error{"protocol", "is tcp, udp or icmp", api::code::kParams});
    if (!at)
        return reply(
            Error{"at", "is a time in UTC, such as 2026-11-03T10:02:00Z", api::code::kRefused});
    const WhoisQuestion q{*t, static_cast<std::uint16_t>(port), *proto, *at};
    ask("whois.deterministic", Json{{"t", t->text()}, {"t_id", port}},
        [this, q, reply](const Expected<Json>& there) {
            observer_->whois(q, there ? *there : Json{{"in_pool", true}}, reply);
        });
}

void Control::serve_methods() {
    server_->on("version", Right::read, [](const Json&) -> Expected<Json> {
        return Json{{"program", "isthmus-control"},
                    {"version", ISTHMUS_VERSION},
                    {"protocol", api::kProtocolVersion}};
    });
    server_->on_deferred("status", Right::read,
                         [this](const Json&, const api::Reply& reply) { status(reply); });
    server_->on("show.config", Right::read, [this](const Json& p) { return show_config(p); });
    for (const char* name : {"show.counters", "show.drops", "show.ports", "show.workers",
                             "show.prefixes", "show.neighbours", "show.routes"}) {
        server_->on_deferred(name, Right::read, [this, name](const Json& p, api::Reply reply) {
            ask(name, p, std::move(reply));
        });
    }
    server_->on_deferred("show.pools", Right::read, [this](const Json& p, const api::Reply& reply) {
        ask("show.pools", p, [this, reply](const Expected<Json>& rows) {
            reply(rows ? Expected<Json>(with_deadlines(*rows, commits_.running().nat64())) : rows);
        });
    });
    // What subscribers sent: administrators only.
    for (const char* name : {"trace.start", "trace.read", "trace.stop", "show.dropped"}) {
        server_->on_deferred(name, Right::admin, [this, name](const Json& p, api::Reply reply) {
            ask(name, p, std::move(reply));
        });
    }
    server_->on("show.logs", Right::read,
                [this](const Json&) -> Expected<Json> { return observer_->logs(); });
    server_->on_deferred("whois", Right::read,
                         [this](const Json& p, const api::Reply& reply) { whois(p, reply); });
    serve_changes();
    serve_pool();
    serve_live();
}

}  // namespace isthmus::control
