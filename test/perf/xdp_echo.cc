// SPDX-License-Identifier: Apache-2.0
// What a program pays that only gives datagrams back by AF_XDP: the floor of `xdp:` listeners
// (scripts/bench dns64), with their filter and their socket, on queue 0 of an interface.
//
//   xdp_echo INTERFACE ADDRESS PORT
#include <poll.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

#include "dns64/xdp_addresses.h"
#include "dns64/xdp_socket.h"

namespace {

using namespace isthmus;
using namespace isthmus::dns64;

[[noreturn]] void echo(XdpSocket& s) {
    pollfd wait{s.fd(), POLLIN, 0};
    for (;;) {
        const unsigned n = s.receive();
        if (n == 0) {
            ::poll(&wait, 1, -1);
            continue;
        }
        for (unsigned i = 0; i < n; i++) {
            FrameQuery q;
            if (!read_frame(s.received(i), q)) continue;
            const XdpSocket::Room room = s.room();
            if (room.bytes.empty()) continue;
            const std::size_t head = frame_head(q.peer.is_v6());
            std::memcpy(&room.bytes[head], q.message.data(), q.message.size());
            room.bytes[head + 2] |= 0x80;  // QR
            write_frame_head(room.bytes, q.peer, q.back, q.message.size());
            s.queue(room, head + q.message.size());
        }
        s.release();
        while (!s.flush()) {
        }
    }
}

int fail(const Error& e) {
    std::fprintf(stderr, "xdp_echo: %s\n", e.text().c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    config::Endpoint e;
    const auto v6 = argc == 4 ? Ipv6Addr::parse(argv[2]) : std::nullopt;
    const char* end = argc == 4 ? argv[3] + std::strlen(argv[3]) : nullptr;
    if (!v6 || std::from_chars(argv[3], end, e.port).ptr != end) {
        std::fputs("usage: xdp_echo INTERFACE IPV6-ADDRESS PORT\n", stderr);
        return 2;
    }
    e.v6 = *v6;
    const auto facts = facts_of(argv[1], {e});
    if (!facts) return fail(facts.error());
    const auto program = XdpProgram::load(argv[1], facts->match, 1);
    if (!program) return fail(program.error());
    const auto socket = XdpSocket::open(argv[1], 0, (*program)->sockets_fd());
    if (!socket) return fail(socket.error());
    if (const Status s = (*program)->attach(facts->index); !s) return fail(s.error());
    echo(**socket);
}
