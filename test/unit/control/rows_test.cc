// SPDX-License-Identifier: Apache-2.0
// The order of lists that isthmusctl sorts itself, and times as all of its output has them.
#include "control/cli/rows.h"

#include <catch2/catch.hpp>

#include "control/cli/table.h"

using namespace isthmus::cli;

namespace {

std::string order(const std::vector<Json>& values, std::size_t most = 100) {
    SortedRows rows([](const Json& row) { return row["v"]; }, most);
    for (const Json& v : values) rows.add(Json::array({{{"v", v}}}));  // a page each
    std::string out;
    for (const Json& row : rows.rows()) out += (out.empty() ? "" : " ") + cell_text(row["v"]);
    return out;
}

}  // namespace

TEST_CASE("numbers the largest first, addresses as they count, words by the alphabet") {
    CHECK(order({3, 20, 100}) == "100 20 3");
    CHECK(order({"198.51.100.10", "198.51.100.9", "192.0.2.1"}) ==
          "192.0.2.1 198.51.100.9 198.51.100.10");
    CHECK(order({"2001:db8:10::/48", "0.0.0.0/0", "2001:db8:9::/48", "2001:db8::/32", "10.0.0.0/8",
                 "0.0.0.0/8"}) ==
          "0.0.0.0/0 0.0.0.0/8 10.0.0.0/8 2001:db8::/32 2001:db8:9::/48 2001:db8:10::/48");
    CHECK(order({"p6", "p4", ""}) == "- p4 p6");
    CHECK(order({"p4", "192.0.2.1", 7, nullptr}) == "7 192.0.2.1 - p4");
}

TEST_CASE("of a list in pages only the first rows are kept") {
    CHECK(order({5, 1, 9, 7, 3}, 2) == "9 7");
    CHECK(order({}, 2).empty());
}

TEST_CASE("times are UTC, as in the logs and as whois wants them") {
    CHECK(time_text(1'795'590'000) == "2026-11-25T07:00:00Z");
}
