// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/punt.h"

#include <fcntl.h>
#include <poll.h>
#include <rte_lcore.h>
#include <unistd.h>

namespace isthmus::dpdk {
namespace {

constexpr unsigned kReadMost = 32;  // frames of one port in one round
constexpr timespec kNap{0, 400'000};

void count(std::atomic<std::uint64_t>& cell, std::uint64_t n = 1) noexcept {
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

void Punt::start(BufferSource buffers) {
    buffers_ = buffers;
    stop_.store(false);
    for (const Way& w : ways_) {
        if (w.fd >= 0) (void)fcntl(w.fd, F_SETFL, fcntl(w.fd, F_GETFL) | O_NONBLOCK);
    }
    thread_ = std::thread([this] {
        (void)rte_thread_register();
        run();
        rte_thread_unregister();
    });
}

void Punt::stop() noexcept {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
}

int Punt::way_of(rte_mbuf* m) const noexcept {
    const unsigned port = facts_of(m).port;
    const std::uint16_t vlan = tag_of(m);
    int fd = -1;
    for (const Way& w : ways_) {
        if (w.port != port) continue;
        if (w.vlan == 0) fd = w.fd;
        if (w.vlan == 0 || w.vlan != vlan) continue;
        take_tag_out(m);
        return w.fd;
    }
    return fd;
}

unsigned Punt::to_kernel(rte_ring* from) noexcept {
    std::array<rte_mbuf*, kRingBurst> frames;
    const unsigned n = take(from, frames);
    for (unsigned i = 0; i < n; i++) {
        rte_mbuf* m = frames[i];
        const unsigned port = facts_of(m).port;
        const int fd = way_of(m);
        const bool ok =
            fd >= 0 && ::write(fd, rte_pktmbuf_mtod(m, void*), m->data_len) == m->data_len;
        if (port < stats_.size()) count(ok ? stats_[port].punted : stats_[port].punt_dropped);
        rte_pktmbuf_free(m);
    }
    return n;
}

unsigned Punt::from_kernel(const Way& way) noexcept {
    if (way.fd < 0 || way.to_worker == nullptr) return 0;
    Stats& stats = stats_[way.port];
    unsigned n = 0;
    for (; n < kReadMost; n++) {
        rte_mbuf* m = take_buffer(buffers_, 0);
        if (m == nullptr) break;
        const ssize_t got = ::read(way.fd, rte_pktmbuf_mtod(m, void*), rte_pktmbuf_tailroom(m));
        if (got <= 0) {
            rte_pktmbuf_free(m);
            break;
        }
        m->data_len = static_cast<std::uint16_t>(got);
        m->pkt_len = static_cast<std::uint32_t>(got);
        facts_of(m) = BufferFacts{};
        facts_of(m).port = way.port;
        const bool tagged = way.vlan == 0 || put_tag(m, way.vlan);
        if (tagged && rte_ring_sp_enqueue(way.to_worker, m) == 0) {
            count(stats.from_kernel);
        } else {
            count(stats.from_kernel_dropped);
            rte_pktmbuf_free(m);
        }
    }
    return n;
}

void Punt::run() noexcept {
    std::vector<pollfd> fds(ways_.size());
    while (!stop_.load(std::memory_order_relaxed)) {
        unsigned n = 0;
        for (auto& of_class : from_) {
            for (rte_ring* r : of_class) n += to_kernel(r);
        }
        for (const Way& w : ways_) n += from_kernel(w);
        if (n != 0) continue;
        for (std::size_t i = 0; i < ways_.size(); i++) fds[i] = {ways_[i].fd, POLLIN, 0};
        (void)ppoll(fds.data(), fds.size(), &kNap, nullptr);
    }
}

}  // namespace isthmus::dpdk
