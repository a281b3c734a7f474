// SPDX-License-Identifier: Apache-2.0
// The live view without a terminal: what changed is all that is written, rates are differences, and
// a counter that began anew is no rate.
#include <catch2/catch.hpp>

#include "control/cli/screen.h"
#include "control/cli/top_view.h"

using namespace isthmus::cli;

TEST_CASE("a terminal is told what changed, and no more") {
    Screen a(3, 20), b(3, 20);
    a.put(0, 0, "packets 100");
    b = a;
    CHECK(b.update_from(a).empty());
    b.put(0, 8, "102");
    CHECK(b.update_from(a) == "\033[1;11H2");
    b.put(2, 18, "xyz");  // does not fit: cut
    CHECK(b.update_from(a) == "\033[1;11H2\033[3;19Hxy");
    b.put(9, 0, "no such row");
    b.put(1, 0, "▁█", Look::bold);
    CHECK(b.update_from(a) == "\033[1;11H2\033[2;1H\033[0;1m▁█\033[3;19H\033[0mxy");
    CHECK(b.text() == "packets 102\n▁█\n                  xy\n");
    // Another size: all anew.
    CHECK(Screen(2, 2).update_from(a).substr(0, 8) == "\033[0m\033[2J");
    // What a dataplane says moves no cursor.
    Screen c(1, 10);
    c.put(0, 0, "a\033[2Jb");
    CHECK(c.text() == "a?[2Jb\n");
}

TEST_CASE("a plot shows the newest values, and that something is not nothing") {
    CHECK(plot({0, 4, 8}, 3) == " ▄█");
    CHECK(plot({8, 0.01}, 4) == "  █▁");
    CHECK(plot({1, 2, 3, 4}, 2) == "▆█");
    CHECK(plot({}, 2) == "  ");
    CHECK(plot({0, 0}, 2) == "  ");
    CHECK(plot({0, 0.01, 4, 8}, 4, Glyphs::ascii) == " .~#");
}

TEST_CASE("numbers are short") {
    CHECK(short_number(0) == "0");
    CHECK(short_number(999) == "999");
    CHECK(short_number(1234) == "1.23 k");
    CHECK(short_number(12345) == "12.3 k");
    CHECK(short_number(999999) == "1.00 M");
    CHECK(short_number(123456789) == "123 M");
}

namespace {

TopSample sample(double seconds, unsigned packets, unsigned drops, const char* instance = "a") {
    TopSample s;
    s.seconds = seconds;
    s.status = {{"instance", instance}, {"bindings", 3}, {"sessions", 4}, {"generation", 2}};
    s.counters = {{"rx_packets", {{"value", packets}}}};
    s.workers = Json::array({{{"id", 0},
                              {"rx_packets", packets},
                              {"busy_cycles", packets * 90},
                              {"cycles_per_second", 180'000},
                              {"turns", packets},
                              {"busy_turns", packets}}});
    s.drops = Json::array({{{"reason", "no_route"}, {"packets", drops}, {"help", "x"}}});
    s.ports = s.pools = s.subscribers = Json::array();
    return s;
}

}  // namespace

TEST_CASE("rates are what was counted between two looks; a new dataplane begins anew") {
    TopView v;
    v.add(sample(10, 1000, 0));
    v.add(sample(12, 3000, 10));
    Json j = v.json();
    CHECK(j["rates"]["packets_in_per_second"] == 1000);
    CHECK(j["rates"]["dropped_per_second"] == 5);
    CHECK(j["workers"][0]["cycles"] == 90);
    CHECK(j["workers"][0]["busy"] == "50 %");
    const std::string text = v.draw(40, 100).text();
    CHECK(text.find("no_route") != std::string::npos);
    CHECK(text.find("1.00 k /s") != std::string::npos);
    v.add(sample(14, 50, 0, "b"));
    v.add(sample(15, 150, 0, "b"));
    CHECK(v.json()["rates"]["packets_in_per_second"] == 100);
    // A number is never cut: 2048 is not "2.05".
    TopSample many = sample(16, 250, 0, "b");
    many.subscribers = Json::array(
        {{{"subscriber", "2001:db8::/64"}, {"udp_ports", 2048}, {"icmp_ids", 123'456'789}}});
    v.add(many);
    CHECK(v.draw(40, 100).text().find("2.05 k") != std::string::npos);
    // Any size will do.
    for (unsigned rows = 0; rows < 30; rows += 3) {
        for (unsigned columns = 1; columns < 120; columns += 7) (void)v.draw(rows, columns);
    }
    TopSample away;
    away.trouble = "the dataplane is away";
    v.add(away);
    CHECK(v.draw(10, 60).text().find("the dataplane is away") != std::string::npos);
}
