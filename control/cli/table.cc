// SPDX-License-Identifier: Apache-2.0
#include "control/cli/table.h"

#include <algorithm>
#include <string>
#include <vector>

namespace isthmus::cli {

namespace {

using nlohmann::json;

std::string text_of(const json& v) {
    if (v.is_string()) return v.get<std::string>();
    if (v.is_null()) return "-";
    return v.dump();
}

}  // namespace

void print_table(std::ostream& out, const json& rows, bool header) {
    if (rows.empty()) {
        if (header) out << "(none)\n";
        return;
    }
    std::vector<std::string> keys;
    for (const auto& [k, v] : rows.front().items()) keys.push_back(k);
    std::vector<std::size_t> width(keys.size());
    for (std::size_t i = 0; i < keys.size(); i++) {
        width[i] = keys[i].size();
        for (const json& r : rows)
            width[i] = std::max(width[i], text_of(r.value(keys[i], json())).size());
    }
    const auto line = [&](auto&& cell) {
        std::string l;
        for (std::size_t i = 0; i < keys.size(); i++) {
            const std::string t = cell(i);
            l += t + std::string(i + 1 < keys.size() ? width[i] - t.size() + 2 : 0, ' ');
        }
        out << l << "\n";
    };
    if (header) line([&](std::size_t i) { return keys[i]; });
    for (const json& r : rows)
        line([&](std::size_t i) { return text_of(r.value(keys[i], json())); });
}

void print_object(std::ostream& out, const json& object, unsigned indent) {
    for (const auto& [k, v] : object.items()) {
        out << std::string(indent, ' ') << k << ":";
        if (v.is_object()) {
            out << "\n";
            print_object(out, v, indent + 2);
        } else {
            out << " " << text_of(v) << "\n";
        }
    }
}

}  // namespace isthmus::cli
