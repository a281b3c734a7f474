// SPDX-License-Identifier: Apache-2.0
// How state ends: the clock hand that reaps what is past its deadline, the sweep after something
// was retired, and clearings. Bounded work in each turn, whatever there is to do.
#include <algorithm>

#include "common/base/prefetch.h"
#include "dataplane/nat/engine.h"

namespace isthmus::nat {

namespace {

constexpr std::uint64_t kRoundNanos = 4 * kNanosPerSecond;  // of the clock hand
constexpr unsigned kMostVisits = 128;                       // in one turn, of each table
constexpr Index kAhead = 4;                                 // records

}  // namespace

void Engine::begin_sweep() noexcept {
    sweep_left_ = fresh_;
    sweep_more_left_ = more_.high_water();
}

void Engine::finish_sweep() noexcept {
    if ((sweeping_ == 0 && !clearing_) || sweep_left_ != 0 || sweep_more_left_ != 0) return;
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
/// something waits for the round to end.
unsigned Engine::due_visits(Hand& hand, std::uint32_t records, Now now) const noexcept {
    if (records == 0) {
        hand.ns = now.ns.v;
        return 0;
    }
    if (sweeping_ != 0 || clearing_) return kMostVisits;
    const std::uint64_t dt = std::min(now.ns.v - hand.ns, kRoundNanos);
    const std::uint64_t n = std::uint64_t{records} * dt / kRoundNanos;
    if (n == 0) return 0;
    hand.ns = now.ns.v;
    return static_cast<unsigned>(std::min<std::uint64_t>(n, kMostVisits));
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
    look_ahead(policy, now);
    if (sweep_left_ > 0) sweep_left_--;
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
    const bool idle = b.tcp == TcpState::established &&
                      now.tick.v - b.last_seen > policy.lifetimes.tcp_established.v;
    if (!idle || b.proto != Proto::tcp) return false;
    b.tcp = TcpState::trans;
    b.last_seen = now.tick.v;
    if (!policy.tcp_probes) return false;
    due = Probe{{b.x_addr, b.x_id}, {b.z_addr, b.z_id}, b.prefix};
    return true;
}

void Engine::sweep_sessions(const Policy& policy, Now now) noexcept {
    const std::uint32_t high = more_.high_water();
    if (high == 0) sweep_more_left_ = 0;
    for (unsigned n = due_visits(session_hand_, high, now); n > 0; n--) {
        const Index i = session_hand_.at;
        session_hand_.at = i + 1 >= high ? 0 : i + 1;
        const Session& ahead = more_[std::min(i + 2 * kAhead, high - 1)];
        prefetch_for_write(&bindings_[std::min(ahead.binding.get(), sizes_.bindings - 1)]);
        if (sweep_more_left_ > 0) sweep_more_left_--;
        const Session& s = more_[i];
        if (s.live % 2 == 0) continue;
        const bool orphan = bindings_[s.binding].generation != s.binding_generation ||
                            !bindings_[s.binding].is_live();
        if (orphan || (!s.is_remote() && !more_alive(policy, s, now))) remove_more(i, now);
    }
}

}  // namespace isthmus::nat
