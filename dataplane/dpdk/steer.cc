// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk/steer.h"

#include <rte_errno.h>

namespace isthmus::dpdk {

void RingFree::operator()(rte_ring* r) const noexcept {
    void* m = nullptr;
    while (rte_ring_sc_dequeue(r, &m) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(m));
    rte_ring_free(r);
}

Expected<Ring> make_ring(const std::string& name, unsigned frames, int node) {
    rte_ring* r =
        rte_ring_create(name.c_str(), rte_align32pow2(frames), node, RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (r == nullptr) {
        return Error{"ring " + name, std::string("not made: ") + rte_strerror(rte_errno) +
                                         "; raise dataplane.memory_mib"};
    }
    return Ring(r);
}

unsigned Outbox::flush() noexcept {
    if (n_ == 0) return 0;
    const unsigned sent =
        to_ == nullptr ? 0
                       : rte_ring_sp_enqueue_burst(
                             to_, reinterpret_cast<void* const*>(frames_.data()), n_, nullptr);
    const unsigned lost = n_ - sent;
    if (lost != 0) rte_pktmbuf_free_bulk(&frames_[sent], lost);
    n_ = 0;
    return lost;
}

}  // namespace isthmus::dpdk
