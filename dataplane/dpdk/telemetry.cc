// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/telemetry.h"

#include <rte_telemetry.h>

#include <charconv>
#include <cstring>
#include <mutex>
#include <string>

#include "common/log/log.h"
#include "dataplane/pipeline/state.h"

namespace isthmus::dpdk {

namespace {

// DPDK calls without an argument of ours, on a thread of its own; what it reads there is read
// concurrently with the workers anyway.
std::mutex guard;
const agent::Workers* shown = nullptr;

void add(rte_tel_data* d, std::string_view name, std::uint64_t v) {
    rte_tel_data_add_dict_u64(d, std::string(name).c_str(), v);
}

template <typename Id>
std::uint64_t sum(Id id) {
    std::uint64_t n = 0;
    for (unsigned w = 0; w < shown->n_workers(); w++) n += shown->state(w).counters.of(id);
    return n;
}

int counters(rte_tel_data* d) {
    for (const CounterInfo& c : kCounters) add(d, c.name, sum(c.id));
    return 0;
}

int drops(rte_tel_data* d) {
    for (const DropInfo& i : kDrops) {
        if (i.id != Drop::none) add(d, i.name, sum(i.id));
    }
    return 0;
}

int summary(rte_tel_data* d) {
    std::uint64_t bindings = 0, sessions = 0, subscribers = 0, waiting = 0;
    for (unsigned w = 0; w < shown->n_workers(); w++) {
        const nat::Engine& e = shown->state(w).engine;
        bindings += e.n_bindings();
        sessions += e.n_sessions();
        subscribers += e.n_subscribers();
        waiting += e.events().waiting();
    }
    add(d, "workers", shown->n_workers());
    add(d, "bindings", bindings);
    add(d, "sessions", sessions);
    add(d, "subscribers", subscribers);
    add(d, "events_waiting", waiting);
    return 0;
}

int worker(rte_tel_data* d, const char* params) {
    unsigned w = 0;
    const char* const end = params + std::strlen(params);
    const auto [at, error] = std::from_chars(params, end, w);
    if (error != std::errc{} || at != end || w >= shown->n_workers()) return -EINVAL;
    const agent::WorkerFacts f = shown->facts(w);
    const nat::Engine& e = shown->state(w).engine;
    add(d, "cpu", f.cpu);
    add(d, "turns", f.turns);
    add(d, "busy_turns", f.busy_turns);
    add(d, "busy_cycles", f.busy_cycles);
    add(d, "cycles_per_second", f.cycles_per_second);
    add(d, "turn_max_cycles", f.turn_max_cycles);
    add(d, "rx_packets", shown->state(w).counters.of(Counter::rx_packets));
    add(d, "bindings", e.n_bindings());
    add(d, "sessions", e.n_sessions());
    add(d, "subscribers", e.n_subscribers());
    return 0;
}

int answer(const char* command, const char* params, rte_tel_data* d) {
    const std::lock_guard lock(guard);
    if (shown == nullptr) return -ENODEV;
    rte_tel_data_start_dict(d);
    const std::string_view c = command;
    if (c == "/isthmus/counters") return counters(d);
    if (c == "/isthmus/drops") return drops(d);
    if (c == "/isthmus/summary") return summary(d);
    return worker(d, params == nullptr ? "" : params);
}

}  // namespace

void show_telemetry(const agent::Workers& workers) {
    {
        const std::lock_guard lock(guard);
        shown = &workers;
    }
    const auto offer = [](const char* command, const char* help) {
        if (rte_telemetry_register_cmd(command, answer, help) != 0)
            log::warn(std::string("telemetry: no command ") + command);
    };
    offer("/isthmus/summary", "Bindings, sessions and subscribers of all workers.");
    offer("/isthmus/counters", "Counters of all workers. No parameters.");
    offer("/isthmus/drops", "Dropped packets by reason, of all workers. No parameters.");
    offer("/isthmus/worker", "One worker. Parameters: its number.");
}

void hide_telemetry() {
    const std::lock_guard lock(guard);
    shown = nullptr;
}

}  // namespace isthmus::dpdk
