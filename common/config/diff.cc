// SPDX-License-Identifier: Apache-2.0
#include "common/config/diff.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

#include "common/config/parse.h"
#include "common/config/schema.h"

namespace isthmus::config {

namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

/// The lines of a canonical text: "name = value;", "group: {", "};".
Values values_of(const std::string& text) {
    Values out;
    std::vector<std::string> groups;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        line.erase(0, line.find_first_not_of(' '));
        if (line.ends_with(": {")) {
            groups.push_back(line.substr(0, line.size() - 3));
        } else if (line == "};") {
            if (!groups.empty()) groups.pop_back();
        } else if (const std::size_t at = line.find(" = ");
                   at != std::string::npos && line.ends_with(";")) {
            std::string key;
            for (const std::string& g : groups) key += g + ".";
            out.emplace_back(key + line.substr(0, at), line.substr(at + 3, line.size() - at - 4));
        }
    }
    return out;
}

/// The elements of "(a, b)" or "[a, b]"; those of nested brackets and of texts stay together.
std::vector<std::string> elements(const std::string& list) {
    std::vector<std::string> out;
    if (list.size() < 2 || (list.front() != '(' && list.front() != '[')) return out;
    std::string one;
    unsigned depth = 0;
    bool quoted = false;
    for (const char c : list.substr(1, list.size() - 2) + ",") {
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == '(' || c == '[' || c == '{')) depth++;
        if (!quoted && (c == ')' || c == ']' || c == '}')) depth--;
        if (c != ',' || quoted || depth != 0) {
            if (!one.empty() || c != ' ') one += c;
            continue;
        }
        if (!one.empty()) out.push_back(one);
        one.clear();
    }
    return out;
}

std::vector<std::string> without(std::vector<std::string> list,
                                 const std::vector<std::string>& gone) {
    for (const std::string& g : gone) {
        const auto at = std::find(list.begin(), list.end(), g);
        if (at != list.end()) list.erase(at);
    }
    return list;
}

bool is_start_only(const std::string& key) {
    return std::any_of(schema().begin(), schema().end(), [&](const Key& k) {
        return k.start_only && k.section + "." + k.name == key;
    });
}

}  // namespace

std::vector<Change> changes(const Nat64Config& before, const Nat64Config& after) {
    const Values olds = values_of(to_text(before)), news = values_of(to_text(after));
    const std::map<std::string, std::string> old_of(olds.begin(), olds.end());
    const std::map<std::string, std::string> new_of(news.begin(), news.end());
    const auto value = [](const auto& map, const std::string& key) {
        const auto at = map.find(key);
        return at == map.end() ? std::string() : at->second;
    };
    std::vector<Change> out;
    const auto compare = [&](const std::string& key) {
        Change c{key, value(old_of, key), value(new_of, key), is_start_only(key), {}, {}};
        if (c.before == c.after) return;
        const auto was = elements(c.before), is = elements(c.after);
        c.added = without(is, was);
        c.removed = without(was, is);
        out.push_back(std::move(c));
    };
    for (const auto& [key, text] : news) compare(key);
    for (const auto& [key, text] : olds) {  // keys that are written only when they are set
        if (!new_of.contains(key)) compare(key);
    }
    return out;
}

std::string digest(const std::string& text) {
    std::uint64_t h = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    char out[17];
    std::snprintf(out, sizeof out, "%016lx", static_cast<unsigned long>(h));
    return out;
}

}  // namespace isthmus::config
