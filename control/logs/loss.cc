// SPDX-License-Identifier: Apache-2.0
#include "control/logs/loss.h"

#include <algorithm>

namespace isthmus::control {

using api::Json;

namespace {

std::optional<std::uint64_t> number(const Json& j, const char* name) {
    const auto found = j.find(name);
    if (found == j.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
}

}  // namespace

void Loss::add(const LogBatch& batch) {
    instance = batch.instance;
    for (const LogRecord& r : batch.records) {
        from_ns = n == 0 ? time_of(r) : std::min(from_ns, time_of(r));
        to_ns = std::max(to_ns, time_of(r));
        n++;
        const api::Event* e = event_of(r);
        if (e == nullptr) continue;
        Range& range = of[e->worker];
        if (range.n++ == 0) range.first = e->sequence;
        range.last = e->sequence;
    }
}

void Loss::add(const Loss& newer) {
    if (newer.n == 0) return;
    from_ns = n == 0 ? newer.from_ns : std::min(from_ns, newer.from_ns);
    to_ns = std::max(to_ns, newer.to_ns);
    n += newer.n;
    instance = newer.instance;
    for (const auto& [worker, more] : newer.of) {
        Range& range = of[worker];
        if (range.n == 0) range.first = more.first;
        range.last = more.last;
        range.n += more.n;
    }
}

LogBatch Loss::gap() const {
    Json workers = Json::array();
    for (const auto& [worker, r] : of) {
        workers.push_back(
            {{"worker", worker}, {"seq_first", r.first}, {"seq_last", r.last}, {"lost", r.n}});
    }
    LogBatch out;
    out.instance = instance;
    out.records.emplace_back(make_note("gap", {{"where", "control"},
                                               {"lost", n},
                                               {"workers", std::move(workers)},
                                               {"after", utc_text(from_ns)},
                                               {"before", utc_text(to_ns)}}));
    return out;
}

Json Loss::json() const {
    Json workers = Json::array();
    for (const auto& [worker, r] : of) workers.push_back({worker, r.first, r.last, r.n});
    return {{"instance", instance},
            {"n", n},
            {"from_ns", from_ns},
            {"to_ns", to_ns},
            {"workers", std::move(workers)}};
}

std::optional<Loss> Loss::of_json(const Json& j) {
    if (!j.is_object() || !j.value("instance", Json()).is_string()) return std::nullopt;
    const auto n = number(j, "n"), from = number(j, "from_ns"), to = number(j, "to_ns");
    if (!n || *n == 0 || !from || !to) return std::nullopt;
    Loss out{j["instance"].get<std::string>(), *n, *from, *to, {}};
    for (const auto& row : j.value("workers", Json::array())) {
        if (!row.is_array() || row.size() != 4) return std::nullopt;
        for (const auto& v : row) {
            if (!v.is_number_unsigned()) return std::nullopt;
        }
        out.of[row[0].get<unsigned>()] = {row[1].get<std::uint64_t>(), row[2].get<std::uint64_t>(),
                                          row[3].get<std::uint64_t>()};
    }
    return out;
}

Json json_of(const Losses& losses) {
    Json out = Json::array();
    for (const Loss& l : losses) out.push_back(l.json());
    return out;
}

Losses losses_of(const Json& list) {
    Losses out;
    if (!list.is_array()) return out;
    for (const Json& j : list) {
        if (auto l = Loss::of_json(j)) out.push_back(std::move(*l));
    }
    return out;
}

}  // namespace isthmus::control
