// SPDX-License-Identifier: Apache-2.0
// What isthmusctl makes of a packet: a line for people, and a block of a pcapng file.
#include "control/cli/packet_text.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "control/cli/pcapng.h"
#include "test/unit/packets.h"

using namespace isthmus::cli;
using packets::Bytes;
using packets::Ip4;
using packets::Ip6;
using packets::make;
using packets::pattern;
using packets::udp;

TEST_CASE("a packet is one line, and one that is cut short says so") {
    const Bytes p6 =
        make(Ip6{"2001:db8::5", "64:ff9b::c000:201", 64}, 17, udp(1234, 53, pattern(4)));
    CHECK(packet_text(p6, false) == "2001:db8::5 -> 64:ff9b::c000:201 udp 1234 -> 53");
    const Bytes p4 = make(Ip4{"192.0.2.1", "192.0.2.9", 64}, 17, udp(7, 8, pattern(4)));
    Bytes tagged{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7, 8, 0};
    tagged.insert(tagged.end(), p4.begin(), p4.end());
    CHECK(packet_text(tagged, true) == "192.0.2.1 -> 192.0.2.9 udp 7 -> 8");
    for (std::size_t n = 0; n < tagged.size(); n++) {
        // Never reads past the end (the address sanitizer watches), never says nothing.
        const Bytes cut(tagged.begin(), tagged.begin() + static_cast<std::ptrdiff_t>(n));
        CHECK_FALSE(packet_text(cut, true).empty());
        const Bytes cut6(p6.begin(),
                         p6.begin() + static_cast<std::ptrdiff_t>(std::min(n, p6.size())));
        CHECK_FALSE(packet_text(cut6, false).empty());
    }
    CHECK(precise_time_text(1'795'590'000'000'000'007) == "2026-11-25T07:00:00.000000007Z");
}

namespace {

std::uint32_t u32(const std::string& s, std::size_t at) {
    std::uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v |= std::uint32_t{static_cast<std::uint8_t>(s[at + i])} << (8 * i);
    return v;
}

}  // namespace

TEST_CASE("a pcapng file is a chain of blocks: section, interfaces once each, packets") {
    std::ostringstream out;
    Pcapng file(out, "test");
    for (unsigned n = 1; n < 6; n++) {
        const Bytes bytes = pattern(n);
        Pcapng::Packet p;
        p.interface = n % 2 == 0 ? "even" : "odd";
        p.bytes = bytes;
        p.original_bytes = 100;
        p.comment = std::string(n, 'x');
        file.add(p);
    }
    const std::string all = out.str();
    std::vector<std::uint32_t> types;
    for (std::size_t at = 0; at < all.size();) {
        const std::uint32_t length = u32(all, at + 4);
        REQUIRE(length % 4 == 0);
        REQUIRE(at + length <= all.size());
        CHECK(u32(all, at + length - 4) == length);
        types.push_back(u32(all, at));
        if (types.back() == 6) CHECK(u32(all, at + 24) == 100);
        at += length;
    }
    CHECK(types == std::vector<std::uint32_t>{0x0a0d0d0a, 1, 6, 1, 6, 6, 6, 6});
}
