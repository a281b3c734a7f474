// SPDX-License-Identifier: Apache-2.0
#include "dns64/service.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/log/log.h"
#include "dns64/upstream_forward.h"

namespace isthmus::dns64 {

namespace {

using config::Dns64Config;
using config::Endpoint;
using Wire = config::Transport;

Error not_here(const std::string& key, const std::string& remedy) {
    return Error{"dns64." + key, "not in this version; " + remedy};
}

Status check_endpoints(const Dns64Config& c) {
    for (const Endpoint& e : c.listen) {
        if (e.transport == Wire::xdp)
            return not_here("listen " + e.text(), "write an address instead of xdp:");
        if (e.transport == Wire::tls && (c.tls_certificate.empty() || c.tls_key.empty()))
            return Error{"dns64.listen " + e.text(),
                         "needs tls_certificate = \"FILE\"; and tls_key = \"FILE\";"};
    }
    return Done{};
}

/// Keys that the configuration knows and nothing here reads.
Status check_supported(const Dns64Config& c) {
    const Dns64Config fresh;
    if (Status s = check_endpoints(c); !s) return s;
    if (c.upstreams.empty())
        return Error{"dns64.upstreams",
                     "no resolver to ask; write upstreams = [ \"192.0.2.53\" ];"};
    if (c.validation == config::Validation::recursive)
        return not_here("validation = \"recursive\"", "write \"none\" or \"trust-ad\"");
    if (!c.cpus.empty())
        return not_here("cpus", "write threads = " + std::to_string(c.cpus.size()));
    struct Text {
        const char* key;
        const std::string &have, &usual;
    };
    const Text texts[] = {{"metrics", c.metrics, fresh.metrics},
                          {"socket", c.socket, fresh.socket},
                          {"trust_anchor", c.trust_anchor, fresh.trust_anchor}};
    for (const Text& t : texts) {
        if (t.have != t.usual && !t.have.empty()) return not_here(t.key, "remove the key");
    }
    return Done{};
}

std::vector<Endpoint> listen_on(const Dns64Config& c) {
    if (!c.listen.empty()) return c.listen;
    Endpoint v4, v6;
    v4.is_v6 = false;
    v4.v4 = Ipv4Addr::from_host(0x7f000001);
    v6.v6 = Ipv6Addr::from_groups({0, 0, 0, 0, 0, 0, 0, 1});
    return {v6, v4};
}

std::string texts_of(const std::vector<Endpoint>& list) {
    std::string out;
    for (const Endpoint& e : list) out += e.text() + ' ';
    return out;
}

/// What was built into sockets and memory at the start; empty: nothing of it differs.
std::string start_only_key(const Dns64Config& a, const Dns64Config& b) {
    if (texts_of(a.listen) != texts_of(b.listen)) return "listen";
    if (a.threads != b.threads) return "threads";
    if (a.user != b.user) return "user";
    if (a.tls_certificate != b.tls_certificate) return "tls_certificate";
    if (a.tls_key != b.tls_key) return "tls_key";
    if (a.cache.memory_mib != b.cache.memory_mib) return "cache.memory_mib";
    return "";
}

/// Other sockets towards upstreams are needed, or others ways to use them.
bool changes_upstream(const Dns64Config& a, const Dns64Config& b) {
    return texts_of(a.upstreams) != texts_of(b.upstreams) || a.validation != b.validation ||
           a.case_0x20 != b.case_0x20 || a.upstream_cookies != b.upstream_cookies ||
           a.tls_ca != b.tls_ca || a.limits.retransmit_ms != b.limits.retransmit_ms ||
           a.limits.queries_in_flight != b.limits.queries_in_flight;
}

bool any_tls(const std::vector<Endpoint>& list) {
    return std::any_of(list.begin(), list.end(),
                       [](const Endpoint& e) { return e.transport == Wire::tls; });
}

/// nullptr: no upstream speaks TLS.
Expected<std::shared_ptr<TlsContext>> tls_towards(const Dns64Config& c) {
    if (!any_tls(c.upstreams)) return std::shared_ptr<TlsContext>();
    return TlsContext::for_client(c.tls_ca);
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

Expected<std::shared_ptr<const Rules>> load_rules(const std::string& file) {
    const auto loaded = config::load_file(file);
    for (const auto& w : loaded.warnings) log::warn(w.text());
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    if (!loaded.config.has_dns64)
        return Error{file,
                     "has no section dns64; write dns64 = { upstreams = [ \"192.0.2.53\" ]; };"};
    if (Status s = check_supported(loaded.config.dns64); !s) return s.error();
    return Rules::make(loaded.config);
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
    const Dns64Config& c = rules_->config.dns64;
    Random random;
    for (std::uint8_t& b : site_.cookie_secret) b = static_cast<std::uint8_t>(random.u32());
    site_.seed = random.u64();
    site_.n_workers = c.threads;
    if (any_tls(c.listen)) {
        auto tls = TlsContext::for_server(c.tls_certificate, c.tls_key);
        if (!tls) return tls.error();
        tls_ = *tls;
    }
    for (const Endpoint& e : listen_on(c)) {
        if (e.transport == Wire::udp) {
            if (Status s = check_free(e, SOCK_DGRAM); !s) return s;
        }
        if (Status s = check_free(e, SOCK_STREAM); !s) return s;
    }
    for (unsigned i = 0; i < site_.n_workers; i++) {
        if (Status s = make_worker(); !s) return s;
    }
    if (Status s = become(c.user); !s) return s;
    // As the user who will have to open it again.
    return log_.open(c.query_log.file);
}

Status Service::make_worker() {
    const Dns64Config& c = rules_->config.dns64;
    auto loop = Loop::create();
    if (!loop) return loop.error();
    const std::size_t memory = (std::size_t{c.cache.memory_mib} << 20) / site_.n_workers;
    auto cache = Cache::create(memory, site_.seed);
    if (!cache) return cache.error();
    workers_.push_back(
        std::make_unique<Worker>(std::move(*loop), site_, rules_, std::move(*cache), &log_));
    Worker& w = *workers_.back();
    auto tls = tls_towards(c);
    if (!tls) return tls.error();
    w.set_upstream(std::make_unique<Forwarder>(w.loop(), w.random(), c, *tls));
    return make_listeners(w);
}

Status Service::make_listeners(Worker& w) {
    TcpListener::Places& places = places_.emplace_back();
    for (const Endpoint& e : listen_on(rules_->config.dns64)) {
        if (e.transport == Wire::udp) {
            auto udp = UdpListener::open(w, e);
            if (!udp) return udp.error();
            udp_.push_back(std::move(*udp));
        }
        auto tcp = TcpListener::open(w, e, connections_, places,
                                     e.transport == Wire::tls ? tls_ : nullptr);
        if (!tcp) return tcp.error();
        tcp_.push_back(std::move(*tcp));
    }
    return Done{};
}

void Service::run() {
    for (const auto& w : workers_) threads_.emplace_back([&loop = w->loop()] { loop.run(); });
    beats_ = workers_.size();
}

Status Service::reload() {
    auto rules = load_rules(file_);
    if (!rules) return rules.error();
    const std::string key = start_only_key(rules_->config.dns64, (*rules)->config.dns64);
    if (!key.empty()) return Error{"dns64." + key, "changes with a restart only"};
    auto tls = tls_towards((*rules)->config.dns64);
    if (!tls) return tls.error();
    if (Status s = log_.open((*rules)->config.dns64.query_log.file); !s) return s;
    const bool other_upstream = changes_upstream(rules_->config.dns64, (*rules)->config.dns64);
    rules_ = *rules;
    for (const auto& w : workers_) {
        w->loop().post([&worker = *w, r = rules_, t = *tls, other_upstream] {
            worker.replace_rules(r);
            if (!other_upstream) return;
            worker.set_upstream(
                std::make_unique<Forwarder>(worker.loop(), worker.random(), r->config.dns64, t));
        });
    }
    return Done{};
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
}

}  // namespace isthmus::dns64
