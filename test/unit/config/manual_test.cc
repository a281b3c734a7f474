// SPDX-License-Identifier: Apache-2.0
// What is written about the keys is what the parser takes.
#include "common/config/manual.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "common/config/carrier.h"
#include "common/config/parse.h"
#include "common/config/parse_dns64.h"
#include "common/config/schema.h"

using namespace isthmus::config;

namespace {

/// The sample with some of its switched-off lines on: those for which `wanted` is true.
template <typename Wanted>
std::string switched_on(Wanted wanted) {
    std::istringstream in(sample());
    std::string out, line;
    while (std::getline(in, line)) {
        const std::size_t hash = line.find_first_not_of(' ');
        const bool off = hash != std::string::npos && line[hash] == '#' && hash + 1 < line.size() &&
                         line[hash + 1] != ' ';
        if (off && wanted(line.substr(hash + 1))) line.erase(hash, 1);
        out += line + "\n";
    }
    return out;
}

/// Of "section.name = value": "name".
std::string name_in(const std::string& line) { return line.substr(0, line.find(' ')); }

}  // namespace

TEST_CASE("the sample is a valid file and has what a gateway needs") {
    const auto loaded = load_text(sample(), "sample");
    INFO(loaded.error_text());
    REQUIRE(loaded.ok());
    CHECK(why_unusable(loaded.config.nat64).empty());
    CHECK(loaded.config.dataplane.ports.size() == 2);
    CHECK(!loaded.config.has_dns64);
}

TEST_CASE("each key that the sample shows switched off is there, with its default") {
    std::size_t n = 0;
    const std::string text = switched_on([&n](const std::string& line) {
        for (const Key& k : schema()) {
            if (k.name == name_in(line) && k.section.rfind("dns64", 0) != 0) {
                n++;
                return true;
            }
        }
        return false;
    });
    const auto loaded = load_text(text, "sample");
    INFO(loaded.error_text());
    REQUIRE(loaded.ok());
    CHECK(n >= 50);
    const auto plain = load_text(sample(), "sample");
    CHECK(changed_keys(plain.config.nat64, loaded.config.nat64).empty());
    const Config defaults;
    for (const Key& k : schema()) {
        INFO(k.section + "." + k.name);
        CHECK(sample().find("#" + k.name + " = ") != std::string::npos);
        if (k.type == Key::Type::text) {
            CHECK(k.get_text(loaded.config) == k.get_text(defaults));
        } else {
            CHECK(k.get(loaded.config) == k.get(defaults));
        }
    }
}

TEST_CASE("each list's example is what the parser reads") {
    for (const ListKey& l : list_keys()) {
        INFO(l.path + " = " + l.example);
        const std::size_t dot = l.path.rfind('.');
        std::string text = l.path.substr(dot + 1) + " = " + l.example + ";";
        for (std::string rest = l.path.substr(0, dot); !rest.empty();) {
            const std::size_t at = rest.rfind('.');
            text = rest.substr(at == std::string::npos ? 0 : at + 1) + ": { " + text + " };";
            rest.erase(at == std::string::npos ? 0 : at);
        }
        // Alone it may contradict itself (a rule for a pool that is not there): no word of what
        // cannot be read.
        for (const Problem& p : load_text(text, "t").errors) {
            INFO(p.what);
            CHECK(p.what.find("unknown key") == std::string::npos);
            CHECK(p.what.find("is a list") == std::string::npos);
            CHECK(p.what.find("in quotes") == std::string::npos);
        }
        CHECK(manual().find(l.path) != std::string::npos);
    }
    for (const auto* more : {&dns64_lists()}) {
        for (const std::string& path : *more) CHECK(manual().find(path) != std::string::npos);
    }
}
