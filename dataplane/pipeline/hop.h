// SPDX-License-Identifier: Apache-2.0
// A worker's own copies of the adjacencies that it sends to: ready to be written before a packet,
// and read without the sequence lock of the FIB. A copy is good for one epoch of the FIB; a change
// of any adjacency makes all of them be read again, one each when next used.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "common/base/prefetch.h"
#include "dataplane/pipeline/fib.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/pending.h"

namespace isthmus::pipeline {

struct Hop {
    AdjacencyId id = 0;  // 0 is never asked for: no route
    std::uint32_t epoch = 0;
    std::uint32_t key = 0;  // hop_key(), pending.h
    std::uint16_t port = 0, vlan = 0;
    std::uint16_t mtu = 0;                // 0: the next hop's link address is not known
    std::uint16_t link_bytes = 0;         // of the header that goes before a packet
    std::array<std::uint8_t, 12> macs{};  // destination, source

    /// Writes the link header before `ip`; where it begins.
    std::uint8_t* write_link(std::uint8_t* ip, std::uint16_t type) const noexcept {
        std::uint8_t* const l2 = ip - link_bytes;
        std::memcpy(l2, macs.data(), macs.size());
        if (is_unlikely(vlan != 0)) {
            store_be16(l2 + 12, kTypeVlan);
            store_be16(l2 + 14, vlan);
        }
        store_be16(ip - 2, type);
        return l2;
    }
};
static_assert(sizeof(Hop) == 32);

class Hops {
public:
    /// `epoch` was read from `fib` before.
    [[nodiscard]] const Hop& get(const Fib& fib, AdjacencyId id, std::uint32_t epoch,
                                 const nat::Seed& seed) noexcept {
        Hop& h = *settled(&hop_[id % kHops]);
        if (is_unlikely(h.id != id || h.epoch != epoch)) fill(h, fib, id, epoch, seed);
        return h;
    }

private:
    static constexpr unsigned kHops = 64;
    [[gnu::noinline]] static void fill(Hop& h, const Fib& fib, AdjacencyId id, std::uint32_t epoch,
                                       const nat::Seed& seed) noexcept {
        const Adjacency a = fib.read(id);
        const bool is_ready = a.state == Adjacency::State::resolved && id != 0;
        h = Hop{id,
                epoch,
                hop_key(seed, a),
                a.port,
                a.vlan,
                is_ready ? a.mtu : std::uint16_t{0},
                static_cast<std::uint16_t>(kEthernetBytes + (a.vlan == 0 ? 0 : kVlanBytes)),
                {}};
        std::memcpy(h.macs.data(), a.dst.octet.data(), 6);
        std::memcpy(h.macs.data() + 6, a.src.octet.data(), 6);
    }
    std::array<Hop, kHops> hop_{};
};

}  // namespace isthmus::pipeline
