// SPDX-License-Identifier: Apache-2.0
// What the model holds, and how much of it there may be.
#include "test/property/model.h"

namespace property {

namespace {

std::uint32_t least(const Lifetimes& l) {
    return std::min({l.tcp_half_open.v, l.tcp_transitory.v, l.tcp_established.v});
}

}  // namespace

Alive Model::alive(const Key& key, const ModelSession& s, Now now) const {
    const Lifetimes& l = policy().lifetimes;
    if (s.gone || !policy().prefix[s.prefix].live) return Alive::no;
    std::uint32_t lo = policy().udp_life(Be16{s.z_port}), hi = lo;
    if (key.proto == Proto::icmp) lo = hi = l.icmp.v;
    if (key.proto == Proto::tcp) {
        const std::uint32_t idle = l.tcp_established.v + 2 * l.tcp_transitory.v;
        switch (s.state) {
            case TcpState::established:
                lo = l.tcp_established.v;
                hi = idle;
                break;
            case TcpState::v4_fin:
            case TcpState::v6_fin:
                lo = hi = l.tcp_established.v;
                break;
            case TcpState::v4_init:
            case TcpState::v6_init:
                lo = hi = l.tcp_half_open.v;
                break;
            default:
                lo = hi = l.tcp_transitory.v;
        }
        if (!s.state_known) {
            lo = least(l);
            hi = std::max(idle, l.tcp_half_open.v);
        }
    }
    if (now.tick.v - s.seen_hi.v > hi) return Alive::no;
    if (now.tick.v - s.seen_lo.v > lo || s.doubt) return Alive::maybe;
    return Alive::yes;
}

Alive Model::exists(const Key& key, const ModelBinding& b) const {
    if (policy().slot[b.port.slot].state == PoolSlot::State::unused) return Alive::no;
    if (b.fixed) return fixed_alive();
    if (b.closed) return Alive::no;
    bool all_gone = true;
    for (const auto& [z, s] : b.sessions) {
        if (alive(key, s, box_.now) == Alive::yes) return Alive::yes;
        all_gone = all_gone && s.gone;
    }
    // One of several is enough, over or not, until all are reaped: also the last of them.
    return all_gone && !b.had_several ? Alive::no : Alive::maybe;
}

Range Model::sessions_of(const Ipv6Addr& subscriber) const {
    Range r;
    const auto of = of_subscriber_.find(subscriber.octet);
    if (of == of_subscriber_.end()) return r;
    for (const Key& k : of->second) {
        for (const auto& [z, s] : bindings_.at(k).sessions) {
            r.lo += alive(k, s, box_.now) == Alive::yes ? 1 : 0;
            r.hi++;
        }
    }
    return r;
}

Range Model::ports_of(const Ipv6Addr& subscriber, Proto proto) const {
    Range r;
    const auto of = of_subscriber_.find(subscriber.octet);
    if (of == of_subscriber_.end()) return r;
    for (const Key& k : of->second) {
        const ModelBinding& b = bindings_.at(k);
        if (k.proto != proto || b.fixed) continue;
        r.lo += exists(k, b) == Alive::yes ? 1 : 0;
        r.hi++;
    }
    return r;
}

Range Model::count_bindings() const {
    Range r;
    for (const auto& [k, b] : bindings_) {
        r.lo += exists(k, b) == Alive::yes ? 1 : 0;
        r.hi++;
    }
    return r;
}

Range Model::count_sessions() const {
    Range r;
    for (const auto& [k, b] : bindings_) {
        for (const auto& [z, s] : b.sessions) {
            r.lo += alive(k, s, box_.now) == Alive::yes ? 1 : 0;
            r.hi++;
        }
    }
    return r;
}

const StaticEntry* Model::static_of(const Key& key) const {
    for (unsigned i = 0; i < policy().n_static; i++) {
        const StaticEntry& e = policy().fixed[i];
        if (e.proto == key.proto && e.x.addr == key.x && e.x.id.host() == key.id) return &e;
    }
    return nullptr;
}

void Model::forget(const Key& key) {
    const auto b = bindings_.find(key);
    if (b == bindings_.end()) return;
    back_.erase(b->second.port);
    const auto of = of_subscriber_.find(subscriber(key.x).octet);
    of->second.erase(key);
    if (of->second.empty()) of_subscriber_.erase(of);
    bindings_.erase(b);
}

}  // namespace property
