// SPDX-License-Identifier: Apache-2.0
// The agent's half of the logs and the metrics.
//
// Records leave a worker's ring in two steps: events.take shows them, and lets go only of those
// that control acknowledges, so that nothing is lost when control, or its answer, is. `metrics` is
// one document of sums and states; no table is walked for it.
#include <algorithm>
#include <ctime>

#include "common/api/event.h"
#include "dataplane/agent/agent.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;

namespace {

/// UTC of the engines' origin: read anew for each answer, for the TSC drifts from the wall clock.
std::uint64_t wall_base(Now now) {
    timespec t{};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(t.tv_nsec) - now.ns.v;
}

api::Event message_of(const nat::NatEvent& e, unsigned worker, std::uint64_t base) {
    api::Event m;
    m.sequence = e.sequence;
    m.unix_ns = base + e.ns;
    m.worker = static_cast<std::uint16_t>(worker);
    m.kind = e.kind;
    m.proto = e.proto;
    m.why = e.why;
    m.group = e.group;
    m.x_bits = e.x_bits;
    m.x = e.x_addr;
    m.t = e.t_addr;
    m.z = e.z_addr;
    m.x_id = e.x_id.host();
    m.t_id = e.t_id.host();
    m.z_id = e.z_id.host();
    m.t_last = e.t_last;
    m.limit = e.limit;
    m.suppressed = e.suppressed;
    return m;
}

/// The number of worker `w` in a list; 0 when there is none, or no list.
std::uint64_t number_at(const Json& list, unsigned w) {
    if (!list.is_array() || w >= list.size() || !list[w].is_number_unsigned()) return 0;
    return list[w].get<std::uint64_t>();
}

Json histogram(const Workers& workers,
               const nat::ShareHistogram& (nat::Engine::*of)() const noexcept) {
    Json out = Json::array();
    for (unsigned b = 0; b < nat::ShareHistogram::kBuckets; b++) {
        std::uint64_t n = 0;
        for (unsigned w = 0; w < workers.n_workers(); w++)
            n += (workers.state(w).engine.*of)().read(b);
        out.push_back(n);
    }
    return out;
}

Json worker_metrics(const Workers& workers, unsigned w) {
    const WorkerFacts f = workers.facts(w);
    const auto& s = workers.state(w);
    return {{"id", w},
            {"cpu", f.cpu},
            {"turns", f.turns},
            {"busy_turns", f.busy_turns},
            {"busy_cycles", f.busy_cycles},
            {"cycles_per_second", f.cycles_per_second},
            {"turn_max_cycles", f.turn_max_cycles},
            {"expiry_rounds", s.engine.expiry_rounds()},
            {"rx_packets", s.counters.of(Counter::rx_packets)},
            {"taken_over", s.counters.of(Counter::taken_over)},
            {"bindings", s.engine.n_bindings()},
            {"bindings_high", s.engine.binding_high_water()},
            {"bindings_size", s.engine.sizes().bindings},
            {"sessions", s.engine.n_sessions()},
            {"sessions_size", std::uint64_t{s.engine.sizes().sessions} + s.engine.sizes().bindings},
            {"subscribers", s.engine.n_subscribers()},
            {"subscribers_size", s.engine.sizes().subscribers},
            {"stored_syns", s.engine.n_stored_syns()},
            {"swept_generation", s.engine.swept()},
            {"events_waiting", s.engine.events().waiting()},
            {"events_size", s.engine.events().capacity()},
            {"events_last", s.engine.events().last_sequence()}};
}

}  // namespace

/// Which events the workers tell, and whether they refuse what they cannot tell.
Expected<Json> Agent::log_configure(const Json& p) {
    nat::LogSwitch next;
    const auto flag = [&](const char* name) { return p.value(name, Json(false)) == true; };
    next.bindings = flag("bindings");
    next.sessions = flag("sessions");
    next.blocks = flag("blocks");
    next.addresses = flag("addresses");
    next.refusals = flag("refusals");
    next.refuse_unlogged = flag("refuse_unlogged");
    next.path_down = flag("path_down");
    if (!(next == log_)) {
        const nat::LogSwitch before = log_;
        log_ = next;
        if (const Status done = republish(); !done) {
            log_ = before;
            return done.error();
        }
    }
    return Json{{"generation", current_.generation}, {"instance", instance_}};
}

/// {instance, ack: [number by worker], after: [the same], most} -> records behind the numbers in
/// `after`; those up to the numbers in `ack` are let go. Without `after` it is as `ack`. Numbers
/// are of one instance: another's acknowledge nothing.
Expected<Json> Agent::events_take(const Json& p) {
    const bool ours = p.value("instance", Json()) == instance_;
    const Json ack = ours ? p.value("ack", Json::array()) : Json::array();
    const Json behind = ours ? p.value("after", ack) : Json::array();
    unsigned most = api::kEventsMost;
    most = static_cast<unsigned>(
        std::clamp<std::int64_t>(api::number_of(p, "most", most), 1, api::kEventsMost));
    const std::uint64_t base = wall_base(workers_.now());
    std::string bytes;
    Json workers = Json::array();
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        const nat::EventRing& ring = workers_.state(w).engine.events();
        ring.release(number_at(ack, w));
        const std::uint64_t after = number_at(behind, w);
        // Read before the records: a number that a lost one took afterwards comes next time.
        const std::uint64_t last = ring.last_sequence();
        const unsigned share = std::max(most / workers_.n_workers(), 1U);
        const unsigned n = ring.read(
            after, share, [&](const nat::NatEvent& e) { append(bytes, message_of(e, w, base)); });
        workers.push_back({{"worker", w},
                           {"last", last},
                           {"given", n},
                           {"whole", n < share},  // there was no more
                           {"waiting", ring.waiting()},
                           {"size", ring.capacity()}});
    }
    return Json{{"instance", instance_},
                {"version", api::kEventVersion},
                {"started", started_},
                {"workers", std::move(workers)},
                {"events", api::base64(bytes)}};
}

/// RFC 7422: whose is port `t_id` of `t`, by calculation under the policy that runs now?
Expected<Json> Agent::deterministic_whois(const Json& p) const {
    const Json t = p.value("t", Json()), id = p.value("t_id", Json());
    const auto addr = t.is_string() ? Ipv4Addr::parse(t.get<std::string>()) : std::nullopt;
    if (!addr || !id.is_number_unsigned() || id.get<std::uint64_t>() > 65535)
        return Error{"whois.deterministic", "needs t, an IPv4 address, and t_id, a port"};
    const int slot = current_.nat.slot_of(*addr);
    Json out{{"deterministic", false}, {"in_pool", slot >= 0}};
    if (slot < 0 || !current_.nat.deterministic.on) return out;
    const auto x = nat::deterministic_subscriber(current_.nat, static_cast<unsigned>(slot),
                                                 id.get<std::uint16_t>());
    if (!x) return out;
    const auto range = nat::deterministic_range(current_.nat, *x);
    out["deterministic"] = true;
    out["x"] = x->text() + "/" + std::to_string(current_.nat.subscriber_bits);
    if (range) {
        out["t_first"] = range->first;
        out["t_last"] = range->last;
    }
    return out;
}

Json Agent::metrics() const {
    Json workers = Json::array(), counters_of = Json::object(), drops_of = Json::object();
    for (unsigned w = 0; w < workers_.n_workers(); w++)
        workers.push_back(worker_metrics(workers_, w));
    const auto sum = [&](auto id) {
        std::uint64_t n = 0;
        for (unsigned w = 0; w < workers_.n_workers(); w++) n += workers_.state(w).counters.of(id);
        return n;
    };
    for (const CounterInfo& c : kCounters) counters_of[std::string(c.name)] = sum(c.id);
    for (const DropInfo& d : kDrops) {
        if (d.id != Drop::none) drops_of[std::string(d.name)] = sum(d.id);
    }
    return {
        {"version", ISTHMUS_VERSION},
        {"instance", instance_},
        {"started", started_},
        {"generation", current_.generation},
        {"has_policy", has_policy_},
        {"workers", std::move(workers)},
        {"counters", std::move(counters_of)},
        {"drops", std::move(drops_of)},
        {"ports", ports()},
        {"pools", pools()},
        {"ports_of_subscribers", histogram(workers_, &nat::Engine::ports_of_subscribers)},
        {"sessions_of_subscribers", histogram(workers_, &nat::Engine::sessions_of_subscribers)}};
}

void Agent::serve_log_methods() {
    using api::Right;
    server_->on("log.configure", Right::admin, [this](const Json& p) { return log_configure(p); });
    server_->on("events.take", Right::admin, [this](const Json& p) { return events_take(p); });
    server_->on("whois.deterministic", Right::read,
                [this](const Json& p) { return deterministic_whois(p); });
    server_->on("metrics", Right::read,
                [this](const Json&) -> Expected<Json> { return metrics(); });
}

}  // namespace isthmus::agent
