// SPDX-License-Identifier: Apache-2.0
// The requests on the dataplane's socket: one function for each, numbers as integers, units in the
// names.
#include <cstdlib>
#include <ctime>

#include "common/config/diff.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/route_list.h"
#include "dataplane/agent/stateless_view.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

using api::Json;

Json Agent::status() const {
    std::uint64_t bindings = 0, sessions = 0;
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        bindings += workers_.state(w).engine.n_bindings();
        sessions += workers_.state(w).engine.n_sessions();
    }
    return {{"version", ISTHMUS_VERSION},
            {"protocol", api::kProtocolVersion},
            {"instance", instance_},
            {"has_policy", has_policy_},
            {"generation", current_.generation},
            {"policy", config::digest(policy_text_)},
            {"workers", workers_.n_workers()},
            {"bindings", bindings},
            {"sessions", sessions},
            {"uptime_seconds", std::time(nullptr) - started_},
            {"fib", fib_json()}};
}

Json Agent::fib_json() const {
    const auto u = kernel_->writer().use();
    return {{"prefixes", u.prefixes}, {"adjacencies", u.adjacencies}, {"groups", u.groups},
            {"nodes_ipv4", u.nodes4}, {"nodes_ipv6", u.nodes6},       {"retired", u.retired},
            {"refused", u.refused},   {"resyncs", kernel_->resyncs()}};
}

Json Agent::counters() const {
    Json out = Json::object();
    for (const CounterInfo& c : kCounters) {
        std::uint64_t n = 0;
        for (unsigned w = 0; w < workers_.n_workers(); w++)
            n += workers_.state(w).counters.of(c.id);
        out[std::string(c.name)] = {{"value", n}, {"help", c.help}};
    }
    return out;
}

Json Agent::drops() const {
    Json out = Json::array();
    for (const DropInfo& d : kDrops) {
        if (d.id == Drop::none) continue;
        std::uint64_t n = 0;
        for (unsigned w = 0; w < workers_.n_workers(); w++)
            n += workers_.state(w).counters.of(d.id);
        out.push_back({{"reason", d.name}, {"packets", n}, {"help", d.help}, {"source", d.source}});
    }
    return out;
}

Json Agent::ports() const {
    Json out = Json::array();
    for (const PortFacts& p : workers_.ports()) {
        out.push_back({{"name", p.name},
                       {"driver", p.driver},
                       {"device", p.device},
                       {"mac", p.mac.text()},
                       {"mtu_bytes", p.mtu},
                       {"link", p.link_up ? "up" : "down"},
                       {"link_mbps", p.link_mbps},
                       {"rx_queues", p.rx_queues},
                       {"tx_queues", p.tx_queues},
                       {"offloads", p.offloads},
                       {"unused_offloads", p.unused_offloads},
                       {"steering", p.steering},
                       {"rx_packets", p.rx_packets},
                       {"rx_bytes", p.rx_bytes},
                       {"rx_missed", p.rx_missed},
                       {"rx_errors", p.rx_errors},
                       {"rx_no_buffer", p.rx_no_buffer},
                       {"tx_packets", p.tx_packets},
                       {"tx_bytes", p.tx_bytes},
                       {"tx_errors", p.tx_errors},
                       {"punted", p.punted},
                       {"punt_dropped", p.punt_dropped},
                       {"from_kernel", p.from_kernel}});
    }
    return out;
}

/// Pool addresses of which the worker owns every port.
unsigned Agent::whole_addresses(unsigned worker) const {
    unsigned n = 0;
    for (unsigned i = 0; i < current_.nat.n_slots; i++) {
        const nat::PoolSlot& s = current_.nat.slot[i];
        n += s.state != nat::PoolSlot::State::unused && s.n_owners == 1 && s.first_owner == worker;
    }
    return n;
}

std::uint64_t Agent::free_ports(unsigned worker) const {
    std::uint64_t n = 0;
    for (unsigned i = 0; i < current_.nat.n_slots; i++)
        n += workers_.state(worker).engine.ports_free(i, Proto::udp);
    return n;
}

Json Agent::workers_json() const {
    Json out = Json::array();
    for (unsigned w = 0; w < workers_.n_workers(); w++) {
        const WorkerFacts f = workers_.facts(w);
        const auto& s = workers_.state(w);
        Json stages = Json::object();
        for (const StageInfo& i : kStages)
            stages[std::string(i.name)] = {{"cycles", s.stages.cycles(i.id)},
                                           {"packets", s.stages.packets(i.id)}};
        out.push_back({{"id", w},
                       {"cpu", f.cpu},
                       {"turns", f.turns},
                       {"busy_turns", f.busy_turns},
                       {"busy_cycles", f.busy_cycles},
                       {"cycles_per_second", f.cycles_per_second},
                       {"turn_max_cycles", f.turn_max_cycles},
                       {"idle", f.sleeping_allowed ? "sleep" : "poll"},
                       {"instructions", f.instructions},
                       {"rx_packets", s.counters.of(Counter::rx_packets)},
                       {"bindings", s.engine.n_bindings()},
                       {"sessions", s.engine.n_sessions()},
                       {"subscribers", s.engine.n_subscribers()},
                       {"translated_64", s.counters.of(Counter::translated_64)},
                       {"translated_46", s.counters.of(Counter::translated_46)},
                       {"handed_over", s.counters.of(Counter::handed_over)},
                       {"taken_over", s.counters.of(Counter::taken_over)},
                       {"addresses", whole_addresses(w)},
                       {"ports_free", free_ports(w)},
                       {"stages", std::move(stages)}});
    }
    return out;
}

std::string Agent::pool_name(const nat::PoolSlot& slot) const {
    if (slot.group == nat::kStaticGroup) return "static";
    for (const auto& e : policy_.pool) {
        if (e.addresses.contains(slot.addr)) return e.name.empty() ? "default" : e.name;
    }
    return "";
}

Json Agent::pools() const {
    Json out = Json::array();
    for (unsigned i = 0; i < current_.nat.n_slots; i++) {
        const nat::PoolSlot& slot = current_.nat.slot[i];
        if (slot.state == nat::PoolSlot::State::unused) continue;
        Json row{{"address", slot.addr.text()},
                 {"pool", pool_name(slot)},
                 {"pool_id", slot.group},  // natPoolId in the logs
                 {"state", slot.state == nat::PoolSlot::State::draining ? "draining" : "active"},
                 {"ports", std::to_string(slot.first_port) + "-" + std::to_string(slot.last_port)}};
        for (unsigned p = 0; p < kProtos; p++) {
            std::uint64_t used = 0, open = 0;
            for (unsigned w = 0; w < workers_.n_workers(); w++) {
                used += workers_.state(w).engine.ports_in_use(i, static_cast<Proto>(p));
                open += workers_.state(w).engine.ports_free(i, static_cast<Proto>(p));
            }
            row[std::string(name_of(static_cast<Proto>(p))) + "_in_use"] = used;
            row[std::string(name_of(static_cast<Proto>(p))) + "_free"] = open;
        }
        out.push_back(std::move(row));
    }
    return out;
}

Json Agent::prefixes() const {
    Json out = Json::array();
    for (unsigned i = 0; i < nat::kPrefixesMax; i++) {
        const auto& p = current_.nat.prefix[i];
        if (!p.live) continue;
        const bool local_use = kLocalUsePrefix.contains(p.pref.addr);
        out.push_back({{"prefix", p.pref.text()},
                       {"id", i},
                       {"well_known", p.well_known},
                       {"local_use", local_use}});
    }
    return out;
}

Json Agent::neighbours() {
    Json out = Json::array();
    for (const auto& n : kernel_->writer().neighbours()) {
        out.push_back({{"address", any_text(n.family, n.address)},
                       {"mac", n.mac.text()},
                       {"port", cfg_.dataplane.ports[n.port].name},
                       {"vlan", n.vlan}});
    }
    return out;
}

/// {address}: what it is mapped to; {}: a page of the table, the cursor is a number.
Expected<Json> Agent::stateless(const Json& params) const {
    if (const std::string address = api::text_of(params, "address"); !address.empty())
        return stateless_mapping(current_, address);
    const auto cursor = api::text_of(params, "cursor");
    const std::size_t from = std::strtoul(cursor.c_str(), nullptr, 10);
    bool is_last = false;
    Json out{{"rows", stateless_table(current_, from, api::kPage, is_last)}};
    if (!is_last) out["next"] = std::to_string(from + api::kPage);
    return out;
}

void Agent::serve_methods() {
    using api::Right;
    const auto show = [&](const char* name, Json (Agent::*method)() const) {
        server_->on(name, Right::read,
                    [this, method](const Json&) -> Expected<Json> { return (this->*method)(); });
    };
    show("status", &Agent::status);
    show("show.counters", &Agent::counters);
    show("show.drops", &Agent::drops);
    show("show.ports", &Agent::ports);
    show("show.workers", &Agent::workers_json);
    show("show.pools", &Agent::pools);
    show("show.prefixes", &Agent::prefixes);
    server_->on("show.neighbours", Right::read,
                [this](const Json&) -> Expected<Json> { return neighbours(); });
    server_->on("show.routes", Right::read, [this](const Json& p) -> Expected<Json> {
        return route_list(kernel_->writer(), cfg_, p);
    });
    server_->on("show.stateless", Right::read, [this](const Json& p) { return stateless(p); });
    lists_.serve(*server_);
    serve_live_methods();
    traces_.serve(*server_);
    explains_.serve(*server_);
}

}  // namespace isthmus::agent
