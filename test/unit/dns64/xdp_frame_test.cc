// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_frame.h"

#include <catch2/catch.hpp>
#include <vector>

#include "common/net/checksum.h"

using namespace isthmus;
using namespace isthmus::dns64;

namespace {

using Octets = std::vector<std::uint8_t>;

const FrameReturn kBack4{{2, 0, 0, 0, 0, 9}, {2, 0, 0, 0, 0, 53}, Be16{53}, {192, 0, 2, 53}};
const FrameReturn kBack6{{2, 0, 0, 0, 0, 9},
                         {2, 0, 0, 0, 0, 53},
                         Be16{53},
                         {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}};

/// A frame that an answer would be: read from the other end, it is a query.
Octets frame_of(const char* peer, const FrameReturn& back, const Octets& message) {
    const auto v6 = Ipv6Addr::parse(peer);
    const SocketAddress to =
        v6 ? SocketAddress::of(*v6, 4000) : SocketAddress::of(*Ipv4Addr::parse(peer), 4000);
    const std::size_t head = frame_head(to.is_v6());
    Octets frame(head + message.size());
    std::copy(message.begin(), message.end(), frame.begin() + static_cast<long>(head));
    write_frame_head(frame, to, back, message.size());
    return frame;
}

bool reads(const Octets& frame) {
    FrameQuery q;
    return read_frame(frame, q);
}

const Octets kMessage{1, 2, 3, 4, 5, 6, 7};

}  // namespace

TEST_CASE("a frame that is written can be read, and says the same") {
    for (const char* peer : {"192.0.2.9", "2001:db8::9"}) {
        INFO(peer);
        const bool v6 = Ipv6Addr::parse(peer).has_value();
        const FrameReturn& back = v6 ? kBack6 : kBack4;
        const Octets frame = frame_of(peer, back, kMessage);
        FrameQuery q;
        REQUIRE(read_frame(frame, q));
        CHECK(Octets(q.message.begin(), q.message.end()) == kMessage);
        // Source and destination are the answer's.
        CHECK(q.peer.port() == 53);
        CHECK(q.peer.host_text() == (v6 ? "2001:db8::53" : "192.0.2.53"));
        CHECK(q.back.own_port == Be16{4000});
        CHECK(q.back.own_mac == back.peer_mac);
        CHECK(q.back.peer_mac == back.own_mac);
    }
}

TEST_CASE("a frame with any octet changed, or cut anywhere, is refused or reads the same") {
    for (const char* peer : {"192.0.2.9", "2001:db8::9"}) {
        const bool v6 = Ipv6Addr::parse(peer).has_value();
        const Octets good = frame_of(peer, v6 ? kBack6 : kBack4, kMessage);
        for (std::size_t i = kEthernetBytes; i < good.size(); i++) {
            INFO(peer << " octet " << i);
            Octets bad = good;
            bad[i] ^= 0x10;
            // IPv6 sums up nothing of class, flow label and hop limit.
            const std::size_t at = i - kEthernetBytes;
            const bool free = v6 && at < 8 && at != 0 && (at < 4 || at == ipv6_at::kHopLimit);
            CHECK(reads(bad) == free);
            CHECK_FALSE(reads({good.begin(), good.begin() + static_cast<long>(i)}));
        }
    }
}

TEST_CASE("UDP checksums: none is for IPv4 only, unfinished ones are good, 0 is sent as 0xffff") {
    for (const char* peer : {"192.0.2.9", "2001:db8::9"}) {
        INFO(peer);
        const bool v6 = Ipv6Addr::parse(peer).has_value();
        Octets frame = frame_of(peer, v6 ? kBack6 : kBack4, kMessage);
        const std::size_t at = frame_head(v6) - kUdpBytes + udp_at::kChecksum;
        store_raw16(&frame[at], 0);
        CHECK(reads(frame) == !v6);
        Sum pseudo;
        pseudo.add(v6 ? Bytes(frame).subspan(kEthernetBytes + ipv6_at::kSource, 32)
                      : Bytes(frame).subspan(kEthernetBytes + ipv4_at::kSource, 8));
        pseudo.add(Be16{static_cast<std::uint16_t>(kUdpBytes + kMessage.size())});
        pseudo.add(Be16{ip_proto::kUdp});
        store_raw16(&frame[at], pseudo.fold());
        CHECK(reads(frame));
        store_raw16(&frame[at], static_cast<std::uint16_t>(pseudo.fold() ^ 1));
        CHECK_FALSE(reads(frame));
    }
    // Two octets that bring the sum to 0xffff, whose complement would say: no checksum.
    Octets message{0, 0};
    Octets frame = frame_of("192.0.2.9", kBack4, message);
    const std::size_t at = frame_head(false) - kUdpBytes + udp_at::kChecksum;
    const std::uint16_t sum = raw16(&frame[at]);
    std::memcpy(message.data(), &sum, 2);
    frame = frame_of("192.0.2.9", kBack4, message);
    CHECK(raw16(&frame[at]) == 0xffff);
    CHECK(reads(frame));
}

TEST_CASE("nobody asks from a martian address") {
    for (const char* own : {"127.0.0.1", "0.0.0.1", "224.0.0.1", "255.255.255.255"}) {
        INFO(own);
        FrameReturn back = kBack4;
        const auto o = Ipv4Addr::parse(own)->octets();
        std::copy(o.begin(), o.end(), back.own.begin());
        CHECK_FALSE(reads(frame_of("192.0.2.9", back, kMessage)));
    }
    for (const char* own : {"::", "::1", "ff02::1", "::ffff:192.0.2.1"}) {
        INFO(own);
        FrameReturn back = kBack6;
        back.own = Ipv6Addr::parse(own)->octet;
        CHECK_FALSE(reads(frame_of("2001:db8::9", back, kMessage)));
    }
    CHECK_FALSE(reads(frame_of("192.0.2.53", kBack4, kMessage)));
    CHECK_FALSE(reads(frame_of("2001:db8::53", kBack6, kMessage)));
}
