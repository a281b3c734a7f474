// SPDX-License-Identifier: Apache-2.0
// One worker at one queue of an interface: frames in, frames out, between them the same
// Worker::query() that the sockets use.
#pragma once

#include <memory>

#include "dns64/worker.h"
#include "dns64/xdp_frame.h"
#include "dns64/xdp_socket.h"

namespace isthmus::dns64 {

class XdpListener final : public Watcher, public Transport {
public:
    XdpListener(Worker& worker, std::unique_ptr<XdpSocket> socket);
    ~XdpListener() override;
    void on_ready(std::uint32_t events) override;
    void reply(const Origin& to, Bytes message) override;

private:
    static constexpr unsigned kBurst = XdpSocket::kBurst;
    /// What the ring still holds waits in the kernel, which has not taken it all.
    struct Again final : Timer {
        explicit Again(XdpListener& l) : listener(l) {}
        void on_timer() override { listener.flush(); }
        XdpListener& listener;
    };
    void read(unsigned n);
    void answer(unsigned i);
    void send(const SocketAddress& to, const FrameReturn& back, const XdpSocket::Room& room,
              std::size_t size);
    void flush();
    void count_drops();

    Worker& worker_;
    std::unique_ptr<XdpSocket> socket_;
    BusyWatch watch_;
    unsigned hook_;
    Again again_{*this};
    struct Query {
        FrameQuery of_frame;
        std::uint32_t hash = 0;
    };
    std::array<Query, kBurst> query_;
    unsigned n_queries_ = 0;
    bool has_queued_ = false;
    std::uint64_t drops_counted_ = 0, drops_read_s_ = 0;
};

}  // namespace isthmus::dns64
