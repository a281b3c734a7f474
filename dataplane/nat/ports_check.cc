// SPDX-License-Identifier: Apache-2.0
// What must hold of the ports (Engine::check()).
#include <bit>

#include "dataplane/nat/ports.h"

namespace isthmus::nat {

const char* Ports::check(unsigned slot, Proto proto) const noexcept {
    const std::size_t i = std::size_t{slot} * kProtos + static_cast<unsigned>(proto);
    std::uint32_t n_free = 0;
    for (unsigned w = 0; w < kWords; w++) {
        const std::uint64_t word = free_ports_[slot].word[static_cast<unsigned>(proto)][w];
        const bool marked = (summaries_[i * kSummaryWords + w / 64] >> (w % 64) & 1) != 0;
        if (marked != (word != 0)) return "a summary bit of free ports is wrong";
        if (word == 0) continue;
        n_free += static_cast<std::uint32_t>(std::popcount(word));
        if ((word & ~owned_[std::size_t{slot} * kWords + w]) != 0)
            return "a port is free that may not be given out here";
        const Shut& shut = shut_[i * kWords + w];
        if ((word & shut.reserved) != 0) return "a static port is free";
        if ((word & shut.resting) != 0) return "a resting port is free";
        for (std::uint64_t left = used_[i] != 0 ? word : 0; left != 0; left &= left - 1) {
            if (users_[i * kPorts + w * 64 + static_cast<unsigned>(std::countr_zero(left))] != 0)
                return "a port in use is free";
        }
    }
    if (with_room(proto).has(slot) != (n_free != 0))
        return "an address with free ports is not known";
    return n_free == free_[i] ? nullptr : "the number of free ports is wrong";
}

const char* Ports::check_resting(const RestQueue& queue) const noexcept {
    for (std::uint32_t n = 0; n < queue.size(); n++) {
        const RestQueue::Port& p = queue[n];
        const Shut& shut = shut_[(std::size_t{p.slot} * kProtos + p.proto) * kWords + p.port / 64];
        if ((shut.resting >> (p.port % 64) & 1) == 0) return "a port of the queue does not rest";
    }
    return nullptr;
}

const char* Ports::check_held() const noexcept {
    std::uint32_t n_resting = 0;
    for (const Shut& s : shut_) n_resting += static_cast<std::uint32_t>(std::popcount(s.resting));
    if (n_resting != held()) return "the number of resting ports is wrong";
    const char* wrong = check_resting(held_);
    return wrong != nullptr ? wrong : check_resting(brief_);
}

}  // namespace isthmus::nat
