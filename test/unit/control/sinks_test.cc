// SPDX-License-Identifier: Apache-2.0
// Syslog messages, IPFIX messages, the spool.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "control/logs/ipfix.h"
#include "control/logs/spool.h"
#include "control/logs/syslog.h"
#include "test/unit/folder.h"

using namespace isthmus;
using namespace isthmus::control;

namespace {

namespace fs = std::filesystem;

api::Event event(EventKind kind, std::uint64_t seq = 7) {
    api::Event e;
    e.sequence = seq;
    e.unix_ns = 1'793'700'122'345'000'000;
    e.kind = kind;
    e.proto = Proto::tcp;
    e.x = *Ipv6Addr::parse("2001:db8:7::5");
    e.x_id = 40000;
    e.t = Ipv4Addr::of(203, 0, 113, 9);
    e.t_id = 0xa03e;
    e.z = Ipv4Addr::of(198, 51, 100, 1);
    e.z_id = 443;
    return e;
}

LogBatch batch(std::uint64_t first, std::uint64_t last) {
    LogBatch out;
    out.instance = "a1";
    for (std::uint64_t n = first; n <= last; n++)
        out.records.emplace_back(event(EventKind::binding_created, n));
    return out;
}

unsigned u16(const std::string& m, std::size_t at) {
    return static_cast<unsigned>(static_cast<std::uint8_t>(m[at])) << 8 |
           static_cast<std::uint8_t>(m[at + 1]);
}

/// The data set of one record, as bytes behind the set's header.
std::string data_of(const LogRecord& e, unsigned& set) {
    IpfixEncoder enc(7, 1400);
    std::vector<std::string> got;
    const auto keep = [&](const std::string& m) -> Status {
        got.push_back(m);
        return Done{};
    };
    REQUIRE(enc.templates(keep).ok());
    REQUIRE(enc.add(e, keep).ok());
    REQUIRE(enc.flush(keep).ok());
    REQUIRE(got.size() == 2);
    const std::string& m = got[1];
    REQUIRE(u16(m, 0) == 10);
    REQUIRE(u16(m, 2) == m.size());
    CHECK(u16(m, 14) == 7);  // domain, its lower half
    set = u16(m, 16);
    return m.substr(20);
}

}  // namespace

TEST_CASE("a syslog message is RFC 5424, and what could break out of it is escaped") {
    CHECK(syslog_message("a1", event(EventKind::binding_created), 16, "gw isthmus 42") ==
          "<134>1 2026-11-03T10:02:02.345Z gw isthmus 42 binding_created [nat64@32473 "
          "instance=\"a1\" "
          "worker=\"0\" seq=\"7\" protocol=\"tcp\" x=\"2001:db8:7::5\" x_id=\"40000\" "
          "t=\"203.0.113.9\" "
          "t_id=\"41022\"]");
    const std::string gap = syslog_message(
        "a1", Note{1'793'700'122'345'000'000, "gap", {{"where", "a\"b]c\\"}}}, 16, "gw isthmus 42");
    CHECK(gap.find("<131>1 ") == 0);
    CHECK(gap.find(R"(where="a\"b\]c\\")") != std::string::npos);
    CHECK(syslog_message("", event(EventKind::quota_exceeded), 16, "gw i 1").find("<132>1 ") == 0);
    const Note alarm{5, "threshold_reached", {{"threshold", "pool_high"}}};
    CHECK(syslog_message("", alarm, 16, "gw i 1").find("<132>1 ") == 0);
}

TEST_CASE("T-8158-003 T-8158-016: a binding record, byte by byte") {
    unsigned set = 0;
    const std::string d = data_of(event(EventKind::binding_created), set);
    CHECK(set == 256);
    REQUIRE(d.size() == 34);
    const std::uint64_t ms = 1'793'700'122'345;
    for (std::size_t i = 0; i < 8; i++)
        CHECK(static_cast<std::uint8_t>(d[i]) == ((ms >> (56 - 8 * i)) & 0xff));
    CHECK(d[8] == 10);  // NAT64 BIB create
    CHECK(d.substr(9, 4) == std::string("\x20\x01\x0d\xb8", 4));
    CHECK(d[24] == 5);
    CHECK(d.substr(25, 4) == std::string("\xcb\x00\x71\x09", 4));
    CHECK(d[29] == 6);
    CHECK(u16(d, 30) == 40000);
    CHECK(u16(d, 32) == 0xa03e);
}

TEST_CASE(
    "T-8158-001 T-8158-002 T-8158-004 T-8158-005 T-8158-006 T-8158-015: the event of each kind") {
    unsigned set = 0;
    CHECK(data_of(event(EventKind::binding_removed), set)[8] == 11);
    const std::string session = data_of(event(EventKind::session_created), set);
    CHECK(session[8] == 6);
    CHECK(session.substr(34, 4) == std::string("\xc6\x33\x64\x01", 4));
    CHECK(u16(session, 38) == 443);
    CHECK(data_of(event(EventKind::session_removed), set)[8] == 7);
    CHECK(data_of(event(EventKind::address_bound), set)[8] == 14);
    CHECK(data_of(event(EventKind::address_freed), set)[8] == 15);
    api::Event b = event(EventKind::block_created);
    b.t_id = 1024;
    b.t_last = 1279;
    const std::string block = data_of(b, set);
    CHECK(block[8] == 16);
    CHECK(u16(block, 29) == 1024);
    CHECK(u16(block, 31) == 1279);
    b.kind = EventKind::block_removed;
    CHECK(data_of(b, set)[8] == 17);
    CHECK(data_of(event(EventKind::addresses_exhausted), set)[8] == 3);
    CHECK(data_of(event(EventKind::ports_exhausted), set)[8] == 12);
    api::Event q = event(EventKind::quota_exceeded);
    q.limit = 2048;
    for (const auto& [why, number] : {std::pair{Drop::session_table_full, 1},
                                      {Drop::binding_table_full, 2},
                                      {Drop::subscriber_ports, 3},
                                      {Drop::subscriber_sessions, 3},
                                      {Drop::subscriber_table_full, 4}}) {
        q.why = why;
        const std::string d = data_of(q, set);
        CHECK(d[8] == 13);
        CHECK(d[12] == number);
        CHECK(u16(d, 15) == 2048);
    }
}

TEST_CASE("T-8158-007: each threshold has its event, its limit, and whose it is") {
    unsigned set = 0;
    api::Event e = event(EventKind::threshold_reached);
    e.limit = 500;
    const std::string user = data_of(e, set);
    CHECK(set == 270);
    REQUIRE(user.size() == 37);
    CHECK(user[8] == 18);
    CHECK(user[12] == 4);
    CHECK(u16(user, 15) == 500);  // element 478
    CHECK(u16(user, 19) == 500);  // element 480
    CHECK(user.substr(21, 4) == std::string("\x20\x01\x0d\xb8", 4));
    const auto note = [&](const char* which) {
        return data_of(Note{1'793'700'122'345'000'000,
                            "threshold_reached",
                            {{"threshold", which},
                             {"pool", "b"},
                             {"pool_id", 3},
                             {"value", 91},
                             {"limit", 900}}},
                       set);
    };
    for (const auto& [which, id, number] :
         {std::tuple{"pool_high", 267U, 1}, std::tuple{"pool_low", 268U, 2}}) {
        const std::string d = note(which);
        CHECK(set == id);
        REQUIRE(d.size() == 21);
        CHECK(d[8] == 18);
        CHECK(d[12] == 3);
        CHECK(d[16] == number);
        CHECK(u16(d, 19) == 900);
    }
    for (const auto& [which, id, number] :
         {std::tuple{"bindings_high", 269U, 3}, std::tuple{"subscribers_high", 271U, 5}}) {
        const std::string d = note(which);
        CHECK(set == id);
        REQUIRE(d.size() == 17);
        CHECK(d[12] == number);
        CHECK(u16(d, 15) == 900);
    }
}

TEST_CASE("T-8158-009: messages fit, records are counted, templates come before them") {
    IpfixEncoder enc(1, 512);
    std::vector<std::string> got;
    const auto keep = [&](const std::string& m) -> Status {
        got.push_back(m);
        return Done{};
    };
    REQUIRE(enc.templates(keep).ok());
    CHECK(u16(got[0], 16) == 2);  // a template set
    for (const LogRecord& r : batch(1, 100).records) REQUIRE(enc.add(r, keep).ok());
    REQUIRE(enc.add(Note{1'793'700'122'345'000'000, "gap", {{"lost", 12U}}}, keep).ok());
    REQUIRE(enc.add(Note{1'793'700'122'345'000'000, "mark", {{"seq", {1}}}}, keep).ok());
    REQUIRE(enc.flush(keep).ok());
    unsigned expected = 0;
    for (std::size_t i = 1; i < got.size(); i++) {
        CHECK(got[i].size() <= 512);
        CHECK(u16(got[i], 10) == expected);  // sequence number, its lower half
        for (std::size_t at = 16; at < got[i].size(); at += u16(got[i], at + 2)) {
            if (u16(got[i], at) == 256) expected += (u16(got[i], at + 2) - 4) / 34;
        }
    }
    CHECK(expected == 100);
}

TEST_CASE("T-8158-009: options data count, and the count goes on with another length of messages") {
    std::vector<std::string> got;
    const auto keep = [&](const std::string& m) -> Status {
        got.push_back(m);
        return Done{};
    };
    IpfixEncoder first(1, 1400);
    REQUIRE(first.templates(keep).ok());
    for (const LogRecord& r : batch(1, 5).records) REQUIRE(first.add(r, keep).ok());
    const Note gap{1'793'700'122'345'000'000,
                   "gap",
                   {{"lost", 12U},
                    {"after", "2026-11-03T10:00:00.000Z"},
                    {"before", "2026-11-03T10:01:00.000Z"}}};
    REQUIRE(first.add(gap, keep).ok());
    REQUIRE(first.flush(keep).ok());
    CHECK(first.sequence() == 6);
    IpfixEncoder second(1, 512);
    second.set_sequence(first.sequence());
    second.set_not_sent(first.not_sent());
    REQUIRE(second.templates(keep).ok());
    REQUIRE(second.add(gap, keep).ok());
    REQUIRE(second.flush(keep).ok());
    CHECK(u16(got.back(), 10) == 6);
    CHECK(second.sequence() == 7);
    // RFC 7011 s4.3: a total, with the times of the first and the last.
    const std::string data = got.back().substr(20);
    REQUIRE(data.size() == 28);
    CHECK(u16(data, 26) == 24);
    CHECK(data.substr(4, 8) < data.substr(12, 8));
    // A mark repeats it; without a loss it says nothing.
    const Note mark{1'793'700'122'345'000'000, "mark", {{"seq", {1}}}};
    REQUIRE(second.add(mark, keep).ok());
    CHECK(second.sequence() == 8);
    IpfixEncoder third(1, 512);
    REQUIRE(third.add(mark, keep).ok());
    CHECK(third.sequence() == 0);
}

TEST_CASE("a spool gives back what it got, in order, to a later control too, and keeps its limit") {
    const Folder dir;
    {
        Spool s(dir.path + "/s", 1 << 20);
        REQUIRE(s.append(batch(1, 10)).ok());
        LogBatch note;
        note.instance = "a1";
        note.records.emplace_back(Note{5, "gap", {{"lost", 3U}}});
        REQUIRE(s.append(note).ok());
        REQUIRE(s.append(batch(11, 12)).ok());
    }
    Spool s(dir.path + "/s", 1 << 20);
    REQUIRE(s.append(batch(13, 13)).ok());
    REQUIRE(s.front()->records.size() == 10);
    CHECK(s.front()->instance == "a1");
    CHECK(*event_of(s.front()->records[9]) == event(EventKind::binding_created, 10));
    s.pop();
    REQUIRE(note_of(s.front()->records[0]) != nullptr);
    CHECK(note_of(s.front()->records[0])->fields["lost"] == 3);
    s.pop();
    CHECK(event_of(s.front()->records[0])->sequence == 11);
    s.pop();
    CHECK(event_of(s.front()->records[0])->sequence == 13);
    s.pop();
    CHECK(s.front() == nullptr);
    CHECK(s.empty());
    CHECK(s.bytes() == 0);
    CHECK(fs::is_empty(dir.path + "/s"));
    std::uint64_t kept = 0;
    while (s.append(batch(1, 1000)).ok()) kept++;
    CHECK(kept > 2);
    CHECK(s.bytes() <= 1 << 20);
}

TEST_CASE("half a batch at the end of a spool is left out") {
    const Folder dir;
    {
        Spool s(dir.path + "/s", 1 << 20);
        REQUIRE(s.append(batch(1, 2)).ok());
    }
    for (const auto& segment : fs::directory_iterator(dir.path + "/s"))
        std::ofstream(segment.path(), std::ios::app) << "B 2 a1\nE AAAA";
    Spool s(dir.path + "/s", 1 << 20);
    REQUIRE(s.front() != nullptr);
    s.pop();
    CHECK(s.front() == nullptr);
}

TEST_CASE("what is put first into a spool comes first, also to a later control") {
    const Folder dir;
    const auto shared = [](const LogBatch& b) { return std::make_shared<const LogBatch>(b); };
    {
        Spool s(dir.path + "/s", 1 << 20);
        REQUIRE(s.append(batch(5, 6)).ok());
        REQUIRE(s.append(batch(7, 8)).ok());
        REQUIRE(s.front() != nullptr);
        s.pop();
        const std::vector again{shared(batch(1, 2)), shared(batch(3, 4))};
        REQUIRE(s.put_first(again).ok());
        CHECK(event_of(s.front()->records[0])->sequence == 1);
        s.pop();
        CHECK(event_of(s.front()->records[0])->sequence == 3);
    }
    Spool s(dir.path + "/s", 1 << 20);
    std::vector<std::uint64_t> got;
    for (auto b = s.front(); b != nullptr; b = s.front()) {
        got.push_back(event_of(b->records[0])->sequence);
        s.pop();
    }
    CHECK(got == std::vector<std::uint64_t>{1, 3, 5, 7});  // a segment comes again whole
    CHECK(fs::is_empty(dir.path + "/s"));
}
