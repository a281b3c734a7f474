// SPDX-License-Identifier: Apache-2.0
// The invariants of an engine.
//
//   a binding: both indexes lead to it (so no two share (X',x) or (T,t)); its subscriber, and its
//   block, are its own; a session: it is found by its hash, its binding lives; a port's cell names
//   a live binding of that port, or nobody; bitmaps, counts and resting ports agree; sums of the
//   subscribers are those of the tables.
//
// check() looks at all at once, for tests. In the field check_some() looks at a slice in each turn.
// What concerns one record, or the ports of one address and protocol, is exact: it is seen between
// two packets. Totals are taken over many turns: they may differ by what came and went meanwhile.
#include <algorithm>

#include "dataplane/nat/engine.h"

namespace isthmus::nat {

namespace {

constexpr unsigned kSlice = 512;  // records in a turn

std::uint64_t difference(std::uint64_t a, std::uint64_t b) noexcept {
    return a > b ? a - b : b - a;
}

}  // namespace

const char* Engine::check_binding(Index i) const noexcept {
    const Binding& b = bindings_[i];
    if (!b.is_live()) return nullptr;
    if (find(hash_of({b.x_addr, b.x_id}, b.proto), {b.x_addr, b.x_id}, b.proto) != i)
        return "IPv6-side index does not lead to the binding";
    if (find(b.slot, b.t_id, b.proto) != i) return "IPv4-side index does not lead to the binding";
    if (slot_live_[b.slot] && slot_seen_[b.slot].state != PoolSlot::State::unused &&
        slot_seen_[b.slot].addr != b.t_addr)
        return "a binding has the address of another slot";
    if (!subscribers_.is_live(b.subscriber)) return "a binding has no subscriber";
    const Subscriber& s = subscribers_[b.subscriber];
    if (s.n_bindings == 0) return "a subscriber with a binding counts none";
    if (block_bits_ != 0 && b.live == Life::dynamic) {
        const Index owner = blocks_.owner(b.slot, b.t_id.get().host() >> block_bits_);
        if (owner != kNone && owner != b.subscriber) return "a binding lies in another's block";
    }
    return nullptr;
}

const char* Engine::check_more(Index i) const noexcept {
    const Session& s = more_[i];
    if (s.live % 2 == 0) return nullptr;
    const Binding& b = bindings_[s.binding];
    if (!b.is_live() || b.generation != s.binding_generation) return nullptr;  // to be swept
    if (b.n_more == 0) return "a binding without further sessions has one";
    if (s.is_remote())
        return s.last_seen.get() != 0 ? nullptr : "a remote without sessions is kept";
    if (find_more(s.binding, {s.z_addr, s.z_id}) != i) return "a session is not found by its hash";
    return nullptr;
}

const char* Engine::check_cells(unsigned slot, Proto proto, std::uint32_t& used) const noexcept {
    const char* wrong = ports_.check(slot, proto);
    if (ports_.in_use(slot, proto) == 0) return wrong;
    for (std::uint32_t port = 0; port < kPorts; port++) {
        const Index i = ports_.user(slot, proto, static_cast<std::uint16_t>(port));
        if (i == kNone) continue;
        used++;
        if (i >= fresh_) {
            wrong = "a port is used by a binding that never was";
            continue;
        }
        const Binding& b = bindings_[i];
        if (!b.is_live() || b.slot != slot || b.proto != proto || b.t_id.get().host() != port)
            wrong = "a port is used by a binding of something else";
    }
    if (wrong != nullptr || used == ports_.in_use(slot, proto)) return wrong;
    return "the number of ports in use is wrong";
}

/// Exact: nothing happens meanwhile.
const char* Engine::check_sums() noexcept {
    // Of each subscriber, what his bindings sum up to against what he says; one sum at a time.
    const auto add_up = [&](auto&& of_binding, auto&& of_subscriber) {
        for (Index i = 0; i < subscribers_.high_water(); i++) subscribers_[i].counted = 0;
        for (Index i = 0; i < fresh_; i++) {
            const Binding& b = bindings_[i];
            if (b.is_live()) subscribers_[b.subscriber].counted += of_binding(b);
        }
        for (Index i = 0; i < subscribers_.high_water(); i++) {
            const Subscriber& s = subscribers_[i];
            if (subscribers_.is_live(i) && s.counted != of_subscriber(s)) return false;
        }
        return true;
    };
    if (!add_up([](const Binding&) { return 1U; },
                [](const Subscriber& s) { return std::uint32_t{s.n_bindings}; }))
        return "a subscriber's bindings do not add up";
    if (!add_up([](const Binding& b) { return std::uint32_t{b.has_session} + b.n_more; },
                [](const Subscriber& s) { return std::uint32_t{s.n_sessions}; }))
        return "a subscriber's sessions do not add up";
    std::uint32_t n_bindings = 0, n_first = 0, n_more = 0, found = 0, remotes = 0;
    for (Index i = 0; i < fresh_; i++) {
        const Binding& b = bindings_[i];
        if (!b.is_live()) continue;
        n_bindings++;
        n_first += b.has_session;
        n_more += b.n_more;
    }
    for (Index i = 0; i < more_.high_water(); i++) {
        const Session& s = more_[i];
        const Binding& b = bindings_[s.binding];
        if (s.live % 2 == 0 || !b.is_live() || b.generation != s.binding_generation) continue;
        if (s.is_remote()) {
            remotes += s.last_seen;
        } else {
            found++;
        }
    }
    if (n_bindings != n_bindings_) return "the number of bindings is wrong";
    if (found != n_more || n_first + n_more != n_sessions_)
        return "the number of sessions is wrong";
    if (remotes > found) return "remotes count more sessions than there are";
    std::uint32_t live = 0;
    for (Index i = 0; i < subscribers_.high_water(); i++) {
        const Subscriber& s = subscribers_[i];
        if (!subscribers_.is_live(i)) continue;
        live++;
        if (s.n_bindings == 0) return "a subscriber without bindings is kept";
        if (s.n_ports[0] + s.n_ports[1] + s.n_ports[2] > s.n_bindings)
            return "a subscriber counts more ports than bindings";
        for (unsigned k = 0; k < s.n_blocks; k++) {
            if (blocks_.owner(s.block[k] >> 16, s.block[k] & 0xffff) != i)
                return "a subscriber's block is another's";
        }
    }
    return live == subscribers_.size() ? nullptr : "the number of subscribers is wrong";
}

const char* Engine::check() noexcept {
    const char* wrong = nullptr;
    for (Index i = 0; i < fresh_ && wrong == nullptr; i++) wrong = check_binding(i);
    for (Index i = 0; i < more_.high_water() && wrong == nullptr; i++) wrong = check_more(i);
    std::uint32_t ports = 0, n_blocks = 0;
    for (unsigned s = 0; s < sizes_.slots && wrong == nullptr; s++) {
        wrong = blocks_.check(s, n_blocks);
        for (unsigned p = 0; p < kProtos && wrong == nullptr; p++) {
            std::uint32_t used = 0;
            wrong = check_cells(s, static_cast<Proto>(p), used);
            ports += used;
        }
    }
    if (wrong != nullptr) return wrong;
    if (ports != n_bindings_) return "ports in use are not the bindings";
    if (n_blocks != blocks_.in_use()) return "the number of blocks in use is wrong";
    wrong = ports_.check_held();
    return wrong != nullptr ? wrong : check_sums();
}

std::uint64_t Engine::changes() const noexcept {
    return counters_.of(Counter::bindings_created) + counters_.of(Counter::bindings_removed) +
           counters_.of(Counter::sessions_created) + counters_.of(Counter::sessions_removed);
}

void Engine::begin_check() noexcept {
    checking_ = Checking{};
    checking_.on = true;
    checking_.changes = changes();
    check_result_ = CheckResult{};
}

void Engine::end_check() noexcept {
    checking_.on = false;
    check_done_.store(check_asked_.load(std::memory_order_relaxed), std::memory_order_release);
}

void Engine::note_fault(const char* what) noexcept {
    if (is_likely(what == nullptr)) return;
    CheckResult& r = check_result_;
    unsigned i = 0;
    while (i < r.n_faults && r.fault[i].what != what) i++;
    if (i == r.n_faults && r.n_faults < CheckResult::kMost) r.fault[r.n_faults++].what = what;
    r.fault[std::min(i, CheckResult::kMost - 1)].n++;
}

void Engine::check_some() noexcept {
    Checking& c = checking_;
    if (!c.on) begin_check();
    unsigned n = 0;
    for (; c.binding < fresh_ && n < kSlice; c.binding++, n++) {
        note_fault(check_binding(c.binding));
        if (!bindings_[c.binding].is_live()) continue;
        check_result_.bindings++;
        c.n_first += bindings_[c.binding].has_session;
    }
    for (; c.more < more_.high_water() && n < kSlice; c.more++, n++) {
        note_fault(check_more(c.more));
        const Session& s = more_[c.more];
        const bool counts = s.live % 2 != 0 && !s.is_remote() && bindings_[s.binding].is_live() &&
                            bindings_[s.binding].generation == s.binding_generation;
        c.n_more += counts ? 1U : 0U;
    }
    // All cells of one address and protocol at once, some 50 us when it is in use.
    if (n == 0 && c.cells < sizes_.slots * kProtos) {
        std::uint32_t used = 0;
        note_fault(check_cells(c.cells / kProtos, static_cast<Proto>(c.cells % kProtos), used));
        check_result_.ports += used;
        c.cells++;
    }
    if (c.binding < fresh_ || c.more < more_.high_water() || c.cells < sizes_.slots * kProtos)
        return;
    const std::uint64_t moved = changes() - c.changes;
    check_result_.sessions = c.n_first + c.n_more;
    if (difference(check_result_.bindings, n_bindings_) > moved)
        note_fault("the number of bindings is wrong");
    if (difference(check_result_.sessions, n_sessions_) > moved)
        note_fault("the number of sessions is wrong");
    if (difference(check_result_.ports, n_bindings_) > moved)
        note_fault("ports in use are not the bindings");
    end_check();
}

}  // namespace isthmus::nat
