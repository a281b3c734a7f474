// SPDX-License-Identifier: Apache-2.0
// Live change: policies applied with a preview, sessions cleared, the tables' invariants checked;
// and what an operator of a carrier asks: who has which block, whose port is this.
#include <chrono>
#include <memory>

#include "common/config/diff.h"
#include "common/config/parse.h"
#include "common/config/validate.h"
#include "common/log/log.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/preview.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;
using api::Reply;
using Clock = std::chrono::steady_clock;

namespace {

double milliseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

using api::text_of;
using api::truth_of;

/// An identifier or port among the parameters; -1: not given.
Expected<int> id_of(const Json& p, const char* name) {
    if (!p.contains(name)) return -1;
    if (!p[name].is_number_integer() || p[name] < 0 || p[name] > 65535)
        return Error{name, "is a port or identifier from 0 to 65535"};
    return p[name].get<int>();
}

Json closed(std::uint64_t bindings, std::uint64_t sessions) {
    return {{"bindings", bindings}, {"sessions", sessions}};
}

}  // namespace

/// The policy in `text`, when it may run here.
Expected<config::Nat64Config> Agent::acceptable(const std::string& text) const {
    const config::Loaded loaded = config::load_text(text, "policy");
    if (!loaded.ok()) return Error{"", loaded.error_text()};
    const config::Nat64Config& next = loaded.config.nat64;
    for (const config::Change& c : config::changes(cfg_.nat64, next)) {
        if (!c.start_only) continue;
        return Error{c.key,
                     "takes effect when isthmus-dataplane starts: restart it, or put back what it "
                     "was started with"};
    }
    const auto own = kernel_->own_ipv4();
    std::vector<Ipv4Addr> host;
    host.reserve(own.size());
    for (const std::uint32_t a : own) host.push_back(Ipv4Addr::from_host(a));
    const auto problems = config::pool_against_host(next, host, "");
    if (!problems.empty()) return Error{"", problems.front().what};
    return next;
}

void Agent::begin_apply(const Json& params, const Reply& reply) {
    struct Change {
        std::string text;
        bool dry_run = false, force = false;
        config::Nat64Config policy;
        std::unique_ptr<pipeline::Snapshot> next;
        std::unique_ptr<Preview> preview;
    };
    auto c = std::make_shared<Change>();
    c->text = text_of(params, "text");
    c->dry_run = truth_of(params, "dry_run");
    c->force = truth_of(params, "force");
    if (c->text.empty()) return reply(Error{"policy.apply", "needs text"});
    jobs_.add([this, c, reply] {
        if (c->next == nullptr) {
            auto policy = acceptable(c->text);
            if (!policy) return reply(policy.error()), true;
            c->policy = std::move(*policy);
            auto next = compile_policy(&c->policy);
            if (!next) return reply(next.error()), true;
            const Status fits = deterministic_stays(**next);
            if (!fits) return reply(fits.error()), true;
            c->next = std::move(*next);
            c->preview = std::make_unique<Preview>(workers_, current_, *c->next);
        }
        if (!Preview::harmless(current_, *c->next) && !c->preview->step()) return false;
        if (!c->preview->holders.empty() && !c->force && !c->dry_run) {
            std::string text = "a static binding is in the way of what lives:";
            for (const std::string& h : c->preview->holders) text += "\n  " + h;
            return reply(Error{"", text + "\nclose it with --force, or choose another port"}), true;
        }
        Json closes = closed(c->preview->bindings, c->preview->sessions);
        closes["subscribers"] = c->preview->subscribers();
        Json answer{{"generation", current_.generation},
                    {"instance", instance_},
                    {"closes", closes},
                    {"holders", c->preview->holders},
                    {"dry_run", c->dry_run}};
        if (c->dry_run) return reply(answer), true;
        const Status done = run_policy(c->policy, c->text);
        if (!done) return reply(done.error()), true;
        answer["generation"] = current_.generation;
        reply(answer);
        return true;
    });
}

/// The ports of deterministic subscribers follow from the order of the addresses: those that are
/// there stay where they are.
Status Agent::deterministic_stays(const pipeline::Snapshot& next) const {
    const nat::Deterministic &a = current_.nat.deterministic, &b = next.nat.deterministic;
    if (!current_.has_policy || !a.on) return Done{};
    const auto refuse = [](const char* what) {
        return Error{"nat64.deterministic", std::string(what) +
                                                ": this changes whose ports are whose; restart "
                                                "isthmus-dataplane to do it"};
    };
    if (a.n_slots > b.n_slots) return refuse("an address of its pool is gone");
    for (unsigned i = 0; i < a.n_slots; i++) {
        if (a.slot[i] != b.slot[i]) return refuse("the addresses of its pool are in another order");
    }
    if (a.ports_each != b.ports_each || a.first_port != b.first_port)
        return refuse("the ports of its pool changed");
    return Done{};
}

Status Agent::run_policy(const config::Nat64Config& policy, const std::string& text) {
    const auto before = std::pair(policy_, has_policy_);
    policy_ = policy;
    has_policy_ = true;
    const Status done = republish();
    if (!done) {
        std::tie(policy_, has_policy_) = before;
        return done.error();
    }
    policy_text_ = text;
    log::info("policy applied, generation " + std::to_string(current_.generation));
    return Done{};
}

/// What shall be cleared, from the parameters of a request: at least one of them, or "all".
Expected<nat::ClearOrder> Agent::clear_order(const Json& p) const {
    nat::ClearOrder o;
    bool named = truth_of(p, "all");
    if (const std::string s = text_of(p, "subscriber"); !s.empty()) {
        const auto prefix = Prefix6::parse(s, Prefix6::Bare::allow);
        if (!prefix) return prefix.error();
        o.subscriber = *prefix;
        named = true;
    }
    if (const std::string s = text_of(p, "pool_address"); !s.empty()) {
        const auto a = Ipv4Addr::parse(s);
        o.slot = a ? current_.nat.slot_of(*a) : -1;
        if (o.slot < 0) return Error{s, "is not an address of the pool; see isthmusctl show pools"};
        named = true;
    }
    if (const std::string s = text_of(p, "remote"); !s.empty()) {
        const auto a = Ipv4Addr::parse(s);
        if (!a) return Error{s, "is not an IPv4 address"};
        o.has_remote = true;
        o.z_addr = *a;
        named = true;
    }
    if (const std::string s = text_of(p, "protocol"); !s.empty()) {
        const auto proto = proto_named(s);
        if (!proto) return Error{s, "is not tcp, udp or icmp"};
        o.proto = static_cast<int>(*proto);
    }
    for (const auto& [name, where] :
         {std::pair{"x_id", &o.x_id}, std::pair{"t_id", &o.t_id}, std::pair{"z_id", &o.z_id}}) {
        const auto id = id_of(p, name);
        if (!id) return id.error();
        *where = *id;
    }
    if (!named)
        return Error{"clear", "needs to know what: a subscriber, a pool address, a remote, or all"};
    return o;
}

void Agent::preview_clear(const nat::ClearOrder& order, const Reply& reply) {
    auto walk = std::make_shared<ClearPreview>(workers_, current_, order);
    jobs_.add([walk, reply] {
        if (!walk->step()) return false;
        Json answer = closed(walk->bindings, walk->sessions);
        answer["subscribers"] = walk->subscribers();
        answer["dry_run"] = true;
        return reply(answer), true;
    });
}

void Agent::begin_clear(const Json& params, const Reply& reply) {
    const auto order = clear_order(params);
    if (!order) return reply(order.error());
    if (truth_of(params, "dry_run")) return preview_clear(*order, reply);
    struct Clearing {
        std::vector<std::uint32_t> ticket;
        std::vector<bool> done;
        Clock::time_point start;
        nat::ClearResult sum;
    };
    auto c = std::make_shared<Clearing>();
    jobs_.add_waiting([this, c, o = *order, reply] {
        if (c->ticket.empty()) {
            c->start = Clock::now();
            for (unsigned w = 0; w < workers_.n_workers(); w++)
                c->ticket.push_back(workers_.state(w).engine.post_clear(o));
            c->done.assign(c->ticket.size(), false);
        }
        bool all = true;
        for (unsigned w = 0; w < c->ticket.size(); w++) {
            nat::ClearResult part;
            if (c->done[w]) continue;
            if (!workers_.state(w).engine.clear_done(c->ticket[w], part)) {
                all = false;
                continue;
            }
            c->done[w] = true;
            c->sum.bindings += part.bindings;
            c->sum.sessions += part.sessions;
        }
        if (!all) return false;
        const double ms = milliseconds_since(c->start);
        log::info("cleared " + std::to_string(c->sum.sessions) + " sessions of " +
                  std::to_string(c->sum.bindings) + " bindings");
        Json answer = closed(c->sum.bindings, c->sum.sessions);
        answer["milliseconds"] = ms;
        return reply(answer), true;
    });
}

void Agent::begin_check(const Reply& reply) {
    struct Check {
        std::vector<std::uint32_t> ticket;
        Clock::time_point start;
    };
    auto c = std::make_shared<Check>();
    jobs_.add_waiting([this, c, reply] {
        if (c->ticket.empty()) {
            c->start = Clock::now();
            for (unsigned w = 0; w < workers_.n_workers(); w++)
                c->ticket.push_back(workers_.state(w).engine.post_check());
        }
        nat::Engine::CheckResult sum, part;
        std::string faults;
        for (unsigned w = 0; w < c->ticket.size(); w++) {
            if (!workers_.state(w).engine.check_done(c->ticket[w], part)) return false;
            sum.bindings += part.bindings;
            sum.sessions += part.sessions;
            sum.ports += part.ports;
            for (unsigned i = 0; i < part.n_faults; i++) {
                faults += "\n  worker " + std::to_string(w) + ": " + part.fault[i].what + " (" +
                          std::to_string(part.fault[i].n) + " times)";
            }
        }
        if (!faults.empty()) {
            log::error("invariants are broken:" + faults);
            return reply(Error{"", "invariants are broken:" + faults +
                                       "\nplease report it with the output of isthmusctl show "
                                       "counters and show drops"}),
                   true;
        }
        return reply(Json{{"result", "every invariant holds"},
                          {"workers", c->ticket.size()},
                          {"bindings", sum.bindings},
                          {"sessions", sum.sessions},
                          {"ports", sum.ports},
                          {"milliseconds", milliseconds_since(c->start)}}),
               true;
    });
}

/// RFC 7422 s2, both ways: from a subscriber's address to its ports, from an address and port to
/// the subscriber.
Expected<Json> Agent::deterministic(const Json& params) const {
    const nat::Policy& n = current_.nat;
    if (!n.deterministic.on)
        return Error{"", "deterministic NAT is off; see nat64.deterministic in isthmus.conf(5)"};
    const std::string text = text_of(params, "address");
    const auto x = Prefix6::parse(text, Prefix6::Bare::allow);
    if (x) {
        const auto range = nat::deterministic_range(n, x->addr);
        if (!range) return Error{text, "is not within " + n.deterministic.inside.text()};
        return Json{
            {"subscriber", Prefix6{masked(x->addr, n.subscriber_bits), n.subscriber_bits}.text()},
            {"address", n.slot[range->slot].addr.text()},
            {"ports", std::to_string(range->first) + "-" + std::to_string(range->last)}};
    }
    const auto colon = text.find(':');
    const auto a = Ipv4Addr::parse(text.substr(0, colon));
    config::PortRange port;
    const bool good = a && colon != std::string::npos &&
                      config::parse_ports(text.substr(colon + 1), 0, port) &&
                      port.first == port.last;
    if (!good)
        return Error{text,
                     "write an IPv6 address or prefix, or ADDRESS:PORT as in 203.0.113.9:4711"};
    const int slot = n.slot_of(*a);
    const auto subscriber =
        slot < 0 ? std::nullopt
                 : nat::deterministic_subscriber(n, static_cast<unsigned>(slot), port.first);
    if (!subscriber)
        return Error{text,
                     "is no subscriber's by calculation; the log of blocks or bindings knows"};
    return Json{{"subscriber", Prefix6{*subscriber, n.subscriber_bits}.text()},
                {"address", a->text()},
                {"port", port.first}};
}

void Agent::serve_live_methods() {
    using api::Right;
    server_->on_deferred("policy.apply", Right::admin,
                         [this](const Json& p, const Reply& r) { begin_apply(p, r); });
    server_->on_deferred("clear", Right::admin,
                         [this](const Json& p, const Reply& r) { begin_clear(p, r); });
    server_->on_deferred("check", Right::read,
                         [this](const Json&, const Reply& r) { begin_check(r); });
    server_->on("deterministic", Right::read, [this](const Json& p) { return deterministic(p); });
}

}  // namespace isthmus::agent
