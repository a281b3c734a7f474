// SPDX-License-Identifier: Apache-2.0
#include "common/api/event.h"

#include <catch2/catch.hpp>
#include <random>

using namespace isthmus;
using namespace isthmus::api;

TEST_CASE("an event survives its way as bytes") {
    Event e;
    e.sequence = 0x0102030405060708;
    e.unix_ns = 1'793'700'118'123'456'789;
    e.worker = 63;
    e.kind = EventKind::block_removed;
    e.proto = Proto::icmp;
    e.why = Drop::subscriber_ports;
    e.group = 7;
    e.x_bits = 56;
    e.x = *Ipv6Addr::parse("2001:db8:7::");
    e.t = Ipv4Addr::of(203, 0, 113, 9);
    e.z = Ipv4Addr::of(198, 51, 100, 1);
    e.x_id = 1;
    e.t_id = 65535;
    e.z_id = 443;
    e.t_last = 1279;
    e.limit = 2048;
    e.suppressed = 99;
    std::string bytes;
    append(bytes, e);
    REQUIRE(bytes.size() == kEventBytes);
    REQUIRE(read_event(bytes) == e);
}

TEST_CASE("bytes that no event has are refused, whatever they are") {
    REQUIRE_FALSE(read_event("short"));
    std::string bytes;
    append(bytes, Event{});
    bytes[18] = static_cast<char>(kEventCount);
    REQUIRE_FALSE(read_event(bytes));
    std::mt19937 random(7);
    for (int i = 0; i < 20000; i++) {
        for (char& c : bytes) c = static_cast<char>(random());
        const auto e = read_event(bytes);
        if (e) REQUIRE(static_cast<unsigned>(e->kind) < kEventCount);
    }
}

TEST_CASE("base64 as RFC 4648 section 10 has it, and back") {
    const std::pair<const char*, const char*> table[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : table) {
        REQUIRE(base64(bytes) == text);
        REQUIRE(from_base64(text) == bytes);
    }
    for (const char* bad : {"Zg=", "Zg", "Z===", "Zg==Zg==", "Z!==", "=Zg="})
        REQUIRE_FALSE(from_base64(bad));
}
