// SPDX-License-Identifier: Apache-2.0
#include "dns64/operator.h"

#include <grp.h>
#include <prometheus/text_serializer.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "common/config/parse_dns64.h"
#include "common/log/log.h"
#include "dns64/upstream_table.h"

namespace isthmus::dns64 {

using api::Json;

namespace {

constexpr std::time_t kListenAgain = 10;  // seconds

/// Started as root, it becomes another user later, who has to be able to remove the socket.
void give_to(const std::string& path, bool directory_too, const std::string& user) {
    if (::geteuid() != 0 || user.empty()) return;
    const passwd* p = ::getpwnam(user.c_str());
    if (p == nullptr) return;  // Service says so
    (void)!::chown(path.c_str(), p->pw_uid, p->pw_gid);
    const auto dir = std::filesystem::path(path).parent_path();
    if (directory_too) (void)!::chown(dir.c_str(), p->pw_uid, p->pw_gid);
}

}  // namespace

Expected<api::Rights> operator_rights(const config::Config& c) {
    // The package makes the default group; without the package there may be none.
    const std::string& own = c.dns64.socket_group;
    const bool no_default =
        own == config::Dns64Config{}.socket_group && ::getgrnam(own.c_str()) == nullptr;
    return api::Rights::of({c.control.admin_group + (no_default ? "" : "," + own),
                            c.control.admin_users, c.control.read_group, c.control.read_users});
}

Operator::Operator(Service& service)
    : service_(service), started_(std::time(nullptr)), gateways_([this](const auto& prefixes) {
          mailbox_.post([this, prefixes] {
              if (const Status s = service_.avoid(prefixes); !s) log::error(s.error().text());
              n_avoided_ = prefixes.size();
          });
      }) {}

void Operator::watch_gateways() {
    const config::Dns64Config& c = service_.rules().config.dns64;
    gateways_.configure(c.gateways, c.gateway_patience);
}

Expected<std::unique_ptr<Operator>> Operator::create(Service& service) {
    std::unique_ptr<Operator> o(new Operator(service));
    const config::Config& c = service.rules().config;
    auto rights = operator_rights(c);
    if (!rights) return rights.error();
    o->rights_ = std::move(*rights);
    const std::string& path = c.dns64.socket;
    if (path.empty()) return o;
    const bool fresh = !std::filesystem::exists(std::filesystem::path(path).parent_path());
    auto server = api::RpcServer::listen(path, 0666, "");
    if (!server) return Error{"dns64.socket", server.error().text()};
    give_to(path, fresh, c.dns64.user);
    o->server_ = std::move(*server);
    o->server_->set_guard(
        [self = o.get()](const api::Peer& p, api::Right r) { return self->rights_.may(p, r); });
    o->serve_methods();
    o->serve_cache();
    return o;
}

Status Operator::reload() {
    if (Status s = service_.reload(); !s) {
        refused_reloads_++;
        return s;
    }
    reloads_++;
    watch_gateways();
    auto rights = operator_rights(service_.rules().config);
    if (!rights) return rights.error();  // the service has checked them
    rights_ = std::move(*rights);
    return Done{};
}

/// A port that another program has is no reason to answer no questions: the error is said, and it
/// is tried again.
void Operator::listen() {
    const std::string& where = service_.rules().config.dns64.metrics;
    const std::time_t now = std::time(nullptr);
    if (where.empty() || http_ || (now < next_listen_ && next_listen_ <= now + kListenAgain))
        return;
    next_listen_ = now + kListenAgain;
    std::string why;
    const auto e = config::parse_endpoint(where, why);
    if (!e) return;  // load_rules() has refused it
    auto server =
        http::HttpServer::listen("dns64.metrics", e->is_v6 ? e->v6.text() : e->v4.text(), e->port,
                                 {{"/metrics", "text/plain; version=0.0.4; charset=utf-8",
                                   [this] { return metrics_text(); }}});
    if (server) {
        http_ = std::move(*server);
        http_trouble_.clear();
    } else if (http_trouble_.empty()) {
        http_trouble_ = server.error().text();
        log::error(http_trouble_ + "; goes on without metrics and tries again");
    }
}

void Operator::observe() {
    listen();
    const std::time_t now = std::time(nullptr);
    if (!http_ || looking_ || (now < next_look_ && next_look_ <= now + 1)) return;
    next_look_ = now + 1;
    looking_ = true;
    ask_workers(
        [](Worker& w) {
            w.publish_counts();
            return upstreams_json(w);
        },
        [this](const Answers& answers) {
            looking_ = false;
            auto rows = std::make_shared<const Json>(merged_upstreams(answers));
            const std::lock_guard guard(seen_lock_);
            seen_upstreams_ = std::move(rows);
        });
}

std::string Operator::metrics_text() const {
    MetricSource s{service_.workers(), nullptr, 0, 0, 0, 0, 0, 0};
    {
        const std::lock_guard guard(seen_lock_);
        s.upstreams = seen_upstreams_;
    }
    s.cache_limit_bytes = service_.cache_limit_bytes();
    s.started = started_;
    s.reloads = reloads_;
    s.refused_reloads = refused_reloads_;
    s.avoided_prefixes = n_avoided_;
    s.log_write_failures = service_.query_log().write_failures();
    return prometheus::TextSerializer().Serialize(metrics_of(s));
}

void Operator::poll(int timeout_ms, std::vector<pollfd>& also) {
    if (!watching_) {  // not before there are threads of ours, whose signals are blocked
        watching_ = true;
        watch_gateways();
    }
    observe();
    also.push_back({mailbox_.fd(), POLLIN, 0});
    if (server_) {
        server_->poll(timeout_ms, &also);
    } else if (::poll(also.data(), also.size(), timeout_ms) < 0) {
        for (pollfd& p : also) p.revents = 0;
    }
    if (also.back().revents != 0) mailbox_.serve();
    also.pop_back();
}

void Operator::ask_workers(const std::function<Json(Worker&)>& ask,
                           std::function<void(const Answers&)> done) {
    struct Round {
        Answers answers;
        std::size_t missing;
        std::function<void(const Answers&)> done;
    };
    const auto& workers = service_.workers();
    const auto round =
        std::make_shared<Round>(Round{Answers(workers.size()), workers.size(), std::move(done)});
    for (std::size_t i = 0; i < workers.size(); i++) {
        workers[i]->loop().post([this, round, ask, i, &worker = *workers[i]] {
            mailbox_.post([round, i, answer = ask(worker)] {
                round->answers[i] = answer;
                if (--round->missing == 0) round->done(round->answers);
            });
        });
    }
}

}  // namespace isthmus::dns64
