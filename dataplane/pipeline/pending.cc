// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/pending.h"

namespace isthmus::pipeline {

bool Pending::hold(const Packet& p, std::uint32_t next_hop, Tick now, Packet& victim) noexcept {
    if (n_ == 0) serial_ = 0;
    Item* free_item = nullptr;
    Item* oldest = nullptr;
    unsigned n_of_hop = 0;
    for (Item& i : item_) {
        if (!i.used) {
            free_item = &i;
        } else if (i.next_hop == next_hop) {
            n_of_hop++;
            if (oldest == nullptr || i.serial < oldest->serial) oldest = &i;
        }
    }
    const bool replace = n_of_hop >= kPerHop || (free_item == nullptr && oldest != nullptr);
    if (!replace && free_item == nullptr) {
        victim = p;
        return false;
    }
    Item& into = replace ? *oldest : *free_item;
    if (replace) victim = into.packet;
    into = Item{p, next_hop, ++serial_, now, true};
    if (!replace) n_++;
    return !replace;
}

}  // namespace isthmus::pipeline
