// SPDX-License-Identifier: Apache-2.0
#include "control/cli/workers.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "common/api/json.h"
#include "common/stats/stages.h"
#include "control/cli/table.h"

namespace isthmus::cli {

using json = isthmus::api::Json;

namespace {

/// TSC cycles for a packet in one stage; nothing before the first packet.
json per_packet(const json& stage) {
    const auto packets = stage.value("packets", 0.0);
    if (packets == 0) return {};
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", stage.value("cycles", 0.0) / packets);
    return api::from_text(text);
}

/// How evenly something falls on the workers: 1 is perfect.
std::string most_over_mean(const json& workers, const char* key) {
    double most = 0, sum = 0;
    for (const json& w : workers) {
        most = std::max(most, w.value(key, 0.0));
        sum += w.value(key, 0.0);
    }
    if (sum == 0) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", most * static_cast<double>(workers.size()) / sum);
    return text;
}

}  // namespace

void print_workers(std::ostream& out, const json& workers) {
    json rows = workers, cycles = json::array();
    std::vector<Column> columns{{"id", "worker"}};
    for (const StageInfo& s : kStages)
        columns.push_back({std::string(s.name), std::string(s.name)});
    for (json& w : rows) {
        const json stages = w.value("stages", json::object());
        w.erase("stages");
        json row{{"id", w.value("id", json())}};
        for (const StageInfo& s : kStages) {
            const std::string name(s.name);
            row[name] = per_packet(stages.value(name, json::object()));
        }
        cycles.push_back(std::move(row));
    }
    print_table(out, rows, true,
                {{"id", "worker"},
                 {"cpu", "cpu"},
                 {"idle", "idle"},
                 {"instructions", "instructions"},
                 {"subscribers", "subscribers"},
                 {"bindings", "bindings"},
                 {"sessions", "sessions"},
                 {"addresses", "addresses"},
                 {"ports_free", "ports free"}});
    out << "\n";
    print_table(out, rows, true,
                {{"id", "worker"},
                 {"rx_packets", "packets in"},
                 {"translated_64", "to IPv4"},
                 {"translated_46", "to IPv6"},
                 {"handed_over", "handed over"},
                 {"taken_over", "taken over"},
                 {"turns", "turns"},
                 {"busy_turns", "busy turns"},
                 {"busy_cycles", "busy cycles"},
                 {"turn_max_cycles", "longest turn"}});
    out << "\nmost over mean of the workers: subscribers " << most_over_mean(workers, "subscribers")
        << ", bindings " << most_over_mean(workers, "bindings") << ", free ports "
        << most_over_mean(workers, "ports_free") << "\n";
    out << "\nTSC cycles for a packet, by stage, since start:\n";
    print_table(out, cycles, true, columns);
}

}  // namespace isthmus::cli
