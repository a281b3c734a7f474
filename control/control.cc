// SPDX-License-Identifier: Apache-2.0
#include "control/control.h"

#include "common/config/diff.h"
#include "common/log/log.h"

namespace isthmus::control {

using api::Json;

namespace {

constexpr int kAskMs = 3000;     // for the dataplane's answer
constexpr int kStatusMs = 1000;  // "is it there?"
constexpr std::size_t kJobsMost = 64;

}  // namespace

Control::Control(const std::string& file, const config::Config& cfg, Rights rights)
    : file_(file),
      cfg_(cfg),
      rights_(std::move(rights)),
      policy_(cfg_.control.state_dir, cfg_.nat64),
      dataplane_(cfg_.dataplane.socket, "the dataplane"),
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
    auto rights = Rights::of(loaded.config.control);
    if (!rights) return rights.error();
    std::unique_ptr<Control> c(new Control(file, loaded.config, std::move(*rights)));
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
        [self = c.get()](const api::Peer& p, api::Right r) { return self->rights_.may(p, r); });
    c->serve_methods();
    return c;
}

void Control::ask(const std::string& method, const Json& params, api::Reply reply) {
    dataplane_.ask(method, params, kAskMs, std::move(reply));
}

void Control::enqueue(Job job) {
    jobs_.push_back(std::move(job));
    if (!job_runs_) next_job();
}

void Control::next_job() {
    while (!job_runs_ && !jobs_.empty()) {
        job_runs_ = true;
        const Job job = std::move(jobs_.front());
        jobs_.pop_front();
        job([this] {
            job_runs_ = false;
            next_job();
        });
    }
}

void Control::change(const api::Reply& reply, std::function<void(const api::Reply&)> work) {
    if (jobs_.size() >= kJobsMost) {
        return reply(Error{"", "too many changes wait for their turn; nothing was changed"});
    }
    enqueue([reply, work = std::move(work)](const std::function<void()>& over) {
        work([reply, over](const Expected<Json>& result) {
            reply(result);
            over();
        });
    });
}

/// Once a second: is the dataplane there, and does it run what it should?
void Control::keep_in_step() {
    const std::time_t now = std::time(nullptr);
    const bool due = now >= next_try_ || next_try_ > now + 10;  // the clock may have been set back
    if (!due || asking_ || job_runs_) return;
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
    const bool same = api::text_of(*there, "policy") == config::digest(policy_.text());
    if (job_runs_ || (same && instance == instance_)) return;
    if (same) {
        instance_ = instance;
    } else {
        bring_policy(instance);
    }
}

void Control::bring_policy(const std::string& instance) {
    enqueue([this, instance](const std::function<void()>& over) {
        ask("policy.apply", Json{{"text", policy_.text()}},
            [this, instance, over](const Expected<Json>& applied) {
                if (applied) {
                    instance_ = instance;
                    log::info("the dataplane (instance " + instance + ") has the running policy");
                } else {
                    log::error("the dataplane refuses the running policy: " +
                               applied.error().text());
                    next_try_ = std::time(nullptr) + 5;
                }
                over();
            });
    });
}

void Control::commit(const config::Nat64Config& next, bool dry_run, const api::Reply& reply) {
    for (const config::Change& c : config::changes(policy_.nat64(), next)) {
        if (!c.start_only) continue;
        return reply(Error{c.key,
                           "takes effect only when isthmus-dataplane starts; nothing was changed. "
                           "Restart both programs, or put the old value back"});
    }
    ask("policy.apply", Json{{"text", config::to_text(next)}, {"dry_run", dry_run}},
        [this, next, dry_run, reply](const Expected<Json>& answer) {
            if (!answer) {
                return reply(Error{"", "nothing was changed: " + answer.error().text(),
                                   answer.error().code});
            }
            if (!dry_run) return applied(next, *answer, reply);
            reply(Json{{"changed", config::changed_keys(policy_.nat64(), next)},
                       {"dry_run", true},
                       {"generation", answer->value("generation", 0)}});
        });
}

void Control::applied(const config::Nat64Config& next, const Json& answer,
                      const api::Reply& reply) {
    const auto keys = config::changed_keys(policy_.nat64(), next);
    const Status kept = policy_.set(next);
    if (kept) {
        return reply(Json{
            {"changed", keys}, {"dry_run", false}, {"generation", answer.value("generation", 0)}});
    }
    ask("policy.apply", Json{{"text", policy_.text()}}, [kept, reply](const Expected<Json>&) {
        reply(Error{"", "nothing was changed: " + kept.error().text()});
    });
}

void Control::reload(const Json& params, const api::Reply& reply) {
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) return reply(Error{"", loaded.error_text() + "\nnothing was changed"});
    if (loaded.config.nat64.pool.empty())
        return reply(Error{file_, "nat64.pool is empty; nothing was changed"});
    auto rights = Rights::of(loaded.config.control);
    if (!rights) return reply(Error{"", rights.error().text() + "; nothing was changed"});
    const bool dry_run = api::truth_of(params, "dry_run");
    commit(loaded.config.nat64, dry_run,
           [this, dry_run, fresh = *rights, section = loaded.config.control,
            reply](const Expected<Json>& result) {
               if (result && !dry_run) {
                   rights_ = fresh;
                   (void)log::set_level(section.log_level);
               }
               reply(result);
           });
}

Json Control::own_status() const {
    Json out{{"version", ISTHMUS_VERSION},
             {"protocol", api::kProtocolVersion},
             {"uptime_seconds", std::time(nullptr) - started_},
             {"file", file_}};
    const auto loaded = config::load_file(file_);
    if (!loaded.ok()) {
        out["file_state"] = "not valid: isthmusctl reload will say why";
        return out;
    }
    const auto keys = config::changed_keys(policy_.nat64(), loaded.config.nat64);
    out["file_state"] =
        keys.empty() ? "is what runs" : "differs from what runs: isthmusctl reload applies it";
    out["file_differs"] = keys;
    return out;
}

Json Control::dataplane_status(const Expected<Json>& there) const {
    if (!there) {
        return {{"state", "away"},
                {"why", there.error().text() + "; see systemctl status isthmus-dataplane"},
                {"since_unix_seconds", away_since_}};
    }
    Json out = *there;
    const bool same = api::text_of(out, "policy") == config::digest(policy_.text());
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

void Control::serve_pool() {
    const auto serve = [this](const char* method, bool add) {
        server_->on_deferred(
            method, api::Right::admin, [this, add](const Json& p, const api::Reply& reply) {
                if (!p.contains("addresses") || !p["addresses"].is_string())
                    return reply(Error{"pool", "needs addresses", api::code::kParams});
                const std::string addresses = p["addresses"];
                const std::string ports =
                    api::text_of(p, "ports").empty() ? "1024-65535" : api::text_of(p, "ports");
                change(reply, [this, add, addresses, ports](const api::Reply& done) {
                    const auto next = add ? with_pool(policy_.nat64(), addresses, ports)
                                          : without_pool(policy_.nat64(), addresses);
                    if (!next)
                        return done(Error{"", next.error().text() + "; nothing was changed"});
                    commit(*next, false, done);
                });
            });
    };
    serve("pool.add", true);
    serve("pool.remove", false);
}

void Control::serve_methods() {
    using api::Right;
    server_->on_deferred("status", Right::read,
                         [this](const Json&, const api::Reply& reply) { status(reply); });
    server_->on("show.config", Right::read, [this](const Json&) -> Expected<Json> {
        return Json{{"text", policy_.text()}};
    });
    for (const char* name :
         {"show.counters", "show.drops", "show.ports", "show.workers", "show.pools",
          "show.prefixes", "show.bindings", "show.sessions", "show.neighbours", "show.routes"}) {
        server_->on_deferred(name, Right::read, [this, name](const Json& p, api::Reply reply) {
            ask(name, p, std::move(reply));
        });
    }
    server_->on_deferred("reload", Right::admin, [this](const Json& p, const api::Reply& reply) {
        change(reply, [this, p](const api::Reply& done) { reload(p, done); });
    });
    serve_pool();
}

void Control::run_once(int timeout_ms) {
    keep_in_step();
    std::vector<pollfd> links;
    dataplane_.wait_for(links);
    server_->poll(timeout_ms, &links);
    dataplane_.serve();
}

void Control::stop() { policy_.forget(); }

}  // namespace isthmus::control
