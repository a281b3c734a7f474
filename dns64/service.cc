// SPDX-License-Identifier: Apache-2.0
#include "dns64/service.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/config/parse_dns64.h"
#include "common/log/log.h"
#include "dns64/changes.h"
#include "dns64/operator.h"
#include "dns64/upstream_forward.h"
#include "dns64/upstream_recursive.h"

namespace isthmus::dns64 {

namespace {

using config::Dns64Config;
using config::Endpoint;
using Wire = config::Transport;

Status check_endpoints(const Dns64Config& c) {
    for (const Endpoint& e : c.listen) {
        if (e.transport == Wire::xdp && !has_xdp())
            return Error{"dns64.listen " + e.text(), "this program was built without libxdp"};
        if (e.transport == Wire::tls && (c.tls_certificate.empty() || c.tls_key.empty()))
            return Error{"dns64.listen " + e.text(),
                         "needs tls_certificate = \"FILE\"; and tls_key = \"FILE\";"};
    }
    return Done{};
}

Status check_cpus(const Dns64Config& c) {
    cpu_set_t ours;
    if (c.cpus.empty() || ::sched_getaffinity(0, sizeof ours, &ours) != 0) return Done{};
    for (std::size_t i = 0; i < c.cpus.size(); i++) {
        const std::string cpu = std::to_string(c.cpus[i]);
        if (std::count(c.cpus.begin(), c.cpus.end(), c.cpus[i]) > 1)
            return Error{"dns64.cpus", cpu + " stands there twice: each has one thread"};
        if (!CPU_ISSET(c.cpus[i], &ours))
            return Error{"dns64.cpus", "this process may not run on CPU " + cpu +
                                           "; see Cpus_allowed_list in /proc/self/status"};
    }
    return Done{};
}

Status check_metrics(const Dns64Config& c) {
    std::string why;
    if (c.metrics.empty()) return Done{};
    const auto e = config::parse_endpoint(c.metrics, why);
    const bool good = e && e->transport == Wire::udp && !e->is_v6 &&
                      c.metrics.find("//") == std::string::npos && e->port != Endpoint{}.port;
    if (good) return Done{};
    // Debian 12 builds CivetWeb without IPv6.
    return Error{"dns64.metrics", "\"" + c.metrics +
                                      "\" is no IPv4 address with a port; write "
                                      "\"127.0.0.1:9465\", or \"\" for none"};
}

/// Keys that the configuration knows and nothing here reads.
Status check_supported(const Dns64Config& c) {
    const Dns64Config fresh;
    if (Status s = check_endpoints(c); !s) return s;
    if (Status s = check_metrics(c); !s) return s;
    const bool recursive = c.validation == config::Validation::recursive;
    if (c.upstreams.empty() && !recursive)
        return Error{"dns64.upstreams",
                     "no resolver to ask; write upstreams = [ \"192.0.2.53\" ]; or "
                     "validation = \"recursive\";"};
    if (!c.upstreams.empty() && recursive)
        return Error{"dns64.upstreams",
                     "with validation = \"recursive\" nobody else is asked; remove the key"};
    if (!recursive && c.trust_anchor != fresh.trust_anchor)
        return Error{"dns64.trust_anchor", "is read with validation = \"recursive\" only"};
    if (Status s = check_cpus(c); !s) return s;
    return UpstreamSource::check(c);
}

bool any_tls(const std::vector<Endpoint>& list) {
    return std::any_of(list.begin(), list.end(),
                       [](const Endpoint& e) { return e.transport == Wire::tls; });
}

/// Certificate and key of tls:// listeners. `now`: those that are used, nullptr before there are
/// any; they stay where the files are the same ones as before and cannot be read any more, since
/// who started us could read more than we.
Expected<std::shared_ptr<TlsContext>> listener_tls(const Dns64Config& c, const Dns64Config& before,
                                                   std::shared_ptr<TlsContext> now) {
    if (!any_tls(c.listen)) return now;
    if (now && c.tls_certificate == before.tls_certificate && c.tls_key == before.tls_key) {
        for (const std::string& file : {c.tls_certificate, c.tls_key}) {
            if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) continue;
            log::warn(file + " cannot be read by the user " + c.user +
                      ": the certificate that was read at the start stays in use");
            return now;
        }
    }
    return TlsContext::for_server(c.tls_certificate, c.tls_key);
}

/// What a worker's engine is made from, so that what can be wrong is found before it is wanted.
struct Engine {
    std::shared_ptr<TlsContext> tls;  // nullptr: no upstream speaks TLS
    UnboundContext recursion;         // nullptr: forwarding

    [[nodiscard]] static Expected<Engine> prepare(const Dns64Config& c) {
        Engine e;
        if (c.validation == config::Validation::recursive) {
            auto context = make_unbound(c);
            if (!context) return context.error();
            e.recursion = *context;
        } else if (any_tls(c.upstreams)) {
            auto tls = TlsContext::for_client(c.tls_ca);
            if (!tls) return tls.error();
            e.tls = *tls;
        }
        return e;
    }
    /// In the worker's thread, or before it runs.
    [[nodiscard]] std::unique_ptr<Upstream> make(Worker& w, const Dns64Config& c) const {
        if (recursion)
            return std::make_unique<Recursive>(w.loop(), w.random().u64(), recursion,
                                               2 * std::size_t{c.limits.queries_in_flight});
        return std::make_unique<Forwarder>(w.loop(), w.random(), c, tls);
    }
};

/// The file's octets; empty: it cannot be read.
std::string text_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// After the sockets are open, before there are threads.
Status become(const std::string& user) {
    if (::geteuid() != 0 || user.empty()) return Done{};
    const passwd* p = ::getpwnam(user.c_str());
    if (p == nullptr)
        return Error{"dns64.user", "no user \"" + user + "\" here; create it or name another one"};
    const bool ok =
        ::setgroups(0, nullptr) == 0 && ::setgid(p->pw_gid) == 0 && ::setuid(p->pw_uid) == 0;
    if (!ok)
        return Error{"dns64.user",
                     std::string("cannot become ") + user + ": " + std::strerror(errno)};
    return Done{};
}

}  // namespace

Expected<std::shared_ptr<const Rules>> load_rules(const std::string& file,
                                                  const std::vector<Pref64>& avoided) {
    const auto loaded = config::load_file(file);
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    for (const auto& w : loaded.warnings) log::warn(w.text());
    if (!loaded.config.has_dns64)
        return Error{file,
                     "has no section dns64; write dns64 = { upstreams = [ \"192.0.2.53\" ]; };"};
    if (Status s = check_supported(loaded.config.dns64); !s) return s.error();
    if (const auto rights = operator_rights(loaded.config); !rights) return rights.error();
    return Rules::make(loaded.config, avoided);
}

Expected<std::unique_ptr<Service>> Service::create(const std::string& file) {
    auto service = std::unique_ptr<Service>(new Service(file));
    if (Status s = service->start(); !s) return s.error();
    return service;
}

Service::~Service() { stop(); }

Status Service::start() {
    auto rules = load_rules(file_);
    if (!rules) return rules.error();
    rules_ = *rules;
    text_ = text_of(file_);
    policy_text_ = config::to_text(rules_->config.nat64);
    const Dns64Config& c = rules_->config.dns64;
    Random random;
    for (std::uint8_t& b : site_.cookie_secret) b = static_cast<std::uint8_t>(random.u32());
    site_.seed = random.u64();
    site_.n_workers = c.cpus.empty() ? c.threads : static_cast<unsigned>(c.cpus.size());
    cache_limit_bytes_ = std::uint64_t{c.cache.memory_mib} << 20;
    auto tls = listener_tls(c, c, nullptr);
    if (!tls) return tls.error();
    tls_ = *tls;
    if (Status s = find_addresses(); !s) return s;
    if (Status s = open_sockets(); !s) return s;
    if (Status s = open_interfaces(); !s) return s;
    if (Status s = become(c.user); !s) return s;
    if (!xdp_.empty() && ::geteuid() != 0) {
        if (Status s = drop_xdp_capabilities(); !s) return s;
    }
    // As the user who will have to open it again.
    return log_.configure(c.query_log);
}

Status Service::make_worker() {
    const Dns64Config& c = rules_->config.dns64;
    auto loop = Loop::create();
    if (!loop) return loop.error();
    const std::size_t memory = (std::size_t{c.cache.memory_mib} << 20) / site_.n_workers;
    auto cache = Cache::create(memory, site_.seed);
    if (!cache) return cache.error();
    workers_.push_back(std::make_unique<Worker>(std::move(*loop), site_, rules_, std::move(*cache),
                                                &log_.add_worker()));
    Worker& w = *workers_.back();
    const auto engine = Engine::prepare(c);
    if (!engine) return engine.error();
    w.set_upstream(engine->make(w, c));
    return make_listeners(w);
}

void Service::run() {
    const std::vector<std::uint16_t>& cpus = rules_->config.dns64.cpus;
    for (std::size_t i = 0; i < workers_.size(); i++) {
        std::thread& t = threads_.emplace_back([&loop = workers_[i]->loop()] { loop.run(); });
        if (cpus.empty()) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpus[i], &one);
        if (::pthread_setaffinity_np(t.native_handle(), sizeof one, &one) != 0)
            log::warn("dns64.cpus: a thread could not be moved to CPU " + std::to_string(cpus[i]));
    }
    beats_ = workers_.size();
    log_.start();
}

Expected<std::shared_ptr<const Rules>> Service::next_rules() const {
    auto rules = load_rules(file_, avoided_);
    if (!rules) return rules.error();
    const std::string key = start_only_key(rules_->config.dns64, (*rules)->config.dns64);
    if (!key.empty()) return Error{"dns64." + key, "changes with a restart only"};
    return rules;
}

Status Service::would_reload() const {
    const auto rules = next_rules();
    if (!rules) return rules.error();
    const Dns64Config& c = (*rules)->config.dns64;
    const auto tls = listener_tls(c, rules_->config.dns64, tls_);
    if (!tls) return tls.error();
    if (!changes_upstream(rules_->config.dns64, c)) return Done{};
    const auto engine = Engine::prepare(c);
    return engine ? Status(Done{}) : Status(engine.error());
}

Status Service::reload() {
    const auto rules = next_rules();
    if (!rules) return rules.error();
    const Dns64Config& c = (*rules)->config.dns64;
    const bool other_upstream = changes_upstream(rules_->config.dns64, c);
    std::vector<Engine> engines;
    for (std::size_t i = 0; other_upstream && i < workers_.size(); i++) {
        const auto engine = Engine::prepare(c);
        if (!engine) return engine.error();
        engines.push_back(*engine);
    }
    const auto tls = listener_tls(c, rules_->config.dns64, tls_);
    if (!tls) return tls.error();
    if (Status s = log_.configure(c.query_log); !s) return s;
    // Nothing fails from here on.
    text_ = text_of(file_);
    policy_text_ = config::to_text((*rules)->config.nat64);
    tls_ = *tls;
    for (const auto& l : tcp_)
        l->worker().loop().post([&listener = *l, tls = tls_] { listener.replace_tls(tls); });
    put_in_force(*rules);
    for (std::size_t i = 0; i < engines.size(); i++) {
        Worker& w = *workers_[i];
        w.loop().post(
            [&w, r = rules_, e = engines[i]] { w.set_upstream(e.make(w, r->config.dns64)); });
    }
    return Done{};
}

void Service::put_in_force(std::shared_ptr<const Rules> rules) {
    rules_ = std::move(rules);
    for (const auto& w : workers_)
        w->loop().post([&worker = *w, r = rules_] { worker.replace_rules(r); });
}

Status Service::follow(const std::string& policy) {
    const auto loaded = config::load_text(policy, "policy");
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    config::Config c = rules_->config;
    c.nat64 = loaded.config.nat64;
    auto rules = Rules::make(c, avoided_);
    if (!rules) return rules.error();
    put_in_force(*rules);
    return Done{};
}

Status Service::avoid(const std::vector<Pref64>& prefixes) {
    auto rules = Rules::make(rules_->config, prefixes);
    if (!rules) return rules.error();
    avoided_ = prefixes;
    put_in_force(*rules);
    return Done{};
}

std::string Service::file_state() const {
    if (config::to_text(rules_->config.nat64) != policy_text_)
        return "differs in section nat64 from what runs, which isthmus-control gave: a reload "
               "applies it";
    if (text_of(file_) == text_) return "is what runs";
    const auto rules = load_rules(file_);
    return rules ? "has changed since it was read: a reload applies it"
                 : "is not valid: " + rules.error().text();
}

bool Service::alive() {
    if (beats_.load(std::memory_order_relaxed) != workers_.size()) return false;
    beats_.store(0, std::memory_order_relaxed);
    for (const auto& w : workers_)
        w->loop().post([this] { beats_.fetch_add(1, std::memory_order_relaxed); });
    return true;
}

void Service::stop() {
    for (std::size_t i = 0; i < threads_.size(); i++) workers_[i]->loop().stop();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
    log_.stop();  // with what they said last
}

}  // namespace isthmus::dns64
