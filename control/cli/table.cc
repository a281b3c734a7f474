// SPDX-License-Identifier: Apache-2.0
#include "control/cli/table.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>

#include "common/api/json.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

using json = isthmus::api::Json;

std::string cell_text(const json& v) {
    if (v.is_null()) return "-";
    if (v.is_boolean()) return v.get<bool>() ? "yes" : "no";
    if (v.is_string()) return v.text().empty() ? "-" : v.text();
    if (v.is_array()) {
        std::string out;
        for (const json& e : v) out += (out.empty() ? "" : ", ") + cell_text(e);
        return out.empty() ? "-" : out;
    }
    return api::to_text(v);
}

void print_table(std::ostream& out, const json& rows, bool header,
                 const std::vector<Column>& columns) {
    if (rows.empty()) {
        if (header) out << "(none)\n";
        return;
    }
    std::vector<Column> shown = columns;
    if (shown.empty()) {
        for (const auto& [k, v] : rows.front().items()) shown.push_back({k, k, 0});
    }
    const std::size_t n = shown.size();
    std::vector<std::size_t> width(n);
    std::vector<bool> number(n, true);
    for (std::size_t i = 0; i < n; i++) {
        width[i] = std::max(shown[i].width, shown[i].title.size());
        for (const json& r : rows) {
            const json v = r.value(shown[i].key, json());
            width[i] = std::max(width[i], cell_text(v).size());
            number[i] = number[i] && (v.is_number() || v.is_null());
        }
    }
    const auto line = [&](auto&& cell) {
        std::string l;
        for (std::size_t i = 0; i < n; i++) {
            const std::string t = cell(i), pad(width[i] - std::min(width[i], t.size()), ' ');
            l += (i == 0 ? "" : "  ") + (number[i] ? pad + t : t + pad);
        }
        l.erase(l.find_last_not_of(' ') + 1);
        out << l << "\n";
    };
    if (header) line([&](std::size_t i) { return shown[i].title; });
    for (const json& r : rows)
        line([&](std::size_t i) { return cell_text(r.value(shown[i].key, json())); });
}

void print_object(std::ostream& out, const json& object, unsigned indent) {
    constexpr std::string_view kTime = "_unix_seconds", kUptime = "uptime_seconds";
    // What matters first: how it is and why, then single values, then what has parts of its own.
    const auto rank = [](const std::string& k, const json& v) {
        static constexpr std::string_view kFirst[] = {"state", "why", "policy", "file_state"};
        const auto at = std::find(std::begin(kFirst), std::end(kFirst), k);
        return v.is_object() ? 5 : static_cast<int>(at - std::begin(kFirst));
    };
    std::vector<std::string> keys;
    for (const auto& [k, v] : object.items()) keys.push_back(k);
    std::stable_sort(keys.begin(), keys.end(), [&](const std::string& a, const std::string& b) {
        return rank(a, object[a]) < rank(b, object[b]);
    });
    for (const std::string& k : keys) {
        const json& v = object[k];
        out << std::string(indent, ' ');
        if (k.ends_with(kTime) && v.is_number()) {
            out << k.substr(0, k.size() - kTime.size()) << ": " << time_text(v.get<std::int64_t>())
                << "\n";
            continue;
        }
        if (k == kUptime && v.is_number_unsigned()) {
            out << "uptime: " << span_text(v.get<std::uint64_t>()) << "\n";
            continue;
        }
        out << k << ":";
        if (v.is_object()) {
            out << "\n";
            print_object(out, v, indent + 2);
        } else {
            out << " " << cell_text(v) << "\n";
        }
    }
}

void print_answer(const Asker& ask, const json& answer, const std::vector<Column>& columns) {
    if (ask.json) {
        print_json(answer);
    } else if (answer.is_array()) {
        print_table(std::cout, answer, true, columns);
    } else {
        print_object(std::cout, answer);
    }
}

std::string time_text(std::int64_t unix_seconds) {
    const auto t = static_cast<std::time_t>(unix_seconds);
    std::tm tm{};
    char out[32];
    if (gmtime_r(&t, &tm) == nullptr ||
        std::strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "-";
    return out;
}

std::string span_text(std::uint64_t seconds) {
    const std::uint64_t days = seconds / 86400;
    char out[32];
    if (seconds < 60) return std::to_string(seconds) + " s";
    std::snprintf(out, sizeof out, "%u:%02u:%02u", static_cast<unsigned>(seconds % 86400 / 3600),
                  static_cast<unsigned>(seconds % 3600 / 60), static_cast<unsigned>(seconds % 60));
    return (days == 0 ? "" : count_text(days, "day") + " ") + out;
}

std::string count_text(std::uint64_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace isthmus::cli
