// SPDX-License-Identifier: Apache-2.0
#include "control/logs/thresholds.h"

#include <algorithm>
#include <array>

#include "common/api/rpc.h"

namespace isthmus::control {

using json = isthmus::api::Json;

namespace {

struct PoolUse {
    unsigned id = 0;
    std::array<std::int64_t, 3> used{}, open{};  // UDP, TCP, ICMP

    /// In percent, of the protocol that uses most (RFC 7659 s3.1.2).
    [[nodiscard]] unsigned percent() const {
        unsigned most = 0;
        for (std::size_t p = 0; p < used.size(); p++) {
            const std::int64_t all = used[p] + open[p];
            if (all != 0) most = std::max(most, static_cast<unsigned>(used[p] * 100 / all));
        }
        return most;
    }
};

/// By name; addresses that are drained are no room, and do not count.
std::map<std::string, PoolUse> pools_of(const json& metrics) {
    static constexpr std::array<const char*, 3> kNames{"udp", "tcp", "icmp"};
    std::map<std::string, PoolUse> out;
    for (const json& row : metrics.value("pools", json::array())) {
        if (api::text_of(row, "state") != "active") continue;
        PoolUse& use = out[api::text_of(row, "pool")];
        use.id = static_cast<unsigned>(api::number_of(row, "pool_id", 0));
        for (std::size_t p = 0; p < kNames.size(); p++) {
            use.used[p] += api::number_of(row, (std::string(kNames[p]) + "_in_use").c_str(), 0);
            use.open[p] += api::number_of(row, (std::string(kNames[p]) + "_free").c_str(), 0);
        }
    }
    return out;
}

std::int64_t sum(const json& metrics, const char* name) {
    std::int64_t n = 0;
    for (const json& w : metrics.value("workers", json::array())) n += api::number_of(w, name, 0);
    return n;
}

}  // namespace

void Thresholds::judge(std::vector<Note>& out, const std::string& key, bool beyond,
                       const json& fields, std::uint64_t unix_ns) {
    State& s = state_[key];
    s.due = beyond && (s.due || !s.beyond);
    s.beyond = beyond;
    const std::uint64_t quiet = limits_.quiet_seconds * kNanosPerSecond;
    const bool too_soon = s.told_ns != 0 && unix_ns >= s.told_ns && unix_ns - s.told_ns < quiet;
    if (!s.due || too_soon) return;
    s.due = false;
    s.told_ns = unix_ns;
    out.push_back({unix_ns, "threshold_reached", fields});
}

std::vector<Note> Thresholds::look(const json& metrics, std::uint64_t unix_ns) {
    std::vector<Note> out;
    for (const auto& pool : pools_of(metrics)) {
        const std::string& name = pool.first;
        const auto& use = pool.second;
        const auto alarm = [&](const char* which, std::uint32_t limit, bool beyond) {
            judge(out, std::string(which) + " " + name, limit != 0 && beyond,
                  {{"threshold", which},
                   {"pool", name},
                   {"pool_id", use.id},
                   {"value", use.percent()},
                   {"limit", limit}},
                  unix_ns);
        };
        alarm("pool_high", limits_.pool_high, use.percent() >= limits_.pool_high);
        // A pool that was never used much is no news: low is told after it was above.
        const std::string low = "pool_low " + name;
        const bool is_low = use.percent() <= limits_.pool_low;
        if (!state_.contains(low)) state_[low].beyond = is_low;
        alarm("pool_low", limits_.pool_low, is_low);
    }
    const auto count = [&](const char* which, std::int64_t limit, std::int64_t value) {
        judge(out, which, limit != 0 && value >= limit,
              {{"threshold", which}, {"value", value}, {"limit", limit}}, unix_ns);
    };
    count("bindings_high", limits_.bindings_high, sum(metrics, "bindings"));
    count("subscribers_high", limits_.subscribers_high, sum(metrics, "subscribers"));
    return out;
}

}  // namespace isthmus::control
