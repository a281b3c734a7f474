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
#include "dataplane/nat/chain_table.h"
#include "dataplane/nat/index6.h"
#include "dataplane/nat/policy.h"
#include "dataplane/nat/ports.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

struct Sizes {
    std::uint32_t bindings = 1024;
    std::uint32_t sessions = 1024;  // besides the first of each binding
    std::uint32_t subscribers = 1024;
    std::uint32_t slots = 16;
};

struct Outbound {
    Drop why = Drop::none;
    Ipv4Addr t_addr;
    Be16 t_id;
};

struct Inbound {
    Drop why = Drop::none;
    Ipv6Addr x_addr;
    Be16 x_id;
    std::uint8_t prefix = 0;  // of the session: Y' = Pref64::Z
};

/// A probe that an idle TCP client shall get (RFC 6146 s3.5.2.2): from Y',y to X',x.
struct Probe {
    Endpoint6 x;
    Endpoint4 z;
    std::uint8_t prefix = 0;
};

/// What a reader sees of a binding or of one session of it.
struct BindingView {
    Endpoint6 x;
    Endpoint4 t;
    Proto proto = Proto::udp;
    std::uint32_t n_sessions = 0;
};
struct SessionView {
    BindingView binding;
    Endpoint4 z;
    TcpState tcp = TcpState::closed;
    std::uint8_t prefix = 0;
    Tick last_seen;
};

class Engine {
public:
    [[nodiscard]] static std::size_t bytes_needed(const Sizes& sizes) noexcept;
    /// `memory`: zeroed, cache-line aligned, at least bytes_needed().
    Engine(std::span<std::byte> memory, const Sizes& sizes, const Seed& seed, unsigned worker,
           Counters& counters) noexcept;

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
    void prefetch_binding(Index i) const noexcept {
        if (i != kNone) prefetch_for_write(&bindings_[i]);
    }
    [[nodiscard]] const Binding& binding(Index i) const noexcept { return bindings_[i]; }

    /// A packet from IPv6 (RFC 6146 s3.5): finds or makes binding and session. `hint` may be stale
    /// or kNone.
    [[nodiscard]] Outbound outbound(const Policy& policy, Index hint, const Tuple6& tuple,
                                    const Endpoint4& z, std::uint8_t prefix, TcpFlags flags,
                                    Now now) noexcept;
    /// A packet from IPv4 to the pool. `default_prefix`: for sessions that it creates.
    [[nodiscard]] Inbound inbound(const Policy& policy, unsigned slot, const Tuple4& tuple,
                                  std::uint8_t default_prefix, TcpFlags flags, Now now) noexcept;

    // For ICMP errors and later fragments: nothing is created, refreshed or changed.
    /// The mapping of (X',x), when it has a session with (Z,z).
    [[nodiscard]] Outbound peek_outbound(const Policy& policy, const Endpoint6& x,
                                         const Endpoint4& z, Proto proto, Now now) const noexcept;
    [[nodiscard]] Inbound peek_inbound(const Policy& policy, unsigned slot, Be16 t_id,
                                       const Endpoint4& z, Proto proto, Now now) const noexcept;

    /// Once a turn: reaps within a budget. `probe(const Probe&)` is called for TCP clients to be
    /// probed.
    template <typename Fn>
    void end_turn(const Policy& policy, Now now, Fn&& probe) noexcept {
        const unsigned n = step_hand(now);
        for (unsigned i = 0; i < n; i++) {
            Probe due;
            if (visit_binding(policy, now, due)) probe(due);
        }
        sweep_sessions(policy, now, session_visits(n));
        ports_.end_holds(now.tick, 64 + n);
        finish_sweep();
    }

    // Readers, any thread.
    [[nodiscard]] std::uint32_t binding_high_water() const noexcept {
        return shared_high_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t session_high_water() const noexcept { return more_.capacity(); }
    [[nodiscard]] std::optional<BindingView> read_binding(Index i) const noexcept;
    [[nodiscard]] std::optional<SessionView> read_first_session(Index i) const noexcept;
    [[nodiscard]] std::optional<SessionView> read_more_session(Index i) const noexcept;
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

    /// Tests and field checks: nullptr when every invariant holds, else what is wrong. Writer's
    /// thread only.
    [[nodiscard]] const char* check() const noexcept;

private:
    Engine(Arena arena, const Sizes& sizes, const Seed& seed, unsigned worker,
           Counters& counters) noexcept;
    static bool is(const Binding& b, const Endpoint6& x, Proto proto) noexcept {
        return b.live != 0 && b.x_addr == x.addr && b.x_id == x.id && b.proto == proto;
    }
    [[nodiscard]] bool alive(const Policy& p, Proto proto, TcpState s, std::uint32_t last_seen,
                             Now now) const noexcept;
    [[nodiscard]] bool first_alive(const Policy& p, const Binding& b, Now now) const noexcept;
    [[nodiscard]] bool more_alive(const Policy& p, const Session& s, Now now) const noexcept;
    [[nodiscard]] bool dead(const Policy& p, const Binding& b, Now now) const noexcept;

    [[nodiscard]] Index current(const Policy& policy, Index hint, const Endpoint6& x, Proto proto,
                                Now now) noexcept;
    [[nodiscard]] Index find_more(Index binding, const Endpoint4& z) const noexcept;
    [[nodiscard]] bool knows_remote(const Policy& policy, Index binding, Ipv4Addr z,
                                    Now now) const noexcept;
    [[nodiscard]] std::uint64_t hash_more(Index binding, Ipv4Addr z,
                                          std::uint32_t id) const noexcept {
        return hash2(seed_, (std::uint64_t{binding} << 32) | z.host(), id);
    }

    Drop create_binding(const Policy& policy, const Endpoint6& x, Proto proto, Now now,
                        Index& out) noexcept;
    Drop choose_port(const Policy& policy, Subscriber& s, Proto proto, Be16 x_id, Index binding,
                     std::uint16_t& slot, std::uint16_t& port) noexcept;
    [[nodiscard]] int least_loaded(Proto proto) noexcept;
    Drop subscriber_of(const Policy& policy, const Ipv6Addr& x, Index& out) noexcept;
    Drop add_session(const Policy& policy, Index binding, const Endpoint4& z, std::uint8_t prefix,
                     TcpState tcp, Now now) noexcept;
    bool rate_allows(const Policy& policy, Subscriber& s, Now now) noexcept;
    void add_remote(Index binding, Ipv4Addr z) noexcept;
    void remove_remote(Index binding, Ipv4Addr z) noexcept;
    void remove_first(Binding& b) noexcept;
    void remove_more(Index i) noexcept;
    void remove_binding(const Policy& policy, Index i, Now now) noexcept;
    void touch(const Policy& policy, TcpState& tcp, std::uint32_t& last_seen, Proto proto,
               bool from_v6, TcpFlags flags, Now now) noexcept;
    void publish_counts() noexcept;

    unsigned step_hand(Now now) noexcept;
    /// So many sessions that their round takes as long as the bindings'.
    [[nodiscard]] unsigned session_visits(unsigned binding_visits) const noexcept {
        if (binding_visits == 0 || fresh_ == 0) return 0;
        return static_cast<unsigned>(std::uint64_t{binding_visits} * more_.high_water() / fresh_ +
                                     1);
    }
    bool visit_binding(const Policy& policy, Now now, Probe& due) noexcept;
    void sweep_sessions(const Policy& policy, Now now, unsigned n) noexcept;
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
    std::array<bool, kSlotsMax> slot_live_{};      // bindings on it may live
    std::array<bool, kSlotsMax> slot_active_{};    // new bindings may be made on it
    std::array<std::uint16_t, kSlotsMax> mine_{};  // active slots with ports of ours
    unsigned n_mine_ = 0;
    std::array<bool, kPrefixesMax> prefix_live_{};
    std::array<PoolSlot, kSlotsMax> slot_seen_{};  // as last applied
    Index free_ = kNone, fresh_ = 0;
    std::uint32_t n_bindings_ = 0, n_sessions_ = 0;
    std::uint64_t random_ = 0;
    Index hand_ = 0, session_hand_ = 0;
    std::uint64_t hand_ns_ = 0;
    std::uint64_t sweeping_ = 0;  // generation whose sweep is under way; 0: none
    std::uint32_t sweep_left_ = 0, sweep_more_left_ = 0;
    std::atomic<std::uint64_t> swept_{0};
    std::atomic<std::uint32_t> shared_high_{0}, shared_bindings_{0}, shared_sessions_{0};
};

}  // namespace isthmus::nat
