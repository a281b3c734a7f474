// SPDX-License-Identifier: Apache-2.0
#include "control/logs/whois.h"

#include <catch2/catch.hpp>

using namespace isthmus;
using namespace isthmus::control;

namespace {

std::string at(const char* clock, const std::string& rest) {
    return "{\"time\":\"2026-11-03T" + std::string(clock) + ".000Z\"," + rest + "}";
}
std::string begun(const char* clock) {
    return at(clock, R"("event":"log_started","new_log":true)");
}
std::string gone_on(const char* clock) { return at(clock, R"("event":"log_started")"); }
std::string mark(const char* clock) { return at(clock, R"("event":"mark","seq":[9])"); }
std::string binding(const char* clock, const char* what, const char* x, int t_id = 41022) {
    return at(clock, R"("event":"binding_)" + std::string(what) +
                         R"(","instance":"a","worker":0,"seq":1,"protocol":"tcp","x":")" + x +
                         R"(","x_id":5000,"t":"203.0.113.9","t_id":)" + std::to_string(t_id));
}
std::string block(const char* clock, const char* what, const char* x) {
    return at(clock, R"("event":"block_)" + std::string(what) +
                         R"(","instance":"a","worker":0,"seq":1,"x":")" + x +
                         R"(","t":"203.0.113.9","t_first":40960,"t_last":41215)");
}

api::Json ask(const std::vector<std::string>& lines, const char* clock, Proto proto = Proto::tcp) {
    Whois w({Ipv4Addr::of(203, 0, 113, 9), 41022, proto,
             *unix_ns_of("2026-11-03T" + std::string(clock) + "Z")});
    for (const std::string& l : lines) w.read(l);
    return w.answer();
}

bool says(const api::Json& a, const std::string& what) {
    return api::to_text(a["reasons"]).find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("times are read in UTC, with fractions and offsets, and nothing else is") {
    CHECK(unix_ns_of("1970-01-01T00:00:01Z") == 1'000'000'000U);
    CHECK(unix_ns_of("2026-11-03T10:02:00.25Z") == unix_ns_of("2026-11-03T12:02:00.25+02:00"));
    for (const char* bad :
         {"", "yesterday", "2026-11-03", "2026-11-03T10:02:00", "2026-13-03T10:02:00Z",
          "2026-11-03T10:02:00Zx", "2026-11-03T25:02:00Z", "1960-01-01T00:00:00Z",
          "2026-02-29T10:00:00Z", "2026-02-31T10:02:05Z", "2026-04-31T10:00:00Z"})
        CHECK_FALSE(unix_ns_of(bad).has_value());
    CHECK(unix_ns_of("2024-02-29T10:00:00Z").has_value());
    CHECK(unix_ns_of("2016-12-31T23:59:60Z") == unix_ns_of("2017-01-01T00:00:00Z"));
}

TEST_CASE("T-6888-020: T,t and a time give one subscriber, with the lifetime") {
    const std::vector<std::string> log{begun("09:00:00"),
                                       binding("10:00:00", "created", "2001:db8::5"),
                                       binding("10:00:30", "created", "2001:db8::6", 5),
                                       binding("11:00:00", "removed", "2001:db8::5"),
                                       binding("11:30:00", "created", "2001:db8::7"),
                                       mark("12:00:00")};
    const auto a = ask(log, "10:30:00");
    INFO(api::to_text(a, 1));
    CHECK(a["found"] == true);
    CHECK(a["x"] == "2001:db8::5");
    CHECK(a["x_id"] == 5000);
    CHECK(a["from"] == "2026-11-03T10:00:00.000Z");
    CHECK(a["until"] == "2026-11-03T11:00:00.000Z");
    CHECK(a["certain"] == true);
    CHECK(ask(log, "11:45:00")["x"] == "2001:db8::7");
    CHECK(ask(log, "11:45:00")["until"].is_null());
    const auto nobody = ask(log, "11:15:00");
    CHECK(nobody["found"] == false);
    CHECK(nobody["certain"] == true);
    CHECK(ask(log, "10:30:00", Proto::udp)["found"] == false);
}

TEST_CASE("a block answers for its ports, of every protocol") {
    const std::vector<std::string> log{
        begun("09:00:00"), block("10:00:00", "created", "2001:db8:7::/64"),
        block("11:00:00", "removed", "2001:db8:7::/64"), mark("12:00:00")};
    const auto a = ask(log, "10:30:00", Proto::udp);
    CHECK(a["x"] == "2001:db8:7::/64");
    CHECK(a["by"] == "block of ports 40960-41215");
    CHECK_FALSE(a.contains("x_id"));
    CHECK(a["certain"] == true);
}

TEST_CASE("what is missing near the time is said, what is missing elsewhere is not") {
    const auto gap = [](const char* clock, const char* after, const char* before) {
        return at(clock,
                  R"("event":"gap","where":"dataplane","worker":0,"lost":12,"after":"2026-11-03T)" +
                      std::string(after) + R"(.000Z","before":"2026-11-03T)" + before + ".000Z\"");
    };
    std::vector<std::string> log{begun("09:00:00"), binding("10:00:00", "created", "2001:db8::5"),
                                 gap("10:20:00", "10:10:00", "10:20:00"), mark("12:00:00")};
    const auto a = ask(log, "10:30:00");
    CHECK(a["found"] == true);
    CHECK(a["certain"] == false);
    CHECK(says(a, "12 records are missing between 2026-11-03T10:10:00"));
    CHECK(ask(log, "10:05:00")["certain"] == true);  // the gap is later
    log = {begun("09:00:00"), gap("09:40:00", "09:30:00", "09:40:00"),
           binding("10:00:00", "created", "2001:db8::5"), mark("12:00:00")};
    CHECK(ask(log, "10:30:00")["certain"] == true);  // the gap is earlier
}

TEST_CASE("what the log cannot know makes the answer uncertain") {
    const std::vector<std::string> log{
        begun("09:00:00"), binding("10:00:00", "removed", "2001:db8::5"),
        binding("10:00:05", "created", "2001:db8::6"), mark("10:30:00")};
    const auto early = ask(log, "09:30:00");
    CHECK(early["x"] == "2001:db8::5");
    CHECK(early["from"].is_null());
    CHECK(says(early, "only the end of it"));
    CHECK(says(ask(log, "08:00:00"), "the log begins at"));
    CHECK(says(ask(log, "10:45:00"), "complete until 2026-11-03T10:30:00"));
    CHECK(says(ask({}, "10:45:00"), "the log is empty"));
    const auto near = ask({begun("09:00:00"), binding("09:10:00", "created", "2001:db8::5"),
                           binding("10:00:00", "removed", "2001:db8::5"),
                           binding("10:00:05", "created", "2001:db8::6"), mark("10:30:00")},
                          "10:00:07");
    CHECK(near["x"] == "2001:db8::6");
    CHECK(says(near, "2001:db8::5 had it until"));
}

TEST_CASE("with the dataplane ends all that it had") {
    const std::string other =
        at("10:30:02",
           R"("event":"dataplane_started","before":"a","started":"2026-11-03T10:30:00.000Z",)"
           R"("complete_until":"2026-11-03T10:29:58.000Z")");
    const std::vector<std::string> log{
        begun("09:00:00"), binding("10:00:00", "created", "2001:db8::5"), other, mark("12:00:00")};
    CHECK(ask(log, "10:20:00")["until"] == "2026-11-03T10:30:00.000Z");
    CHECK(ask(log, "10:20:00")["certain"] == true);
    CHECK(ask(log, "10:40:00")["found"] == false);
    CHECK(says(ask(log, "10:29:59"), "is not known"));
}

TEST_CASE("a clock that was set makes the times between uncertain, and no others") {
    const std::string back =
        at("10:00:00", R"("event":"clock_set","from":"2026-11-03T11:00:00.000Z",)"
                       R"("to":"2026-11-03T10:00:00.000Z","by_milliseconds":-3600000)");
    const std::vector<std::string> log{begun("09:00:00"),
                                       binding("09:55:00", "created", "2001:db8::5"),
                                       mark("10:40:00"),
                                       binding("10:50:00", "removed", "2001:db8::5"),
                                       back,
                                       binding("10:20:00", "created", "2001:db8::6"),
                                       binding("11:10:00", "removed", "2001:db8::6"),
                                       mark("12:00:00")};
    const auto twice = ask(log, "10:30:00");
    INFO(api::to_text(twice, 1));
    CHECK(twice["certain"] == false);
    CHECK(says(twice, "the times between came twice"));
    CHECK(says(twice, "2001:db8::5"));  // both are named
    CHECK(twice["x"] == "2001:db8::6");
    CHECK(ask(log, "09:57:00")["x"] == "2001:db8::5");
    CHECK(ask(log, "09:57:00")["certain"] == true);
    CHECK(ask(log, "11:05:00")["x"] == "2001:db8::6");
    CHECK(ask(log, "11:05:00")["certain"] == true);
    CHECK(ask(log, "11:40:00")["certain"] == true);

    // Set while control was away: nobody saw it, the marks tell.
    const std::vector<std::string> unseen{gone_on("09:00:00"), mark("11:00:00"), mark("10:00:00"),
                                          mark("12:00:00")};
    CHECK(says(ask(unseen, "10:30:00"), "came twice"));
    CHECK(ask(unseen, "11:30:00")["certain"] == true);

    const std::string ahead =
        at("12:00:00", R"("event":"clock_set","from":"2026-11-03T11:00:00.000Z",)"
                       R"("to":"2026-11-03T12:00:00.000Z","by_milliseconds":3600000)");
    CHECK(says(ask({begun("09:00:00"), ahead, mark("12:30:00")}, "11:30:00"), "never were"));
}

TEST_CASE("a mark says up to when the log is complete, which is before it was written") {
    const std::string late =
        at("12:00:00", R"("event":"mark","seq":[9],"complete_until":"2026-11-03T11:00:00.000Z")");
    CHECK(ask({gone_on("09:00:00"), late}, "10:30:00")["certain"] == true);
    CHECK(says(ask({gone_on("09:00:00"), late}, "11:30:00"), "complete until 2026-11-03T11:00"));
    // Alarms and the like say nothing of completeness.
    CHECK(says(ask({begun("09:00:00"), mark("10:00:00"),
                    at("12:00:00", R"("event":"threshold_reached","threshold":"pool_high")")},
                   "11:30:00"),
               "complete until 2026-11-03T10:00"));
}

TEST_CASE("lines that are no records change nothing") {
    const std::vector<std::string> log{begun("09:00:00"),
                                       "",
                                       "not json \"t\":\"203.0.113.9\"",
                                       "[]",
                                       R"({"t":"203.0.113.9","event":"binding_created"})",
                                       binding("10:00:00", "created", "2001:db8::5"),
                                       mark("12:00:00")};
    CHECK(ask(log, "10:30:00")["x"] == "2001:db8::5");
}
