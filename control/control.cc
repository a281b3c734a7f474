// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include "common/config/diff.h"
#include "common/log/log.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAskMs = 3000;     // for the dataplane's answer
constexpr int kStatusMs = 1000;  // "is it there?"

}  // namespace

Control::Control(const std::string& file, const config::Config& cfg, api::Rights rights)
    : file_(file),
      cfg_(cfg),
      rights_(std::move(rights)),
      dataplane_(cfg_.dataplane.socket, "the dataplane"),
      commits_(cfg_.control.state_dir, cfg_.nat64, dataplane_),
      started_(std::time(nullptr)) {}

Expected<std::unique_ptr<Control>> Control::create(const std::string& file) {
    const auto loaded = config::load_file(file);
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    for (const auto& w : loaded.warnings) log::warn(w.text());
    if (const std::string why = config::why_unusable(loaded.config.nat64); !why.empty())
        return Error{file, why};
    (void)log::set_level(loaded.config.control.log_level);
    auto rights = rights_of(loaded.config.control);
    if (!rights) return rights.error();
    std::unique_ptr<Control> c(new Control(file, loaded.config, std::move(*rights)));
    auto server = api::RpcServer::listen(loaded.config.control.socket, 0666, "");
    if (!server) return server.error();
    c->server_ = std::move(*server);
    if (const Status begun = c->commits_.begin(); !begun) return begun.error();
    c->server_->set_guard(
        [self = c.get()](const api::Peer& p, api::Right r) { return self->rights_.may(p, r); });
    c->observer_ = std::make_unique<Observer>(loaded.config);
    c->commits_.on_given_up([self = c.get()] { self->dns64_follows([](const api::Json&) {}); });
    c->serve_methods();
    return c;
}

void Control::ask(const std::string& method, const Json& params, api::Reply reply) {
    dataplane_.ask(method, params, kAskMs, std::move(reply));
}

/// Once a second: is the dataplane there, and does it run what it should?
void Control::keep_in_step() {
    const std::time_t now = std::time(nullptr);
    const bool due = now >= next_try_ || next_try_ > now + 10;  // the clock may have been set back
    if (!due || asking_ || commits_.busy()) return;
    next_try_ = now + 1;
    asking_ = true;
    dataplane_.ask("status", Json::object(), kStatusMs, [this](const Expected<Json>& there) {
        asking_ = false;
        compare(there);
    });
}

void Control::compare(const Expected<Json>& there) {
    if (!there) {
        if (trouble_.empty()) {
            away_since_ = std::time(nullptr);
            log::warn(there.error().text());
        }
        trouble_ = there.error().text();
        return;
    }
    if (!trouble_.empty()) log::info("the dataplane is there again");
    trouble_.clear();
    const std::string instance = api::text_of(*there, "instance");
    const bool same = api::text_of(*there, "policy") == commits_.running_digest();
    in_step_ = same;
    if (commits_.busy()) return;
    if (same) {
        instance_ = instance;
        return;
    }
    // The logs' settings first: no binding goes unlogged. EventLog says when they are refused.
    asking_ = true;
    ask("log.configure", observer_->log_wish(), [this, instance](const Expected<Json>&) {
        asking_ = false;
        if (!commits_.busy()) bring(instance);
    });
}

void Control::bring(const std::string& instance) {
    commits_.bring([this, instance](const Status& done) {
        if (done) {
            instance_ = instance;
            in_step_ = true;
            log::info("the dataplane (instance " + instance + ") has the running policy");
        } else {
            log::error("the dataplane refuses the running policy: " + done.error().text());
            next_try_ = std::time(nullptr) + 5;
        }
    });
}

Json Control::own_status() const {
    Json out{{"version", ISTHMUS_VERSION},
             {"protocol", api::kProtocolVersion},
             {"uptime_seconds", std::time(nullptr) - started_},
             {"file", file_}};
    if (const Json waiting = commits_.waiting_json(); !waiting.is_null())
        out["waits_for_confirmation"] = waiting;
    if (const Json logs = observer_->logs(); api::truth_of(logs, "on")) {
        std::string trouble;
        for (const Json& o : logs.value("outlets", Json::array())) {
            if (const std::string state = api::text_of(o, "state"); state != "up")
                trouble += (trouble.empty() ? "" : "; ") + api::text_of(o, "name") + " " + state +
                           ": " + api::text_of(o, "error");
        }
        out["logs"] = trouble.empty() ? "up" : trouble + " (isthmusctl show logs)";
    }
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) {
        out["file_state"] = "not valid: isthmusctl reload will say why";
        return out;
    }
    Json keys = Json::array();
    for (const auto& c : config::changes(commits_.running().nat64(), loaded.config.nat64))
        keys.push_back(c.key);
    out["file_state"] =
        keys.empty() ? "is what runs" : "differs from what runs: isthmusctl reload applies it";
    out["file_differs"] = keys;
    return out;
}

Json Control::dataplane_status(const Expected<Json>& there) const {
    if (!there) {
        const std::string why = there.error().text();
        return {{"state", "away"},
                {"why", why + (why.ends_with("?") ? " See" : "; see") +
                            " systemctl status isthmus-dataplane"},
                // Nobody may have noticed before this question.
                {"since_unix_seconds", trouble_.empty() ? std::time(nullptr) : away_since_}};
    }
    Json out = *there;
    const bool same = api::text_of(out, "policy") == commits_.running_digest();
    out["policy"] = same ? "applied" : "not yet applied";
    out["state"] = "running";
    return out;
}

/// Of a dataplane that was away a moment ago, what is known is said at once.
void Control::status(const api::Reply& reply) {
    const auto tell = [this, reply](const Expected<Json>& there) {
        reply(Json{{"control", own_status()}, {"dataplane", dataplane_status(there)}});
    };
    if (!trouble_.empty()) return tell(Error{"", trouble_, api::code::kAway});
    dataplane_.ask("status", Json::object(), kStatusMs, tell);
}

void Control::run_once(int timeout_ms) {
    keep_in_step();
    commits_.tick();
    keep_drains();
    std::vector<pollfd> links;
    dataplane_.wait_for(links);
    dns64_.wait_for(links);
    server_->poll(timeout_ms, &links);
    dataplane_.serve();
    dns64_.serve();
    observer_->tell(commits_.running().nat64(), trouble_.empty() && in_step_, commits_.waits());
    observer_->serve();
}

void Control::stop() {
    const auto loaded = config::load_file(file_);
    commits_.stop(loaded.ok() ? loaded.config.nat64 : cfg_.nat64);
}

}  // namespace isthmus::control
