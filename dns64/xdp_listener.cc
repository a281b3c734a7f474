// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_listener.h"

#include <cstring>

#include "common/base/prefetch.h"
#include "common/log/log.h"
#include "dns64/xdp.h"
#include "dns64/xdp_addresses.h"

namespace isthmus::dns64 {

namespace {

constexpr unsigned kBurstsMost = 4;    // in one turn: others wait
constexpr std::uint64_t kAgainMs = 1;  // until the kernel is asked again to send

static_assert(sizeof(FrameReturn) <= sizeof(Origin::control));

}  // namespace

XdpListener::XdpListener(Worker& worker, std::unique_ptr<XdpSocket> socket)
    : worker_(worker), socket_(std::move(socket)), watch_(worker.loop(), socket_->fd(), *this) {
    hook_ = worker_.loop().before_sleep([this] {
        if (has_queued_) flush();
        count_drops();
    });
}

XdpListener::~XdpListener() {
    worker_.loop().unhook(hook_);
    watch_.end();
}

/// What the kernel would have checked, then what will be looked at in the cache is asked for.
void XdpListener::read(unsigned n) {
    for (unsigned i = 0; i < n; i++) isthmus::prefetch(socket_->received(i).data());
    n_queries_ = 0;
    for (unsigned i = 0; i < n; i++) {
        Query& q = query_[n_queries_];
        if (read_frame(socket_->received(i), q.of_frame)) {
            q.hash = worker_.foresee(q.of_frame.message);
            n_queries_++;
        } else {
            worker_.counters().xdp_bad += 1;
        }
    }
    for (unsigned i = 0; i < n_queries_; i++) worker_.prefetch_entry(query_[i].hash);
    worker_.counters().xdp_queries += n_queries_;
}

void XdpListener::answer(unsigned i) {
    const auto& [frame, hash] = query_[i];
    Origin from;
    from.transport = this;
    from.peer = frame.peer;
    from.control_bytes = sizeof frame.back;
    std::memcpy(from.control, &frame.back, sizeof frame.back);
    const XdpSocket::Room room = socket_->room();
    if (room.bytes.empty()) {
        worker_.counters().send_failed += 1;
        return;
    }
    const std::size_t head = frame_head(frame.peer.is_v6());
    const std::size_t n = worker_.query(frame.message, from, room.bytes.subspan(head), hash);
    if (n > 0) {
        send(frame.peer, frame.back, room, n);
    } else {
        socket_->give_back(room);
    }
}

void XdpListener::on_ready(std::uint32_t) {
    unsigned all = 0;
    bool more = true;
    for (unsigned burst = 0; burst < kBurstsMost && more; burst++) {
        const unsigned n = socket_->receive();
        more = n > 0;  // looking costs nothing
        all += n;
        read(n);
        for (unsigned i = 0; i < n_queries_; i++) answer(i);
        socket_->release();
        if (has_queued_) flush();
    }
    watch_.did(all, more);
}

/// The message lies in the frame already.
void XdpListener::send(const SocketAddress& to, const FrameReturn& back,
                       const XdpSocket::Room& room, std::size_t size) {
    write_frame_head(room.bytes, to, back, size);
    socket_->queue(room, frame_head(to.is_v6()) + size);
    has_queued_ = true;
}

void XdpListener::reply(const Origin& to, Bytes message) {
    if (message.size() > kUdpMost) return;
    const XdpSocket::Room room = socket_->room();
    if (room.bytes.empty()) {
        worker_.counters().send_failed += 1;
        return;
    }
    FrameReturn back;
    std::memcpy(&back, to.control, sizeof back);
    const std::size_t head = frame_head(to.peer.is_v6());
    std::copy(message.begin(), message.end(), room.bytes.subspan(head).begin());
    send(to.peer, back, room, message.size());
}

void XdpListener::flush() {
    has_queued_ = false;
    if (!socket_->flush()) worker_.loop().arm(again_, kAgainMs);
}

/// Once a second: it takes a system call.
void XdpListener::count_drops() {
    if (worker_.now_s() == drops_read_s_) return;
    drops_read_s_ = worker_.now_s();
    const std::uint64_t n = socket_->dropped();
    worker_.counters().xdp_dropped += n - drops_counted_;
    drops_counted_ = n;
}

namespace {

class Interface final : public XdpInterface {
public:
    Interface(std::string name, XdpFacts facts, std::unique_ptr<XdpProgram> program)
        : name_(std::move(name)), facts_(std::move(facts)), program_(std::move(program)) {}

    Status serve(Worker& w) override {
        if (listeners_.size() >= facts_.n_queues) return Done{};
        const auto queue = static_cast<unsigned>(listeners_.size());
        auto socket = XdpSocket::open(name_, queue, program_->sockets_fd());
        if (!socket) return socket.error();
        listeners_.push_back(std::make_unique<XdpListener>(w, std::move(*socket)));
        return Done{};
    }
    Status attach() override {
        if (Status s = program_->attach(facts_.index); !s) return s;
        const std::string queues = std::to_string(listeners_.size()) + " of " +
                                   std::to_string(facts_.n_queues) + " queues";
        log::info("xdp:" + name_ + ": " + queues + ", " +
                  std::to_string(facts_.match.addresses.size()) + " addresses" +
                  (program_->is_in_driver() ? "" : "; its driver has no XDP: little is gained"));
        if (listeners_.size() < facts_.n_queues)
            log::warn("xdp:" + name_ + ": what comes on the other queues goes to the sockets: " +
                      "set dns64.threads, or ethtool -L " + name_ + " combined " +
                      std::to_string(listeners_.size()));
        return Done{};
    }

private:
    std::string name_;
    XdpFacts facts_;
    std::unique_ptr<XdpProgram> program_;
    std::vector<std::unique_ptr<XdpListener>> listeners_;
};

}  // namespace

bool has_xdp() { return true; }

Expected<std::unique_ptr<XdpInterface>> open_xdp(const std::string& interface,
                                                 const std::vector<config::Endpoint>& addresses,
                                                 unsigned n_workers) {
    auto facts = facts_of(interface, addresses);
    if (!facts) return facts.error();
    auto program = XdpProgram::load(interface, facts->match, facts->n_queues);
    if (!program) return program.error();
    if (n_workers > facts->n_queues)
        log::warn("xdp:" + interface + ": " + std::to_string(facts->n_queues) +
                  " queues: the other threads have their sockets only");
    return std::unique_ptr<XdpInterface>(
        std::make_unique<Interface>(interface, std::move(*facts), std::move(*program)));
}

}  // namespace isthmus::dns64
