// SPDX-License-Identifier: Apache-2.0
#include "dns64/xdp_socket.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace isthmus::dns64 {

namespace {

/// Frames to send begin at different lines of their places: all at one would share a set of the
/// L1 cache. What is left of a place holds the longest answer and its headers.
constexpr std::size_t kStagger = 64, kStaggers = 8;
/// In copy mode the kernel takes 32 frames in a call.
constexpr unsigned kCallsMost = 6;

}  // namespace

Expected<std::unique_ptr<XdpSocket>> XdpSocket::open(const std::string& interface, unsigned queue,
                                                     int sockets_fd) {
    auto s = std::unique_ptr<XdpSocket>(new XdpSocket);
    const int error = s->open_rings(interface, queue, sockets_fd);
    if (error == 0) return s;
    std::string why = std::strerror(error);
    if (error == EBUSY) why += ": another program has the queue";
    if (error == ENOBUFS || error == ENOMEM) why += ": raise LimitMEMLOCK, or ulimit -l";
    return Error{"dns64.listen xdp:" + interface,
                 "no AF_XDP socket on queue " + std::to_string(queue) + ": " + why};
}

/// 0, or the error's number.
int XdpSocket::open_rings(const std::string& interface, unsigned queue, int sockets_fd) {
    constexpr std::size_t kBytes = 2 * kFrames * kFrameBytes;
    void* m = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) return errno;
    memory_ = static_cast<std::uint8_t*>(m);
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    (void)::setrlimit(RLIMIT_MEMLOCK, &all);  // who may not has what his unit gives him
    xsk_umem_config memory{};
    memory.fill_size = memory.comp_size = kFrames;
    memory.frame_size = kFrameBytes;
    if (const int rc = xsk_umem__create(&umem_, memory_, kBytes, &fill_, &sent_, &memory); rc != 0)
        return -rc;
    xsk_socket_config rings{};
    rings.rx_size = rings.tx_size = kFrames;
    rings.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    rings.bind_flags = XDP_USE_NEED_WAKEUP;  // without copies where the driver can
    int rc =
        xsk_socket__create(&socket_, interface.c_str(), queue, umem_, &receive_, &send_, &rings);
    if (rc != 0) return -rc;
    std::uint32_t at = 0;
    if (xsk_ring_prod__reserve(&fill_, kFrames, &at) != kFrames) return ENOBUFS;
    for (unsigned i = 0; i < kFrames; i++)
        *xsk_ring_prod__fill_addr(&fill_, at + i) = i * kFrameBytes;
    xsk_ring_prod__submit(&fill_, kFrames);
    free_.reserve(kFrames);
    for (unsigned i = 2 * kFrames; i-- > kFrames;) free_.push_back(i * kFrameBytes);
    rc = xsk_socket__update_xskmap(socket_, sockets_fd);
    return rc < 0 ? -rc : 0;
}

XdpSocket::~XdpSocket() {
    if (socket_ != nullptr) xsk_socket__delete(socket_);
    if (umem_ != nullptr) xsk_umem__delete(umem_);
    if (memory_ != nullptr) ::munmap(memory_, 2 * kFrames * kFrameBytes);
}

unsigned XdpSocket::receive() {
    std::uint32_t at = 0;
    n_received_ = xsk_ring_cons__peek(&receive_, kBurst, &at);
    for (unsigned i = 0; i < n_received_; i++) {
        const xdp_desc* d = xsk_ring_cons__rx_desc(&receive_, at + i);
        addresses_[i] = d->addr;
        frames_[i] = {memory_ + d->addr, d->len};
    }
    return n_received_;
}

void XdpSocket::release() {
    if (n_received_ == 0) return;
    std::uint32_t at = 0;
    // There is always room: no more frames circulate than the ring has places.
    if (xsk_ring_prod__reserve(&fill_, n_received_, &at) == n_received_) {
        for (unsigned i = 0; i < n_received_; i++)
            *xsk_ring_prod__fill_addr(&fill_, at + i) = place_of(addresses_[i]);
        xsk_ring_prod__submit(&fill_, n_received_);
    }
    xsk_ring_cons__release(&receive_, n_received_);
    n_received_ = 0;
    if (xsk_ring_prod__needs_wakeup(&fill_) != 0)
        (void)::recvfrom(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

/// Frames that were sent are free again.
void XdpSocket::reclaim() {
    std::uint32_t at = 0;
    while (const unsigned n = xsk_ring_cons__peek(&sent_, kBurst, &at)) {
        for (unsigned i = 0; i < n; i++)
            free_.push_back(place_of(*xsk_ring_cons__comp_addr(&sent_, at + i)));
        xsk_ring_cons__release(&sent_, n);
    }
}

XdpSocket::Room XdpSocket::room() {
    if (free_.empty()) {
        flush();
        if (free_.empty()) return {};
    }
    Room r;
    r.at = free_.back() + free_.back() / kFrameBytes % kStaggers * kStagger;
    r.bytes = {memory_ + r.at, kFrameBytes - kStagger * kStaggers};
    free_.pop_back();
    return r;
}

void XdpSocket::queue(const Room& r, std::size_t size) {
    std::uint32_t at = 0;
    // As in release(): the ring has a place for every frame.
    if (xsk_ring_prod__reserve(&send_, 1, &at) != 1) return give_back(r);
    xdp_desc* d = xsk_ring_prod__tx_desc(&send_, at);
    *d = {};
    d->addr = r.at;
    d->len = static_cast<std::uint32_t>(size);
    n_queued_++;
}

bool XdpSocket::flush() {
    if (n_queued_ > 0) xsk_ring_prod__submit(&send_, n_queued_);
    n_queued_ = 0;
    const auto is_empty = [this] {
        return __atomic_load_n(send_.consumer, __ATOMIC_ACQUIRE) == *send_.producer;
    };
    for (unsigned i = 0; i < kCallsMost && !is_empty(); i++) {
        if (xsk_ring_prod__needs_wakeup(&send_) == 0) break;  // the driver takes them by itself
        if (::sendto(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) continue;
        if (errno != EAGAIN && errno != EINTR) break;
    }
    reclaim();
    return is_empty() || xsk_ring_prod__needs_wakeup(&send_) == 0;
}

std::uint64_t XdpSocket::dropped() const {
    xdp_statistics s{};
    socklen_t n = sizeof s;
    if (::getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &s, &n) != 0) return 0;
    return s.rx_dropped + s.rx_ring_full;
}

}  // namespace isthmus::dns64
