// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include <grp.h>
#include <pwd.h>

#include <array>
#include <ctime>

#include "common/log/log.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAskMs = 3000;

bool in_group(const api::Peer& p, const std::string& name) {
    const group* g = ::getgrnam(name.c_str());
    if (g == nullptr) return false;
    if (p.gid == g->gr_gid) return true;
    const passwd* user = ::getpwuid(p.uid);
    if (user == nullptr) return false;
    std::array<gid_t, 128> groups{};
    int n = static_cast<int>(groups.size());
    if (::getgrouplist(user->pw_name, user->pw_gid, groups.data(), &n) < 0) return false;
    for (int i = 0; i < n; i++) {
        if (groups[static_cast<std::size_t>(i)] == g->gr_gid) return true;
    }
    return false;
}

}  // namespace

Control::Control(std::string file, config::Config cfg)
    : file_(std::move(file)),
      cfg_(std::move(cfg)),
      policy_(cfg_.control.state_dir, cfg_.nat64),
      started_(std::time(nullptr)) {}

Expected<std::unique_ptr<Control>> Control::create(const std::string& file) {
    const auto loaded = config::load_file(file);
    for (const auto& w : loaded.warnings) log::warn(w.text());
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    if (loaded.config.nat64.pool.empty())
        return Error{
            file,
            "nat64.pool is empty: a stateful NAT64 needs an IPv4 address (RFC 6146 section 3)"};
    (void)log::set_level(loaded.config.control.log_level);
    std::unique_ptr<Control> c(new Control(file, loaded.config));
    auto server = api::RpcServer::listen(loaded.config.control.socket, 0666, "");
    if (!server) return server.error();
    c->server_ = std::move(*server);
    if (c->policy_.recover()) {
        log::info(
            "the policy of a control that did not stop cleanly is kept; isthmusctl reload takes "
            "the file's");
    } else if (const Status kept = c->policy_.set(c->policy_.nat64()); !kept) {
        return kept.error();
    }
    c->server_->set_guard(
        [self = c.get()](const api::Peer& p, api::Right r) { return self->may(p, r); });
    c->serve_methods();
    return c;
}

bool Control::may(const api::Peer& p, api::Right right) const {
    if (p.uid == 0) return true;
    const auto& c = cfg_.control;
    if (!c.admin_group.empty() && in_group(p, c.admin_group)) return true;
    if (right == api::Right::admin) return false;
    return c.read_group.empty() || in_group(p, c.read_group);
}

bool Control::connect() {
    if (dataplane_ && !dataplane_->broken()) return true;
    auto client = api::RpcClient::connect(cfg_.dataplane.socket, 500);
    if (!client) {
        last_error_ = client.error().text();
        if (away_since_ == 0) {
            away_since_ = std::time(nullptr);
            log::warn("the dataplane is away: " + last_error_);
        }
        dataplane_.reset();
        return false;
    }
    dataplane_ = std::move(*client);
    return true;
}

Expected<Json> Control::ask(const std::string& method, const Json& params) {
    if (!connect())
        return Error{"", "the dataplane is away (" + last_error_ + "); start isthmus-dataplane"};
    return dataplane_->call(method, params, kAskMs);
}

void Control::keep_in_step() {
    const std::time_t now = std::time(nullptr);
    if (now < next_try_) return;
    next_try_ = now + 1;
    const auto there = ask("status", Json::object());
    if (!there) return;
    const std::string instance = there->value("instance", std::string());
    const std::string wanted = policy_.text();
    if (instance == instance_ && there->value("policy", std::string()) == wanted) {
        away_since_ = 0;
        return;
    }
    const auto applied = dataplane_->call("policy.apply", Json{{"text", wanted}}, kAskMs);
    if (!applied) {
        log::error("the dataplane refuses the running policy: " + applied.error().text());
        next_try_ = now + 5;
        return;
    }
    instance_ = instance;
    away_since_ = 0;
    log::info("the dataplane (instance " + instance + ") has the running policy");
}

Expected<Json> Control::commit(const config::Nat64Config& next, bool dry_run) {
    Json changed = config::changed_keys(policy_.nat64(), next);
    for (const Json& key : changed) {
        const std::string name = key.get<std::string>();
        if (!name.empty() && name.back() == '*') {
            return Error{name.substr(0, name.size() - 1),
                         "takes effect only when isthmus-dataplane starts; nothing was changed. "
                         "Restart both programs, or put the old value back"};
        }
    }
    const auto applied =
        ask("policy.apply", Json{{"text", config::to_text(next)}, {"dry_run", dry_run}});
    if (!applied) return Error{"", "nothing was changed: " + applied.error().text()};
    if (!dry_run) {
        const Status kept = policy_.set(next);
        if (!kept) {
            (void)ask("policy.apply", Json{{"text", policy_.text()}});
            return Error{"", "nothing was changed: " + kept.error().text()};
        }
    }
    return Json{{"changed", changed},
                {"dry_run", dry_run},
                {"generation", applied->value("generation", 0)}};
}

Expected<Json> Control::reload(const Json& params) {
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) return Error{"", loaded.error_text() + "\nnothing was changed"};
    if (loaded.config.nat64.pool.empty())
        return Error{file_, "nat64.pool is empty; nothing was changed"};
    return commit(loaded.config.nat64, params.value("dry_run", Json(false)) == true);
}

Expected<Json> Control::status() {
    Json out{{"control",
              {{"version", ISTHMUS_VERSION},
               {"uptime_seconds", std::time(nullptr) - started_},
               {"file", file_}}}};
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) {
        out["control"]["file_state"] = "not valid: isthmusctl reload will say why";
    } else {
        const auto keys = config::changed_keys(policy_.nat64(), loaded.config.nat64);
        out["control"]["file_state"] =
            keys.empty() ? "is what runs" : "differs from what runs: isthmusctl reload applies it";
        out["control"]["file_differs"] = keys;
    }
    auto dataplane = ask("status", Json::object());
    if (dataplane) {
        const bool applied = dataplane->value("policy", std::string()) == policy_.text();
        (*dataplane)["policy"] = applied ? "applied" : "not yet applied";
        out["dataplane"] = *dataplane;
        out["dataplane"]["state"] = "running";
    } else {
        out["dataplane"] = {{"state", "away"},
                            {"why", dataplane.error().text()},
                            {"since_unix_seconds", away_since_}};
    }
    return out;
}

void Control::serve_methods() {
    using api::Right;
    server_->on("status", Right::read, [this](const Json&) { return status(); });
    server_->on("show.config", Right::read, [this](const Json&) -> Expected<Json> {
        return Json{{"text", policy_.text()}};
    });
    for (const char* name :
         {"show.counters", "show.drops", "show.ports", "show.workers", "show.pools",
          "show.prefixes", "show.bindings", "show.sessions", "show.neighbours", "show.routes"}) {
        server_->on(name, Right::read, [this, name](const Json& p) { return ask(name, p); });
    }
    server_->on("reload", Right::admin, [this](const Json& p) { return reload(p); });
    const auto pool = [this](const Json& p, bool add) -> Expected<Json> {
        if (!p.contains("addresses") || !p["addresses"].is_string())
            return Error{"pool", "needs addresses"};
        const std::string addresses = p["addresses"];
        const std::string ports = p.contains("ports") && p["ports"].is_string()
                                      ? p["ports"].get<std::string>()
                                      : "1024-65535";
        const auto next = add ? with_pool(policy_.nat64(), addresses, ports)
                              : without_pool(policy_.nat64(), addresses);
        if (!next) return Error{"", next.error().text() + "; nothing was changed"};
        return commit(*next, false);
    };
    server_->on("pool.add", Right::admin, [pool](const Json& p) { return pool(p, true); });
    server_->on("pool.remove", Right::admin, [pool](const Json& p) { return pool(p, false); });
}

void Control::run_once(int timeout_ms) {
    keep_in_step();
    server_->poll(timeout_ms);
}

void Control::stop() { policy_.forget(); }

}  // namespace isthmus::control
