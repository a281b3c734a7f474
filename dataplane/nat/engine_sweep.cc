// SPDX-License-Identifier: Apache-2.0
// How state ends: the clock hand that reaps what is past its deadline, the sweep after something
// was retired, and clearings. Bounded work in each turn, whatever there is to do.
#include <algorithm>

#include "common/base/prefetch.h"
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

namespace {

constexpr unsigned kMostVisits = 128;  // in one turn, of each table
constexpr Index kAhead = 4;            // records

}  // namespace

void Engine::begin_sweep() noexcept {
    binding_sweep_.begin(binding_hand_.at, fresh_);
    session_sweep_.begin(session_hand_.at, more_.high_water());
}

void Engine::finish_sweep() noexcept {
    if ((sweeping_ == 0 && !clearing_) || binding_sweep_.is_on() || session_sweep_.is_on()) return;
    // Another address may come into a slot only when the one before it is closed.
    if (open_cursor_ < sizes_.slots) return;
    if (sweeping_ != 0) swept_.store(applied_, std::memory_order_release);
    sweeping_ = 0;
    if (!clearing_) return;
    clearing_ = false;
    steady_ = policy_stamp_;
    cleared_.store(asked_.load(std::memory_order_relaxed), std::memory_order_release);
}

void Engine::take_orders() noexcept {
    const std::uint32_t asked = asked_.load(std::memory_order_acquire);
    if (is_likely(clearing_ || asked == cleared_.load(std::memory_order_relaxed))) return;
    order_taken_ = order_;
    result_ = ClearResult{};
    clearing_ = true;
    steady_ = kNeverSteady;
    epoch_++;
    begin_sweep();
}

bool Engine::names(const Binding& b) const noexcept {
    const ClearOrder& o = order_taken_;
    if (o.slot >= 0 && b.slot != static_cast<unsigned>(o.slot)) return false;
    if (o.proto >= 0 && b.proto != static_cast<Proto>(o.proto)) return false;
    if (o.x_id >= 0 && b.x_id.get().host() != o.x_id) return false;
    if (o.t_id >= 0 && b.t_id.get().host() != o.t_id) return false;
    return o.subscriber.contains(b.x_addr);
}

bool Engine::cleared_session(const Binding& b, std::uint32_t epoch, Ipv4Addr z,
                             Be16 z_id) const noexcept {
    if (is_likely(!clearing_) || epoch == epoch_) return false;
    if (order_taken_.has_remote) {
        if (z != order_taken_.z_addr) return false;
        if (order_taken_.z_id >= 0 && z_id.host() != order_taken_.z_id) return false;
    }
    return names(b);
}

/// How many records to look at now, for the round to take kRoundNanos; all that a turn may when
/// something waits for the round to end. What a turn may not is left for the next ones: a worker
/// whose core was away makes up for it.
unsigned Engine::due_visits(Hand& hand, std::uint32_t records, Now now) const noexcept {
    if (records == 0 || sweeping_ != 0 || clearing_) {
        hand.ns = now.ns.v;
        return records == 0 ? 0 : kMostVisits;
    }
    // Of what is owed more than one round is forgotten, and of a clock that went back all.
    const std::uint64_t dt = std::min(hand.since(now), kRoundNanos);
    hand.ns = now.ns.v - dt;
    const std::uint64_t n =
        std::min<std::uint64_t>(std::uint64_t{records} * dt / kRoundNanos, kMostVisits);
    hand.ns += n * kRoundNanos / records;
    return static_cast<unsigned>(n);
}

/// Asks for what visits to come will touch: a record's line, and sooner, when its life is over,
/// what its removal needs.
void Engine::look_ahead(const Policy& policy, Now now) const noexcept {
    const Index last = sizes_.bindings - 1;
    prefetch_for_write(&bindings_[std::min(binding_hand_.at + 2 * kAhead, last)]);
    const Binding& b = bindings_[std::min(binding_hand_.at + kAhead, last)];
    if (!b.is_live() || is_likely(!dead(policy, b, now))) return;
    prefetch_bucket(hash_of({b.x_addr, b.x_id}, b.proto));
    prefetch_for_write(ports_.cell(b.slot, b.proto, b.t_id.get().host()));
    prefetch_for_write(&subscribers_[b.subscriber]);
}

bool Engine::visit_binding(const Policy& policy, Now now, Probe& due) noexcept {
    const Index i = binding_hand_.at;
    binding_hand_.at = i + 1 >= fresh_ ? 0 : i + 1;
    if (binding_hand_.at == 0) rounds_ += 1;
    look_ahead(policy, now);
    binding_sweep_.step(binding_hand_.at);
    Binding& b = bindings_[i];
    if (!b.is_live()) return false;
    if (dead(policy, b, now)) {
        remove_binding(policy, i, now);
        return false;
    }
    if (b.has_session == 0) return false;
    if (!first_alive(policy, b, now)) {
        remove_first(b, now);
        return false;
    }
    if (b.proto != Proto::tcp || !falls_idle(policy, b.tcp, b.last_seen, now)) return false;
    b.steady = 0;
    due = Probe{{b.x_addr, b.x_id}, {b.z_addr, b.z_id}, b.prefix};
    return policy.tcp_probes;
}

/// RFC 6146 s3.5.2.2, ESTABLISHED: at the end of TCP_EST comes TRANS, with a probe or without.
bool Engine::falls_idle(const Policy& policy, Shared<TcpState>& tcp,
                        Shared<std::uint32_t>& last_seen, Now now) noexcept {
    if (tcp != TcpState::established) return false;
    if (now.tick.v - last_seen <= policy.lifetimes.tcp_established.v) return false;
    tcp = TcpState::trans;
    last_seen = now.tick.v;
    return true;
}

unsigned Engine::due_sessions(Now now) noexcept {
    return due_visits(session_hand_, more_.high_water(), now);
}

bool Engine::visit_session(const Policy& policy, Now now, Probe& due) noexcept {
    const std::uint32_t high = more_.high_water();
    const Index i = session_hand_.at;
    session_hand_.at = i + 1 >= high ? 0 : i + 1;
    const Session& ahead = more_[std::min(i + 2 * kAhead, high - 1)];
    prefetch_for_write(&bindings_[std::min(ahead.binding.get(), sizes_.bindings - 1)]);
    session_sweep_.step(session_hand_.at);
    Session& s = more_[i];
    if (s.live % 2 == 0) return false;
    const Index of = s.binding;
    Binding& b = bindings_[of];
    if (b.generation != s.binding_generation || !b.is_live()) {
        remove_more(i, now);
        return false;
    }
    if (s.is_remote()) return false;
    if (!more_alive(policy, s, now)) {
        const bool named = cleared_session(b, s.epoch, s.z_addr, s.z_id);
        remove_more(i, now);
        // A binding goes with the last session that the operator closes, and is counted.
        if (is_unlikely(named) && dead(policy, b, now)) remove_binding(policy, of, now, true);
        return false;
    }
    if (b.proto != Proto::tcp || !falls_idle(policy, s.tcp, s.last_seen, now)) return false;
    due = Probe{{b.x_addr, b.x_id}, {s.z_addr, s.z_id}, s.prefix};
    return policy.tcp_probes;
}

}  // namespace isthmus::nat
