// SPDX-License-Identifier: Apache-2.0
#include "dns64/upstream_table.h"

#include <algorithm>
#include <cmath>

namespace isthmus::dns64 {

using api::Json;

Json upstreams_json(Worker& w) {
    Json out = Json::array();
    if (w.upstream() == nullptr) return out;
    for (const UpstreamHealth& h : w.upstream()->health()) {
        out.push_back({{"upstream", h.name},
                       {"healthy_threads", h.is_up ? 1 : 0},
                       {"threads", 1},
                       {"rtt_ms", h.srtt_ms},
                       {"queries", h.queries},
                       {"answers", h.answers},
                       {"failures", h.failures},
                       {"in_flight", h.in_flight},
                       {"response_counts", h.response_counts},
                       {"response_seconds", h.response_seconds}});
    }
    return out;
}

Json merged_upstreams(const std::vector<Json>& of_workers) {
    Json out = Json::array();
    for (const Json& rows : of_workers) {
        for (const Json& row : rows) {
            const auto at = std::find_if(out.begin(), out.end(), [&](const Json& o) {
                return o["upstream"] == row["upstream"];
            });
            if (at == out.end()) {
                out.push_back(row);
                continue;
            }
            Json& o = *at;
            const auto before = o["answers"].get<double>(), more = row["answers"].get<double>();
            if (before + more > 0) {
                o["rtt_ms"] =
                    (o["rtt_ms"].get<double>() * before + row["rtt_ms"].get<double>() * more) /
                    (before + more);
            }
            for (const char* key :
                 {"healthy_threads", "threads", "queries", "answers", "failures", "in_flight"})
                o[key] = o[key].get<std::uint64_t>() + row[key].get<std::uint64_t>();
            for (std::size_t i = 0; i < o["response_counts"].size(); i++)
                o["response_counts"][i] = o["response_counts"][i].get<std::uint64_t>() +
                                          row["response_counts"][i].get<std::uint64_t>();
            o["response_seconds"] =
                o["response_seconds"].get<double>() + row["response_seconds"].get<double>();
        }
    }
    for (Json& o : out) o["rtt_ms"] = std::round(o["rtt_ms"].get<double>() * 1000) / 1000;
    return out;
}

}  // namespace isthmus::dns64
