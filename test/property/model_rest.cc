// SPDX-License-Identifier: Apache-2.0
// What rests between two users, and whose blocks are whose.
#include "test/property/model.h"

namespace property {

int Model::block_of(const Key& key, const Port& port) const {
    const Policy& p = policy();
    if (!p.blocks.on()) return -1;
    const bool own = deterministic_range(p, key.x) && port.id < dynamic_from(p.deterministic);
    return own ? -1 : port.id >> p.blocks.bits;
}

/// A binding lives on for a while after its last packet, and then its port, and its block, rest.
void Model::note_use(const Key& key, const ModelBinding& b) {
    if (b.fixed) return;
    used_[b.port] = {box_.now.tick};
    const int block = block_of(key, b.port);
    if (block >= 0) block_used_[{b.port.slot, block}] = {box_.now.tick, subscriber(key.x)};
}

void Model::check_rest(const Key& key, const Port& port) const {
    const Policy& p = policy();
    const auto since = [&](Tick last) { return box_.now.tick.v - last.v; };
    const auto used = used_.find(port);
    // TCP that has ended by itself rests for a moment only. How many may rest may be limited.
    const std::uint32_t hold = key.proto == Proto::tcp
                                   ? std::min(p.lifetimes.port_hold.v, Ports::kBrief.v)
                                   : p.lifetimes.port_hold.v;
    if (used != used_.end() && p.limits.ports_held == 0 && since(used->second.last) < hold)
        wrong("a port came back too soon");
    const auto block = block_used_.find({port.slot, block_of(key, port)});
    if (block == block_used_.end() || block->second.subscriber == subscriber(key.x)) return;
    if (since(block->second.last) < p.blocks.hold.v) wrong("a block came back too soon");
}

void Model::blocks_of(const Ipv6Addr& own, unsigned slot, Blocks& serving, Blocks& all) const {
    const auto of = of_subscriber_.find(own.octet);
    if (of == of_subscriber_.end()) return;
    const Policy& p = policy();
    for (const Key& k : of->second) {
        const ModelBinding& b = bindings_.at(k);
        const int block = b.fixed ? -1 : block_of(k, b.port);
        if (block < 0) continue;
        all.emplace(b.port.slot, block);
        const PoolSlot &at = p.slot[b.port.slot], &here = p.slot[slot];
        const bool near = b.port.slot == slot || (p.pooling_soft && at.group == here.group);
        const unsigned last = ((static_cast<unsigned>(block) + 1) << p.blocks.bits) - 1;
        if (!near || at.state != PoolSlot::State::active || last > at.last_port) continue;
        if (exists(k, b) == Alive::yes) serving.emplace(b.port.slot, block);
    }
}

/// A further block is for those who have fewer than they may.
void Model::check_block(const Key& key, const Port& port) const {
    const int block = block_of(key, port);
    if (block < 0) return;
    Blocks serving, all;
    blocks_of(subscriber(key.x), port.slot, serving, all);
    if (all.count({port.slot, block}) == 0 && serving.size() >= most_blocks())
        wrong("more blocks than a subscriber may have");
}

}  // namespace property
