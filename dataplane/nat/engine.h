// SPDX-License-Identifier: Apache-2.0
// The state of one worker: bindings, sessions, subscribers, ports (RFC 6146 s3).
//
// One writer, the worker that owns it; memory is handed in and never grows. The fast path is made
// of small steps that a burst can interleave (hash, prefetch, find); outbound() and inbound() then
// decide, and create what is missing. An entry past its deadline is absent even before it is
// reaped: a clock hand goes round the tables in about four seconds, a bounded number of records in
// each turn, and frees them (docs/decisions/0008). Lookups check what a hint points to, so an entry
// that dies within a burst harms nobody.
//
// Readers in other threads use read_binding() and read_session(): an identity is read whole or not
// at all (generation), the rest may be one burst old.
#pragma once

#include <atomic>
#include <optional>

#include "common/stats/counters.h"
#include "dataplane/nat/blocks.h"
#include "dataplane/nat/chain_table.h"
#include "dataplane/nat/engine_types.h"
#include "dataplane/nat/forecast.h"
#include "dataplane/nat/hand.h"
#include "dataplane/nat/index6.h"
#include "dataplane/nat/nat_event.h"
#include "dataplane/nat/newcomer.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/ports.h"
#include "dataplane/nat/records.h"
#include "dataplane/nat/syn_store.h"

namespace isthmus::nat {

struct Sizes {
    std::uint32_t bindings = 1024;
    std::uint32_t sessions = 1024;  // besides the first of each binding
    std::uint32_t subscribers = 1024;
    std::uint32_t slots = 16;
    std::uint32_t stored_syns = 1024;
    std::uint32_t events = 0;  // of the log ring; 0 or a power of two
    bool has_record = false;   // PortRecord::own is given: free ports are not among the tables
};

class Engine {
public:
    struct Age {  // of a session, as far as its life depends on it
        Proto proto;
        TcpState tcp;
        Be16 z_id;
        std::uint32_t last_seen;
    };
    /// Whether a session of that age lives under a policy.
    [[nodiscard]] static bool alive(const Policy& p, const Age& age, Now now) noexcept;

    [[nodiscard]] static std::size_t bytes_needed(const Sizes& sizes) noexcept;
    /// `memory`: zeroed, cache-line aligned, at least bytes_needed().
    Engine(std::span<std::byte> memory, const Sizes& sizes, const Seed& seed, unsigned worker,
           Counters& counters, const PortRecord& record = {}) noexcept;

    /// A new policy: opens and closes pool slots, starts a sweep when something was retired.
    void apply(const Policy& policy, Now now) noexcept;
    /// Generation of the newest policy whose sweep is complete. Any thread.
    [[nodiscard]] std::uint64_t swept() const noexcept {
        return swept_.load(std::memory_order_acquire);
    }

    // The steps of a burst, 6->4 ...
    [[nodiscard]] std::uint64_t hash_of(const Endpoint6& x, Proto proto) const noexcept {
        return hash_addr(seed_, x.addr,
                         (std::uint64_t{x.id.wire()} << 8) | static_cast<unsigned>(proto));
    }
    void prefetch_bucket(std::uint64_t hash) const noexcept { index_.prefetch(hash); }
    [[nodiscard]] Index find(std::uint64_t hash, const Endpoint6& x, Proto proto) const noexcept {
        return index_.find(hash, [&](Index i) { return is(bindings_[i], x, proto); });
    }
    // ... and 4->6.
    void prefetch_port(unsigned slot, Be16 id, Proto proto) const noexcept {
        prefetch(ports_.cell(slot, proto, id.host()));
    }
    [[nodiscard]] Index find(unsigned slot, Be16 id, Proto proto) const noexcept {
        return ports_.user(slot, proto, id.host());
    }
    /// As find(), but one whose time is over is none.
    [[nodiscard]] Index find_alive(const Policy& policy, unsigned slot, Be16 id, Proto proto,
                                   Now now) const noexcept {
        const Index i = find(slot, id, proto);
        return i == kNone || dead(policy, bindings_[i], now) ? kNone : i;
    }
    void prefetch_binding(Index i) const noexcept {
        if (i != kNone) prefetch_for_write(&bindings_[i]);
    }
    // Further sessions of a binding, in steps: whether there are any at all; whether that of
    // binding `i` with `z` is probably one; asks for the head of its chain, then for the session
    // itself.
    [[nodiscard]] bool has_further() const noexcept { return more_.size() != 0; }
    [[nodiscard]] bool is_further(Index i, const Endpoint4& z) const noexcept {
        const Binding& b = bindings_[i];
        return (b.z_addr != z.addr || b.z_id != z.id) && b.n_more != 0;
    }
    [[nodiscard]] std::uint64_t ask_further(Index i, const Endpoint4& z) const noexcept {
        const std::uint64_t hash = hash_more(i, z.addr, z.id.wire());
        more_.prefetch_head(hash);
        return hash;
    }
    void prefetch_further(std::uint64_t hash) const noexcept {
        const Index i = more_.first(hash);
        if (i != kNone) prefetch_for_write(&more_[i]);
    }
    // Where a binding will have to be made, in steps (engine_newcomer.cc).
    void meet(const Policy& policy, Newcomer& n, unsigned nth) const noexcept;
    void ask_subscriber(const Policy& policy, Newcomer& n) const noexcept;
    void pass_on(const Policy& policy, Newcomer& n) const noexcept;
    void ask_ports(const Policy& policy, Newcomer& n) const noexcept;
    void foresee_port(const Policy& policy, Newcomer& n) const noexcept;
    [[nodiscard]] const Binding& binding(Index i) const noexcept { return bindings_[i]; }

    // Steady flows: UDP or established TCP, the first session of a binding, alive, and found fit by
    // every check that depends on addresses, prefix and policy alone (mark_steady()). Their packets
    // need no decision. A new policy, a clearing, another state or the end of the session ends it.
    [[nodiscard]] Index candidate(std::uint64_t hash) const noexcept {
        return index_.candidate(hash);
    }
    /// The binding that a steady packet may use as it is, its timer started anew; nullptr: the
    /// packet must go the long way.
    [[nodiscard]] Binding* use_64(Index i, const SteadyWords& key, Now now) noexcept {
        if (is_unlikely(i == kNone)) return nullptr;
        Binding& b = bindings_[i];
        const std::uint64_t differs =
            b.x_addr.differs(key.x) | (b.flow() ^ key.flow) | (b.steady ^ (steady_ | key.kind));
        return is_likely(differs == 0) && is_refreshed(b.last_seen, b.proto, true, now) ? &b
                                                                                        : nullptr;
    }
    /// As use_64(), for a packet from (Z,z); `i` comes from the port's cell, which proves (T,t).
    [[nodiscard]] Binding* use_46(Index i, Ipv4Addr z, Be16 z_id, Now now) noexcept {
        if (is_unlikely(i == kNone)) return nullptr;
        Binding& b = bindings_[i];
        const bool same = (b.steady & ~kKindMask) == steady_ && b.z_addr == z && b.z_id == z_id;
        return is_likely(same) && is_refreshed(b.last_seen, b.proto, v4_refresh_, now) ? &b
                                                                                       : nullptr;
    }
    /// As use_64() and use_46(), for a further session of a binding whose first one is steady: what
    /// depends on (X',x) alone was found fit then, Z and z remain to be looked at. `hash`: of
    /// ask_further().
    [[nodiscard]] const Binding* use_further_64(Index i, const SteadyWords& key, const Endpoint4& z,
                                                std::uint64_t hash, Now now) noexcept {
        const Binding& b = bindings_[i];
        const std::uint64_t differs = b.x_addr.differs(key.x) | ((b.flow() ^ key.flow) & kFlowX) |
                                      (b.steady ^ (steady_ | key.kind));
        return differs == 0 && is_further_refreshed(i, z, hash, true, now) ? &b : nullptr;
    }
    [[nodiscard]] const Binding* use_further_46(Index i, const Endpoint4& z, std::uint64_t hash,
                                                Now now) noexcept {
        const Binding& b = bindings_[i];
        const bool same = (b.steady & ~kKindMask) == steady_;
        return same && is_further_refreshed(i, z, hash, v4_refresh_, now) ? &b : nullptr;
    }
    /// What translating 6->4 adds to the transport checksum of the flow between binding `i` and z,
    /// under Pref64 `prefix`.
    [[nodiscard]] std::uint16_t sum_64(const Policy& policy, Index i, std::uint8_t prefix,
                                       Ipv4Addr z) const noexcept;
    /// The first session of binding `i`, with Z,z, has passed all those checks under the policy in
    /// force; `sum` is its sum_64().
    void mark_steady(Index i, const Endpoint4& z, std::uint16_t sum) noexcept {
        Binding& b = bindings_[i];
        const bool first = b.has_session != 0 && b.z_addr == z.addr && b.z_id == z.id;
        if (steady_ == kNeverSteady || !first || b.proto == Proto::icmp) return;
        if (b.proto == Proto::tcp && b.tcp != TcpState::established) return;
        b.sum_64 = sum;
        b.steady = steady_ | steady_kind(b.proto, b.prefix);
    }

    /// A packet from IPv6 (RFC 6146 s3.5): finds or makes binding and session. `hint` may be stale
    /// or wrong.
    [[nodiscard]] Outbound outbound(const Policy& policy, Hint hint, const From6& packet,
                                    Now now) noexcept;
    /// A packet from IPv4 to the pool. `default_prefix`: for sessions that it creates.
    [[nodiscard]] Inbound inbound(const Policy& policy, const From4& packet,
                                  std::uint8_t default_prefix, Now now) noexcept;

    /// What outbound() and inbound() would say now (forecast.h).
    [[nodiscard]] Forecast forecast_64(const Policy& policy, const From6& packet, Now now) noexcept;
    [[nodiscard]] Forecast forecast_46(const Policy& policy, const From4& packet, Now now) noexcept;

    /// A SYN for which inbound() said Drop::tcp_syn_stored; what became of it.
    [[nodiscard]] Drop store_syn(const Policy& policy, const SynStore::Syn& syn, Now now) noexcept {
        return syns_.hold(syn, policy.stored_syns, now);
    }
    /// fn(const SynStore::Entry&) for each SYN that waited in vain: its sender is told.
    template <typename Fn>
    void expire_syns(Now now, Fn&& fn) noexcept {
        syns_.expire(now, 64, fn);
    }
    [[nodiscard]] bool has_waiting_syns() const noexcept { return !syns_.empty(); }
    [[nodiscard]] std::uint32_t n_stored_syns() const noexcept { return syns_.size(); }

    /// Any one other thread: asks for a clearing; the answer is its ticket. One at a time.
    std::uint32_t post_clear(const ClearOrder& order) const noexcept {
        order_ = order;
        const std::uint32_t ticket = asked_.load(std::memory_order_relaxed) + 1;
        asked_.store(ticket, std::memory_order_release);
        return ticket;
    }
    /// True when all that the order names is gone; then `result` says how much it was.
    [[nodiscard]] bool clear_done(std::uint32_t ticket, ClearResult& result) const noexcept {
        if (cleared_.load(std::memory_order_acquire) != ticket) return false;
        result = result_;
        return true;
    }

    // For ICMP errors and later fragments: nothing is created, refreshed or changed.
    /// The mapping of (X',x), when it has a session with (Z,z).
    [[nodiscard]] Outbound peek_outbound(const Policy& policy, const Endpoint6& x,
                                         const Endpoint4& z, Proto proto, Now now) const noexcept;
    [[nodiscard]] Inbound peek_inbound(const Policy& policy, const From4& packet,
                                       Now now) const noexcept;

    /// Tells the logs of a packet without state that cannot be translated (RFC 7915 s4.5), as
    /// rarely as of refusals. `x`: whom it was for.
    void tell_packet_refused(Drop why, const Ipv6Addr& x, const Tuple4& packet, Now now) noexcept;

    /// Once a turn: reaps within a budget. `probe(const Probe&)` is called for TCP clients to be
    /// probed.
    template <typename Fn>
    void end_turn(const Policy& policy, Now now, Fn&& probe) noexcept {
        if (has_housework(policy, now)) do_housework(policy, now, probe);
    }
    /// Whether anything is due: of most turns under load, nothing.
    [[nodiscard]] bool has_housework(const Policy& policy, Now now) const noexcept {
        return asked_.load(std::memory_order_relaxed) != cleared_.load(std::memory_order_relaxed) ||
               sweeping_ != 0 || open_cursor_ < sizes_.slots || static_cursor_ < policy.n_static ||
               is_due(binding_hand_, fresh_, now) ||
               is_due(session_hand_, more_.high_water(), now) || ports_.has_rested(now.tick) ||
               blocks_.has_rested(now.tick, policy.blocks.hold) ||
               check_asked_.load(std::memory_order_relaxed) !=
                   check_done_.load(std::memory_order_relaxed);
    }
    template <typename Fn>
    void do_housework(const Policy& policy, Now now, Fn&& probe) noexcept {
        take_orders();
        open_some(policy, 4);
        bind_static(policy, now, 64);
        const unsigned n = due_visits(binding_hand_, fresh_, now);
        for (unsigned i = 0; i < n; i++) {
            Probe due;
            if (visit_binding(policy, now, due)) probe(due);
        }
        for (unsigned i = due_sessions(now); i > 0; i--) {
            Probe due;
            if (visit_session(policy, now, due)) probe(due);
        }
        ports_.end_holds(now.tick, 64 + n);
        ports_.end_rest_before(now.tick);
        blocks_.end_holds(now.tick, policy.blocks.hold, 64);
        finish_sweep();
        if (is_unlikely(check_asked_.load(std::memory_order_relaxed) !=
                        check_done_.load(std::memory_order_relaxed)))
            check_some();
    }

    /// Somebody waits for a round over all records to end: turns should come without pauses.
    [[nodiscard]] bool hurries() const noexcept { return sweeping_ != 0 || clearing_; }

    // Readers, any thread.
    [[nodiscard]] std::uint32_t binding_high_water() const noexcept {
        return shared_high_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t session_high_water() const noexcept { return more_.capacity(); }
    [[nodiscard]] std::optional<BindingView> read_binding(Index i) const noexcept;
    [[nodiscard]] std::optional<SessionView> read_first_session(Index i) const noexcept;
    [[nodiscard]] std::optional<SessionView> read_more_session(Index i) const noexcept;
    [[nodiscard]] std::uint32_t subscriber_high_water() const noexcept {
        return subscribers_.capacity();
    }
    [[nodiscard]] std::optional<SubscriberView> read_subscriber(Index i) const noexcept;
    [[nodiscard]] std::optional<BlockView> read_block(unsigned slot,
                                                      unsigned number) const noexcept;
    [[nodiscard]] std::uint32_t n_bindings() const noexcept {
        return shared_bindings_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t n_sessions() const noexcept {
        return shared_sessions_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t n_subscribers() const noexcept { return subscribers_.size(); }
    [[nodiscard]] std::uint32_t ports_in_use(unsigned slot, Proto p) const noexcept {
        return ports_.in_use(slot, p);
    }
    [[nodiscard]] std::uint32_t ports_free(unsigned slot, Proto p) const noexcept {
        return ports_.free_count(slot, p);
    }
    [[nodiscard]] const Sizes& sizes() const noexcept { return sizes_; }
    /// Rounds of the hand that reaps: one in about four seconds while it keeps up.
    [[nodiscard]] std::uint64_t expiry_rounds() const noexcept { return rounds_.read(); }
    [[nodiscard]] const EventRing& events() const noexcept { return events_; }
    [[nodiscard]] const ShareHistogram& ports_of_subscribers() const noexcept {
        return port_shares_;
    }
    [[nodiscard]] const ShareHistogram& sessions_of_subscribers() const noexcept {
        return session_shares_;
    }

    /// Tests: nullptr when every invariant holds, else what is wrong. Writer's thread only; takes
    /// as long as the tables are large (engine_check.cc).
    [[nodiscard]] const char* check() noexcept;
    /// The same in the field, a slice in each turn (docs/decisions/0020). Any one other thread; one
    /// at a time.
    std::uint32_t post_check() const noexcept {
        const std::uint32_t ticket = check_asked_.load(std::memory_order_relaxed) + 1;
        check_asked_.store(ticket, std::memory_order_release);
        return ticket;
    }
    struct CheckResult {
        struct Fault {
            const char* what = nullptr;
            std::uint64_t n = 0;  // records, or addresses and protocols, that have it
        };
        static constexpr unsigned kMost = 16;  // kinds; further ones count as the last
        std::array<Fault, kMost> fault{};
        unsigned n_faults = 0;
        std::uint64_t bindings = 0, sessions = 0, ports = 0;  // looked at
    };
    [[nodiscard]] bool check_done(std::uint32_t ticket, CheckResult& result) const noexcept {
        if (check_done_.load(std::memory_order_acquire) != ticket) return false;
        result = check_result_;
        return true;
    }

private:
    Engine(Arena arena, const Sizes& sizes, const Seed& seed, unsigned worker, Counters& counters,
           const PortRecord& record) noexcept;
    static bool is(const Binding& b, const Endpoint6& x, Proto proto) noexcept {
        return b.is_live() && b.x_addr == x.addr && b.x_id == x.id && b.proto == proto;
    }
    /// A packet of a steady session, whose timer it starts anew when it `counts`. False: the
    /// session is near the end of its life, whatever its timer.
    [[nodiscard]] bool is_refreshed(Shared<std::uint32_t>& last_seen, Proto proto, bool counts,
                                    Now now) const noexcept {
        const std::uint32_t age = now.tick.v - last_seen;
        if (is_likely(age == 0)) return true;
        if (age > fresh_ticks_[static_cast<unsigned>(proto)]) return false;
        if (counts) last_seen = now.tick.v;
        return true;
    }
    [[nodiscard]] bool is_session_of(const Session& s, Index binding,
                                     const Endpoint4& z) const noexcept {
        return s.binding == binding && s.z_addr == z.addr && s.z_id == z.id && !s.is_remote() &&
               s.binding_generation == bindings_[binding].generation;
    }
    [[nodiscard]] bool is_further_refreshed(Index i, const Endpoint4& z, std::uint64_t hash,
                                            bool counts, Now now) noexcept {
        const Index m = more_.find(hash, [&](const Session& s) { return is_session_of(s, i, z); });
        if (m == kNone) return false;
        Session& s = more_[m];
        const Binding& b = bindings_[i];
        if (s.prefix != b.prefix) return false;
        if (b.proto == Proto::tcp && s.tcp != TcpState::established) return false;
        return is_refreshed(s.last_seen, b.proto, counts, now);
    }
    [[nodiscard]] bool first_alive(const Policy& p, const Binding& b, Now now) const noexcept;
    [[nodiscard]] bool more_alive(const Policy& p, const Session& s, Now now) const noexcept;
    [[nodiscard]] bool dead(const Policy& p, const Binding& b, Now now) const noexcept;

    [[nodiscard]] Index current(const Policy& policy, Hint hint, const Endpoint6& x, Proto proto,
                                Now now) noexcept;
    // What outbound() and inbound() ask before they change anything.
    /// The binding of (X',x), or of (T,t); one that is dead is removed, a static one that is due
    /// made.
    [[nodiscard]] Index binding_64(const Policy& policy, Hint hint, const Endpoint6& x, Proto proto,
                                   Now now) noexcept;
    [[nodiscard]] Index binding_46(const Policy& policy, unsigned slot, Be16 t_id, Proto proto,
                                   Now now) noexcept;
    /// The session of a binding with Z,z: its first one, or a further one, or none. One that is
    /// not alive is to be removed.
    struct SessionAt {
        bool is_first = false, alive = false;
        Index more = kNone;
        [[nodiscard]] bool is_dead() const noexcept {
            return !alive && (is_first || more != kNone);
        }
    };
    [[nodiscard]] SessionAt session_with(const Policy& policy, Index binding, const Endpoint4& z,
                                         Now now) const noexcept;
    void remove_dead(Index binding, const SessionAt& at, Now now) noexcept;
    /// Why a packet from IPv4 finds no binding.
    [[nodiscard]] static Drop no_binding_46(const Policy& policy, Proto proto,
                                            TcpFlags flags) noexcept;
    /// Why a packet from IPv4 may not open a session of a binding that is there. `gone`: of Z's
    /// further sessions those that are dead and still there.
    [[nodiscard]] Drop refused_46(const Policy& policy, Index binding, const From4& packet, Now now,
                                  std::uint32_t gone = 0) const noexcept;
    /// Whether it would; without a session it is translated, when nothing refuses it.
    [[nodiscard]] static bool opens_46(Proto proto, TcpFlags flags) noexcept {
        return proto != Proto::tcp || (flags.syn() && !flags.ack());
    }

    [[nodiscard]] Index find_more(Index binding, const Endpoint4& z) const noexcept;
    /// Of Z's sessions `gone` do not count.
    [[nodiscard]] bool knows_remote(const Policy& policy, Index binding, Ipv4Addr z, Now now,
                                    std::uint32_t gone) const noexcept;
    [[nodiscard]] std::uint64_t hash_more(Index binding, Ipv4Addr z,
                                          std::uint32_t id) const noexcept {
        return hash2(seed_, (std::uint64_t{binding} << 32) | z.host(), id);
    }

    /// What is being made: the flow that needs a binding, and the port that was found for it.
    struct Wanted {
        Endpoint6 x;
        Endpoint4 z;
        Proto proto = Proto::udp;
        Index subscriber = kNone, binding = kNone;
        std::uint16_t slot = 0, port = 0;
        Life life = Life::dynamic;
        Now now{};  // for the logs
        const Newcomer* newcomer = nullptr;
        bool foreseen() const noexcept { return newcomer != nullptr && newcomer->port != 0; }
    };
    Outbound open_64(const Policy& policy, Hint hint, const From6& packet, Now now) noexcept;
    Drop create_binding(const Policy& policy, Wanted& w, Now now) noexcept;
    /// Limits of a subscriber that a new dynamic binding would pass.
    [[nodiscard]] static Drop limits_of(const Policy& policy, const Subscriber& s, Proto proto,
                                        Now now) noexcept;
    /// What else may be said against a session of a binding that has `n` already.
    [[nodiscard]] Drop session_refused(const Policy& policy, const Subscriber& s, std::uint32_t n,
                                       Now now) const noexcept;
    /// New sessions that a subscriber may open in this second.
    [[nodiscard]] static std::uint32_t rate_left(const Policy& policy, const Subscriber& s,
                                                 Now now) noexcept;
    /// The subscriber's address, when it may still be used and is of pool `group`; -1: a new one is
    /// needed.
    [[nodiscard]] int paired_slot(const Policy& policy, const Subscriber& s,
                                  std::uint8_t group) const noexcept;
    Drop choose_port(const Policy& policy, Wanted& w) noexcept;
    Drop choose_in_pool(const Policy& policy, Wanted& w) noexcept;
    Drop choose_in_blocks(const Policy& policy, Wanted& w, unsigned slot, unsigned most) noexcept;
    /// try_block(block) for each block of a subscriber that may serve a new binding, until it says
    /// true: those on `slot`, his address; with soft pooling then those on others of its pool. None
    /// of what is being drained, or is no more in the pool's range. Against the limit they count
    /// alone.
    template <typename Try>
    unsigned serving_blocks(const Policy& policy, const Subscriber& s, unsigned slot,
                            Try&& try_block) const noexcept {
        unsigned n = 0;
        for (const bool here : {true, false}) {
            if (!here && !policy.pooling_soft) break;
            for (unsigned k = 0; k < s.n_blocks; k++) {
                const unsigned at = s.block[k] >> 16;
                if ((at == slot) != here || !slot_active_[at]) continue;
                if (!blocks_.gives(at, s.block[k] & 0xffff)) continue;
                if (!here && policy.slot[at].group != policy.slot[slot].group) continue;
                n++;
                if (try_block(s.block[k])) return n;
            }
        }
        return n;
    }
    Drop choose_deterministic(const Policy& policy, Wanted& w, const PortRange& own) noexcept;
    bool choose_stored_syn(const Policy& policy, Wanted& w) noexcept;
    bool pair(const Policy& policy, Subscriber& s, const Wanted& w) noexcept;
    void set_pair(const Policy& policy, Subscriber& s, std::uint16_t slot, Now now) noexcept;
    /// What was foreseen, when it may still be had: the port; the address and the block of somebody
    /// new.
    bool take_foreseen(Wanted& w) noexcept;
    bool take_foreseen_in_block(const Policy& policy, Wanted& w, unsigned slot) noexcept;
    [[nodiscard]] int choose_address(const Policy& policy, const Wanted& w,
                                     std::uint8_t group) noexcept;
    [[nodiscard]] std::optional<std::uint16_t> choose_block(const Wanted& w,
                                                            unsigned slot) noexcept;
    /// The ports of a block, as a subscriber's record names it.
    [[nodiscard]] static PortRange range_of(const Policy& policy, std::uint32_t block) noexcept {
        const std::uint32_t size = std::uint32_t{1} << policy.blocks.bits;
        const auto first = static_cast<std::uint16_t>((block & 0xffff) * size);
        return {static_cast<std::uint16_t>(block >> 16), first,
                static_cast<std::uint16_t>(first + size - 1)};
    }
    // Parts of a newcomer's steps (engine_newcomer.cc).
    void foresee_pair(const Policy& policy, Newcomer& n) const noexcept;
    void prefetch_subscriber(const Policy& policy, Index i) const noexcept;
    void ask_blocks(const Policy& policy, const Subscriber& s, Newcomer& n) const noexcept;
    [[nodiscard]] std::optional<std::uint16_t> foresee_in_blocks(const Policy& policy,
                                                                 Newcomer& n) const noexcept;
    void pair_with_static(const Policy& policy, Subscriber& s, const Wanted& w) noexcept;
    void give_back(const Policy& policy, const Wanted& w, Ports::Rest rest) noexcept;
    void write_binding(const Policy& policy, const Wanted& w) noexcept;
    /// The binding that the operator gave to (X',x), made now; kNone: there is none.
    Index make_static(const Policy& policy, const StaticEntry* e, Now now) noexcept;
    /// The same `nonce` gives the same answer.
    [[nodiscard]] int least_loaded(const Policy& policy, Proto proto, std::uint8_t group,
                                   std::uint64_t nonce) const noexcept;
    [[nodiscard]] std::uint64_t hash_of_subscriber(const Ipv6Addr& prefix) const noexcept {
        return hash_addr(seed_, prefix, 5);
    }
    Drop subscriber_of(const Policy& policy, Wanted& w) noexcept;
    [[nodiscard]] static Ports::Wish wish_of(const Policy& policy, Be16 x_id,
                                             Proto proto) noexcept {
        const bool parity = proto == Proto::udp && policy.preserve_parity;
        return {x_id.host() < 1024, true, static_cast<std::uint8_t>(parity ? x_id.host() % 2 : 2)};
    }
    struct NewSession {
        Endpoint4 z;
        std::uint8_t prefix = 0;
        TcpState tcp = TcpState::v6_init;
    };
    Drop add_session(const Policy& policy, Index binding, const NewSession& session,
                     Now now) noexcept;
    /// A new TCP session's state: established when a SYN of its peer waits here.
    [[nodiscard]] TcpState state_of_new(Index binding, const Endpoint4& z, Proto proto) noexcept;
    void count_rate(const Policy& policy, Subscriber& s, Now now) noexcept;

    // Parts of a forecast (engine_forecast.cc).
    void tell_subscriber(const Policy& policy, const Ipv6Addr& x, Forecast& f,
                         Now now) const noexcept;
    void tell_binding(Index i, Forecast& f) const noexcept;
    void tell_session(Index i, const SessionAt& at, Forecast& f) const noexcept;
    struct BlockLimit {
        unsigned slot = 0;  // where a further block would come from
        unsigned most = 0;  // blocks that a subscriber may have
    };
    Drop foresee_block(const Policy& policy, const Subscriber& s, Proto proto, const BlockLimit& of,
                       Forecast& f) const noexcept;
    Drop foresee_deterministic(const Policy& policy, const Subscriber& s, Proto proto,
                               const PortRange& own, Forecast& f) const noexcept;
    Drop foresee_port(const Policy& policy, const Subscriber& s, const Endpoint6& x, Proto proto,
                      Forecast& f) const noexcept;
    Drop foresee_binding(const Policy& policy, const Endpoint6& x, Proto proto, Forecast& f,
                         Now now) const noexcept;
    Drop foresee_session(const Policy& policy, Index binding, const Endpoint4& z,
                         const SessionAt& at, Now now) const noexcept;

    /// The record that tells of a binding's further sessions with Z, or kNone.
    [[nodiscard]] Index find_remote(Index binding, Ipv4Addr z) const noexcept {
        return more_.find(hash_more(binding, z, kRemoteMark), [&](const Session& s) {
            return s.binding == binding && s.z_addr == z && s.is_remote() &&
                   s.binding_generation == bindings_[binding].generation;
        });
    }
    bool add_remote(Index binding, Ipv4Addr z) noexcept;
    void remove_remote(Index binding, Ipv4Addr z) noexcept;
    void remove_first(Binding& b, Now now) noexcept;
    void remove_more(Index i, Now now) noexcept;
    void remove_binding(const Policy& policy, Index i, Now now, bool by_order = false) noexcept;
    /// A packet of a session: what it does to the session's state and timer. True: the state is
    /// another now.
    struct Touch {
        Proto proto;
        bool from_v6;
        TcpFlags flags;
    };
    static bool touch(const Policy& policy, Shared<TcpState>& tcp, Shared<std::uint32_t>& last_seen,
                      Touch by, Now now) noexcept;
    static void touch_first(const Policy& policy, Binding& b, Touch by, Now now) noexcept {
        if (touch(policy, b.tcp, b.last_seen, by, now)) b.steady = 0;
    }
    void publish_counts() noexcept;
    void count_ports(Subscriber& s, Proto proto, int n) noexcept;
    void count_sessions(Subscriber& s, std::int64_t n) noexcept;

    // What the logs are told (engine_events.cc); called when log_ says so.
    [[nodiscard]] bool unloggable() const noexcept {
        return is_unlikely(log_.refuse_unlogged) && (log_.path_down || events_.is_full());
    }
    void emit(const NatEvent& e, Now now) noexcept;
    [[nodiscard]] bool told_otherwise(const Policy& policy, const Binding& b) const noexcept;
    void tell_binding(EventKind kind, const Policy& policy, const Binding& b, Now now) noexcept;
    void tell_session(EventKind kind, const Binding& b, const Endpoint4& z, Now now) noexcept;
    void tell_block(EventKind kind, const Policy& policy, std::uint32_t block,
                    const Wanted& w) noexcept;
    void tell_address(EventKind kind, const Policy& policy, const Subscriber& s, Now now) noexcept;
    void tell_alarm(const Policy& policy, const Subscriber& s, Proto proto, Now now) noexcept;
    [[nodiscard]] std::uint64_t key_of(const NatEvent& e) const noexcept;
    void tell_now_and_then(NatEvent& e, std::uint64_t key, Now now) noexcept;
    Drop refused(const Policy& policy, Drop why, const Ipv6Addr& x, Proto proto, Now now) noexcept;

    // Invariants of one record; nullptr: it is right.
    [[nodiscard]] const char* check_binding(Index i) const noexcept;
    [[nodiscard]] const char* check_more(Index i) const noexcept;
    [[nodiscard]] const char* check_cells(unsigned slot, Proto proto,
                                          std::uint32_t& used) const noexcept;
    [[nodiscard]] const char* check_sums() noexcept;
    void check_some() noexcept;
    void begin_check() noexcept;
    void end_check() noexcept;
    void note_fault(const char* what) noexcept;
    [[nodiscard]] std::uint64_t changes() const noexcept;

    void set_steady(const Policy& policy) noexcept;
    void take_orders() noexcept;
    [[nodiscard]] bool names(const Binding& b) const noexcept;
    [[nodiscard]] bool cleared(const Binding& b) const noexcept {
        return is_unlikely(clearing_) && !order_taken_.has_remote && b.live == Life::dynamic &&
               b.epoch != epoch_ && names(b);
    }
    [[nodiscard]] bool cleared_session(const Binding& b, std::uint32_t epoch, Ipv4Addr z,
                                       Be16 z_id) const noexcept;
    /// A binding that goes now does so by the order under way: it is named, or its last session is.
    [[nodiscard]] bool closes(const Binding& b) const noexcept {
        return cleared(b) || (b.live == Life::dynamic && b.has_session != 0 &&
                              cleared_session(b, b.epoch, b.z_addr, b.z_id));
    }
    void begin_sweep() noexcept;
    void open_some(const Policy& policy, unsigned budget) noexcept;
    void bind_static(const Policy& policy, Now now, unsigned budget) noexcept;

    static constexpr std::uint64_t kRoundNanos = 4 * kNanosPerSecond;  // of the clock hands
    [[nodiscard]] static bool is_due(const Hand& hand, std::uint32_t records, Now now) noexcept {
        const std::uint64_t dt = hand.since(now);
        return records != 0 && (dt >= kRoundNanos || dt * records >= kRoundNanos);
    }
    [[nodiscard]] unsigned due_visits(Hand& hand, std::uint32_t records, Now now) const noexcept;
    void look_ahead(const Policy& policy, Now now) const noexcept;
    bool visit_binding(const Policy& policy, Now now, Probe& due) noexcept;
    [[nodiscard]] unsigned due_sessions(Now now) noexcept;
    bool visit_session(const Policy& policy, Now now, Probe& due) noexcept;
    static bool falls_idle(const Policy& policy, Shared<TcpState>& tcp,
                           Shared<std::uint32_t>& last_seen, Now now) noexcept;
    void finish_sweep() noexcept;

    Sizes sizes_;
    Seed seed_;
    unsigned worker_;
    Counters& counters_;
    std::span<Binding> bindings_;
    Index6 index_;
    ChainTable<Session> more_;
    ChainTable<Subscriber> subscribers_;
    Ports ports_;
    Blocks blocks_;
    SynStore syns_;
    EventRing events_;
    EventLimiter event_limiter_;
    ShareHistogram port_shares_, session_shares_;
    LogSwitch log_;
    std::array<bool, kSlotsMax> slot_live_{};    // bindings on it may live
    std::array<bool, kSlotsMax> slot_active_{};  // new bindings may be made on it
    std::array<SlotSet, kGroupsMax> of_group_;   // active slots, by pool
    std::uint64_t static_digest_ = 0;            // of all static bindings
    std::uint8_t block_bits_ = 0;
    unsigned open_cursor_ = kSlotsMax;     // slots from here on may wait to be opened
    unsigned static_cursor_ = kStaticMax;  // static bindings from here on to be made
    static constexpr SteadyStamp kNeverSteady = ~kKindMask;
    SteadyStamp policy_stamp_ = kNeverSteady;
    SteadyStamp steady_ = kNeverSteady;                 // the one that counts now
    std::array<std::uint32_t, kProtos> fresh_ticks_{};  // shortest life of a steady session
    bool v4_refresh_ = true;
    std::uint32_t epoch_ = 0;  // counts clearings
    bool clearing_ = false;
    mutable ClearOrder order_;  // another thread writes it, once the last one is done
    ClearOrder order_taken_;
    ClearResult result_;
    mutable std::atomic<std::uint32_t> asked_{0};
    std::atomic<std::uint32_t> cleared_{0};
    std::array<bool, kPrefixesMax> prefix_live_{};
    std::array<PoolSlot, kSlotsMax> slot_seen_{};  // as last applied
    Index free_ = kNone, fresh_ = 0;
    std::uint32_t n_bindings_ = 0, n_sessions_ = 0;
    std::uint64_t random_ = 0;
    Hand binding_hand_, session_hand_;
    Shared<std::uint64_t> rounds_ = 0;  // of binding_hand_
    std::uint64_t applied_ = 0;         // generation in force
    std::uint64_t sweeping_ = 0;        // generation whose sweep is under way; 0: none
    Sweep binding_sweep_, session_sweep_;
    std::atomic<std::uint64_t> swept_{0};
    struct Checking {  // a check under way
        bool on = false;
        Index binding = 0, more = 0;
        unsigned cells = 0;  // slot * kProtos + protocol
        std::uint64_t changes = 0, n_first = 0, n_more = 0;
    } checking_;
    CheckResult check_result_;
    mutable std::atomic<std::uint32_t> check_asked_{0};
    std::atomic<std::uint32_t> check_done_{0};
    std::atomic<std::uint32_t> shared_high_{0}, shared_bindings_{0}, shared_sessions_{0};
};

}  // namespace isthmus::nat
