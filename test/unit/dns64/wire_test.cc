// SPDX-License-Identifier: Apache-2.0
#include "dns64/wire.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace isthmus::dns64;

namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

std::vector<std::uint8_t> hex(std::string_view text) {
    std::vector<std::uint8_t> out;
    int high = -1;
    for (const char c : text) {
        const int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0) continue;
        if (high < 0) {
            high = v;
        } else {
            out.push_back(static_cast<std::uint8_t>(high * 16 + v));
            high = -1;
        }
    }
    return out;
}

Fault fault_of(std::string_view text) {
    const auto bytes = hex(text);
    Message m;
    return Message::parse(bytes, m);
}

}  // namespace

TEST_CASE("what the writer writes the reader reads") {
    std::array<std::uint8_t, 512> buffer{};
    Writer w(buffer);
    w.header(0x1234, flag::qr | flag::ra);
    w.question(name("www.Example.com"), rr::aaaa, kClassIn);
    const auto mark = w.begin_record(name("www.Example.com"), rr::cname, kClassIn, 300);
    w.name(name("cdn.Example.com"));
    w.end_record(mark);
    w.count(Section::answer);
    REQUIRE(w.ok());

    Message m;
    REQUIRE(Message::parse(w.written(), m) == Fault::none);
    CHECK(m.id() == 0x1234);
    CHECK(m.qtype() == rr::aaaa);
    CHECK(answers(m, name("WWW.example.COM"), rr::aaaa, kClassIn));
    CHECK_FALSE(answers(m, name("WWW.example.COM"), rr::a, kClassIn));
    unsigned n = 0;
    m.each(Section::answer, [&](const Record& r) {
        n++;
        CHECK(name_text(m.name_at(r.owner_at)) == "www.Example.com.");
        CHECK(m.name_is(r.owner_at, name("www.example.com")));
        CHECK(name_text(m.name_at(r.rdata_at)) == "cdn.Example.com.");
        CHECK(m.name_is(r.rdata_at, name("CDN.example.com")));
        CHECK_FALSE(m.name_is(r.rdata_at, name("CDN.example.net")));
        CHECK(r.ttl == 300);
        // Owner: a pointer to the question; target: "cdn" and a pointer.
        CHECK(r.rdata_len == 6);
    });
    CHECK(n == 1);
}

TEST_CASE("a record that does not fit is taken back whole") {
    std::array<std::uint8_t, 40> buffer{};
    Writer w(buffer);
    w.header(1, 0);
    w.question(name("a.b"), rr::a, kClassIn);
    const std::size_t before = w.size();
    const auto mark = w.begin_record(name("cc.dd"), rr::a, kClassIn, 1);
    w.u32(0);
    w.end_record(mark);
    CHECK_FALSE(w.ok());
    w.rewind(before);
    CHECK(w.ok());
    Message m;
    CHECK(Message::parse(w.written(), m) == Fault::none);
}

TEST_CASE("T-6147-sec-019: malformed messages are refused with a reason") {
    const std::string head = "0001 0100 0001 0000 0000 0000 ";
    CHECK(fault_of("0001 0100 0001 0000 0000") == Fault::header);
    CHECK(fault_of(head) == Fault::counts);
    CHECK(fault_of(head + "01 61 00 0001 0001") == Fault::none);
    CHECK(fault_of(head + "01 61 00 0001 00") == Fault::counts);
    CHECK(fault_of(head + "02 61") == Fault::name);
    CHECK(fault_of(head + "c00c 0001 0001") == Fault::name);      // points at itself
    CHECK(fault_of(head + "c020 0001 0001") == Fault::name);      // points forward
    CHECK(fault_of(head + "c000 0001 0001") == Fault::name);      // points into the header
    CHECK(fault_of(head + "41 61 00 0001 0001") == Fault::name);  // label type 01
    CHECK(fault_of(head + "80 61 00 0001 0001") == Fault::name);  // label type 10
    const std::string answer = "0001 8180 0001 0001 0000 0000 01 61 00 0001 0001 ";
    CHECK(fault_of(answer + "c00c 0001 0001 00000001 0004 c0000201") == Fault::none);
    CHECK(fault_of(answer + "c00c 0001 0001 00000001 0003 c00002") == Fault::rdata);
    CHECK(fault_of(answer + "c00c 001c 0001 00000001 0004 c0000201") == Fault::rdata);
    CHECK(fault_of(answer + "c00c 0001 0001 00000001 0005 c0000201") == Fault::record);
    CHECK(fault_of(answer + "c00c 0001 0001 0000") == Fault::record);
    CHECK(fault_of(answer) == Fault::counts);
    CHECK(fault_of(answer + "c013 0001 0001 00000001 0000") == Fault::name);  // its own place
    // A CNAME whose name passes its RDATA, and one whose pointer loops through the RDATA.
    CHECK(fault_of(answer + "c00c 0005 0001 00000001 0002 01 62 00") == Fault::rdata);
    CHECK(fault_of(answer + "c00c 0005 0001 00000001 0004 01 62 c01f") == Fault::rdata);
    CHECK(fault_of(answer + "c00c 0006 0001 00000001 0002 0000") == Fault::rdata);  // SOA
}

TEST_CASE("a message of pointers is refused quickly") {
    // Each pointer goes one step back: legal one by one, a walk of thousands in a row.
    std::vector<std::uint8_t> b = hex("0001 8180 0001 ffff 0000 0000 01 61 00 0001 0001");
    while (b.size() < 16384) {
        const std::size_t to = b.size() == 19 ? 12 : b.size() - 2;
        b.push_back(static_cast<std::uint8_t>(0xc0 | (to >> 8)));
        b.push_back(static_cast<std::uint8_t>(to));
    }
    Message m;
    CHECK(Message::parse(b, m) != Fault::none);
}

TEST_CASE("OPT is found, and its faults are named while the rest is still read") {
    const std::string head = "0001 0100 0001 0000 0000 0001 01 61 00 001c 0001 ";
    const auto good = hex(head + "00 0029 04d0 00 00 8000 0008 000a 0004 01020304");
    Message m;
    REQUIRE(Message::parse(good, m) == Fault::none);
    CHECK(m.edns().present);
    CHECK(m.edns().dnssec_ok);
    CHECK(m.edns().udp_size == 1232);
    unsigned n = 0;
    m.each_option([&](unsigned code, Bytes value) {
        n++;
        CHECK(code == option::cookie);
        CHECK(value.size() == 4);
        return true;
    });
    CHECK(n == 1);
    CHECK(fault_of(head + "01 62 00 0029 04d0 00 00 0000 0000") == Fault::opt_owner);
    CHECK(fault_of(head + "00 0029 04d0 00 00 0000 0003 000a 00") == Fault::opt_options);
    CHECK(fault_of(head + "00 0029 04d0 00 00 0000 0005 000a 0004 01") == Fault::opt_options);
    CHECK(fault_of("0001 0100 0001 0000 0000 0002 01 61 00 001c 0001 "
                   "00 0029 04d0 00 00 0000 0000 00 0029 04d0 00 00 0000 0000") ==
          Fault::opt_twice);
    CHECK(fault_of("0001 0100 0001 0001 0000 0000 01 61 00 001c 0001 "
                   "00 0029 04d0 00 00 0000 0000") == Fault::opt_place);
}

TEST_CASE("T-6147-sec-040 T-9460-003: RDATA of unknown types is copied octet by octet") {
    // HTTPS, and TYPE65280, with octets that look like pointers.
    for (const char* type : {"0041", "ff00"}) {
        const auto in = hex("0001 8180 0001 0001 0000 0000 01 61 00 0041 0001 c00c " +
                            std::string(type) + " 0001 00000005 0007 0001 c00c c0ff 00");
        Message m;
        REQUIRE(Message::parse(in, m) == Fault::none);
        std::array<std::uint8_t, 512> buffer{};
        Writer w(buffer);
        w.header(1, flag::qr);
        w.question(m.qname(), m.qtype(), m.qclass());
        m.each(Section::answer, [&](const Record& r) {
            w.copy(m, r, m.name_at(r.owner_at), r.ttl);
            w.count(Section::answer);
        });
        Message out;
        REQUIRE(Message::parse(w.written(), out) == Fault::none);
        out.each(Section::answer, [&](const Record& r) {
            const Bytes rdata = out.rdata(r);
            CHECK(std::vector<std::uint8_t>(rdata.begin(), rdata.end()) == hex("0001c00cc0ff00"));
        });
    }
}

TEST_CASE("names in RDATA of known types are expanded on the way") {
    // SOA and MX whose names point into the source message.
    const auto in =
        hex("0001 8180 0001 0002 0000 0000 03 777777 01 61 00 000f 0001 "
            "c00c 000f 0001 00000005 0006 000a 016d c010 "
            "c010 0006 0001 00000005 0018 c00c c010 00000001 00000002 00000003 00000004 00000005");
    Message m;
    REQUIRE(Message::parse(in, m) == Fault::none);
    std::array<std::uint8_t, 512> buffer{};
    Writer w(buffer);
    w.header(1, flag::qr);
    w.question(name("x.y"), rr::mx, kClassIn);
    m.each(Section::answer, [&](const Record& r) {
        w.copy(m, r, m.name_at(r.owner_at), r.ttl);
        w.count(Section::answer);
    });
    Message out;
    REQUIRE(Message::parse(w.written(), out) == Fault::none);
    std::vector<std::string> seen;
    out.each(Section::answer, [&](const Record& r) {
        if (r.type == rr::mx)
            seen.push_back(name_text(out.name_at(static_cast<std::uint16_t>(r.rdata_at + 2))));
        if (r.type == rr::soa) seen.push_back(name_text(out.name_at(r.rdata_at)));
    });
    CHECK(seen == std::vector<std::string>{"m.a.", "www.a."});
}

TEST_CASE("T-2308-001 T-2308-010 T-2308-012: the lifetime of an answer") {
    const auto of = [](const std::string& text, RrType type) {
        const auto bytes = hex(text);
        Message m;
        REQUIRE(Message::parse(bytes, m) == Fault::none);
        return lifetime(m, type, 10800);
    };
    const std::string question = "01 61 00 001c 0001 ";
    const std::string soa = "00 0006 0001 00000e10 0016 00 00 00000001 00000002 00000003 00000004 ";
    CHECK(of("0001 8180 0001 0000 0001 0000 " + question + soa + "0000003c", rr::aaaa) == 60);
    CHECK(of("0001 8180 0001 0000 0001 0000 " + question + soa + "00015180", rr::aaaa) == 3600);
    CHECK(of("0001 8180 0001 0000 0000 0000 " + question, rr::aaaa) == 0);
    const std::string a = "c00c 001c 0001 ";
    const std::string rdata = " 0010 20010db8000000000000000000000001";
    CHECK(of("0001 8180 0001 0001 0000 0000 " + question + a + "0000012c" + rdata, rr::aaaa) ==
          300);
    CHECK(of("0001 8180 0001 0001 0000 0000 " + question + a + "80000000" + rdata, rr::aaaa) ==
          kTtlMost);
}

TEST_CASE("T-6147-ans-037 T-2308-003: TTLs count down and stop at zero") {
    auto bytes =
        hex("0001 8180 0001 0002 0000 0000 01 61 00 0001 0001 "
            "c00c 0001 0001 0000000a 0004 c0000201 c00c 0001 0001 00000003 0004 c0000202");
    Message m;
    REQUIRE(Message::parse(bytes, m) == Fault::none);
    age_ttls(bytes, m, 4);
    std::vector<std::uint32_t> ttls;
    m.each(Section::answer, [&](const Record& r) { ttls.push_back(r.ttl); });
    CHECK(ttls == std::vector<std::uint32_t>{6, 0});
    clamp_ttls(bytes, m, 5);
    ttls.clear();
    m.each(Section::answer, [&](const Record& r) { ttls.push_back(r.ttl); });
    CHECK(ttls == std::vector<std::uint32_t>{5, 0});
}
