// SPDX-License-Identifier: Apache-2.0
#include "dataplane/agent/preview.h"

#include "dataplane/pipeline/state.h"

namespace isthmus::agent {

namespace {

constexpr unsigned kSlice = 50'000;  // records, some milliseconds
constexpr std::size_t kHoldersMost = 5;

bool same_static(const nat::Policy& a, const nat::Policy& b) {
    if (a.n_static != b.n_static) return false;
    for (unsigned i = 0; i < a.n_static; i++) {
        const nat::StaticEntry &x = a.fixed[i], &y = b.fixed[i];
        if (x.x != y.x || x.t != y.t || x.proto != y.proto) return false;
    }
    return true;
}

bool shorter(const nat::Policy& now, const nat::Policy& next) {
    const nat::Lifetimes &a = now.lifetimes, &b = next.lifetimes;
    if (b.udp < a.udp || b.icmp < a.icmp || b.tcp_established < a.tcp_established ||
        b.tcp_transitory < a.tcp_transitory || b.tcp_half_open < a.tcp_half_open)
        return true;
    for (unsigned i = 0; i < next.n_udp_timers; i++) {
        if (next.udp_timer[i].life.v < now.udp_life(next.udp_timer[i].port)) return true;
    }
    for (unsigned i = 0; i < now.n_udp_timers; i++) {
        if (next.udp_life(now.udp_timer[i].port) < now.udp_timer[i].life.v) return true;
    }
    return false;
}

}  // namespace

bool Preview::harmless(const pipeline::Snapshot& now, const pipeline::Snapshot& next) {
    for (unsigned i = 0; i < now.nat.n_slots; i++) {
        if (now.nat.slot[i].state != nat::PoolSlot::State::unused &&
            next.nat.slot_of(now.nat.slot[i].addr) < 0)
            return false;
    }
    for (unsigned i = 0; i < nat::kPrefixesMax; i++) {
        if (now.nat.prefix[i].live && !next.nat.prefix[i].live) return false;
    }
    return same_static(now.nat, next.nat) && !shorter(now.nat, next.nat);
}

const nat::StaticEntry* Preview::in_the_way_of(const nat::BindingView& b) const {
    if (b.fixed || next_.nat.n_static == 0) return nullptr;
    const int slot = next_.nat.slot_of(b.t.addr);
    const nat::StaticEntry* e =
        slot < 0 ? nullptr
                 : next_.nat.static_of_t(static_cast<unsigned>(slot), b.t.id.host(), b.proto);
    return e != nullptr ? e : next_.nat.static_of_x(b.x, b.proto);
}

bool Preview::closes(const nat::BindingView& b) {
    const nat::StaticEntry* in_the_way = in_the_way_of(b);
    if (in_the_way != nullptr && holders.size() < kHoldersMost) {
        holders.push_back(std::string(name_of(b.proto)) + " " + b.t.addr.text() + " port " +
                          std::to_string(b.t.id.host()) + " is held by " + b.x.addr.text() +
                          " port " + std::to_string(b.x.id.host()) + " (" +
                          std::to_string(b.n_sessions) + " sessions)");
    }
    const int slot = next_.nat.slot_of(b.t.addr);
    if (slot < 0) return true;
    if (!b.fixed) return in_the_way != nullptr;
    const auto* e = next_.nat.static_of_t(static_cast<unsigned>(slot), b.t.id.host(), b.proto);
    return e == nullptr || e->x != b.x;
}

bool Preview::closes(const nat::SessionView& s) {
    if (!lives(s, now().nat)) return false;  // it is gone already
    return !next_.nat.prefix[s.prefix].live || !lives(s, next_.nat);
}

bool ClearPreview::names(const nat::BindingView& b) const {
    const nat::ClearOrder& o = order_;
    if (o.slot >= 0 && b.slot != static_cast<unsigned>(o.slot)) return false;
    if (o.proto >= 0 && b.proto != static_cast<Proto>(o.proto)) return false;
    if (o.x_id >= 0 && b.x.id.host() != o.x_id) return false;
    if (o.t_id >= 0 && b.t.id.host() != o.t_id) return false;
    return o.subscriber.contains(b.x.addr);
}

bool ClearPreview::closes(const nat::BindingView& b) {
    return !b.fixed && !order_.has_remote && names(b);
}

bool ClearPreview::closes(const nat::SessionView& s) {
    const nat::ClearOrder& o = order_;
    if (o.has_remote && s.z.addr != o.z_addr) return false;
    if (o.has_remote && o.z_id >= 0 && s.z.id.host() != o.z_id) return false;
    return names(s.binding) && lives(s, now().nat);
}

bool Closing::lives(const nat::SessionView& s, const nat::Policy& policy) const {
    const nat::Engine::Age age{s.binding.proto, s.tcp, s.z.id, s.last_seen.v};
    return nat::Engine::alive(policy, age, workers_.now());
}

void Closing::count(const nat::BindingView& b, std::uint64_t n_sessions) {
    sessions += n_sessions;
    const Ipv6Addr prefix = masked(b.x.addr, now_.nat.subscriber_bits);
    subscribers_.emplace(reinterpret_cast<const char*>(prefix.octet.data()), prefix.octet.size());
}

void Closing::look_at_binding(const nat::Engine& e, nat::Index i) {
    const auto b = e.read_binding(i);
    if (!b) return;
    if (closes(*b)) {
        bindings++;
        return count(*b, b->n_sessions);
    }
    const auto first = e.read_first_session(i);
    if (!first || !closes(*first)) return;
    count(*b, 1);
    if (b->fixed) return;
    if (b->n_sessions <= 1) {
        bindings++;
    } else {
        partly_[{b->proto, b->slot, b->t.id.host()}]++;
    }
}

void Closing::look_at_more(const nat::Engine& e, nat::Index i) {
    const auto s = e.read_more_session(i);
    if (!s || closes(s->binding) || !closes(*s)) return;
    count(s->binding, 1);
    if (s->binding.fixed) return;
    std::uint32_t& n = partly_[{s->binding.proto, s->binding.slot, s->binding.t.id.host()}];
    if (++n == s->binding.n_sessions) bindings++;
}

bool Closing::step() {
    for (unsigned n = 0; n < kSlice;) {
        if (worker_ >= workers_.n_workers()) return true;
        const nat::Engine& e = workers_.state(worker_).engine;
        const std::uint32_t end = table_ == 0 ? e.binding_high_water() : e.session_high_water();
        for (; index_ < end && n < kSlice; index_++, n++) {
            if (table_ == 0) {
                look_at_binding(e, index_);
            } else {
                look_at_more(e, index_);
            }
        }
        if (index_ < end) return false;
        index_ = 0;
        if (++table_ == 2) {
            table_ = 0;
            worker_++;
        }
    }
    return false;
}

}  // namespace isthmus::agent
