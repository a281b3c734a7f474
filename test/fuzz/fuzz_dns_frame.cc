// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame that came by AF_XDP: what is read of it lies in it, and the answer's frame
// is one that the other end would read, with this message and from these addresses.
#include <vector>

#include "dns64/xdp_frame.h"
#include "test/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace isthmus::dns64;
    using fuzz::require;
    const Bytes frame(data, size);
    FrameQuery q;
    if (!read_frame(frame, q)) return 0;
    const std::size_t head = frame_head(q.peer.is_v6());
    require(q.message.data() == data + head, "the message is not behind its headers");
    require(head + q.message.size() <= size, "the message passes the frame's end");
    require(q.peer.port() != 0, "nobody asks from port 0");
    std::vector<std::uint8_t> answer(head + q.message.size());
    std::copy(q.message.begin(), q.message.end(), answer.begin() + static_cast<long>(head));
    write_frame_head(answer, q.peer, q.back, q.message.size());
    FrameQuery again;
    if (!read_frame(answer, again)) return 0;  // an address of ours that nobody asks from
    require(again.message.size() == q.message.size(), "another length");
    require(again.back.own_port.host() == q.peer.port(), "another port");
    require(again.back.own_mac == q.back.peer_mac, "another MAC address");
    return 0;
}
