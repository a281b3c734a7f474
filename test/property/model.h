// SPDX-License-Identifier: Apache-2.0
// A reference model of the engine, as simple as can be: maps, no tables, no hashes, no hand.
//
// Where the engine is free (which port; when it reaps what is over) the model keeps bounds: a
// session surely lives, surely does not, or may; counts have a least and a most. Every answer of
// the engine is held against them; what it answers is then what the model believes. A wrong answer
// throws.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

#include "test/unit/nat/box.h"

namespace property {

using namespace isthmus;
using namespace isthmus::nat;

struct Wrong : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Alive { no, maybe, yes };

struct ModelSession {
    TcpState state = TcpState::closed;
    bool state_known = true;
    bool doubt = false;     // was over under some policy: it may have been reaped then
    bool gone = false;      // closed by a clearing, or its prefix or address is gone
    Tick seen_lo, seen_hi;  // last packet that set the timer
    std::uint8_t prefix = 0;
    std::uint16_t z_port = 0;
};

struct Key {  // of a binding
    Proto proto = Proto::udp;
    Ipv6Addr x;
    std::uint16_t id = 0;
    friend bool operator==(const Key&, const Key&) = default;
    friend bool operator<(const Key& a, const Key& b) {
        return std::tie(a.proto, a.x.octet, a.id) < std::tie(b.proto, b.x.octet, b.id);
    }
};
struct Port {  // (T,t) of a protocol
    Proto proto = Proto::udp;
    unsigned slot = 0;
    std::uint16_t id = 0;
    friend auto operator<=>(const Port&, const Port&) = default;
};
using Remote = std::pair<std::uint32_t, std::uint16_t>;

struct ModelBinding {
    Port port;
    bool fixed = false;
    bool had_several = false;  // sessions at a time: the only one left need not be the first
    bool closed = false;       // by a clearing, as a whole
    unsigned made_under = 0;   // era of pools that it was made in
    std::map<Remote, ModelSession> sessions;
};

struct Range {
    std::uint64_t lo = 0, hi = 0;
    [[nodiscard]] bool has(std::uint64_t n) const { return lo <= n && n <= hi; }
};

class Model {
public:
    explicit Model(box::Box& b) : box_(b) {}

    void outbound(const Key& key, const Endpoint4& z, std::uint8_t prefix, TcpFlags flags,
                  const Outbound& got);
    void inbound(const Port& port, const Endpoint4& z, TcpFlags flags, const Inbound& got);
    void peeked(const Key& key, const Endpoint4& z, const Outbound& got) const;

    /// Before timers change: what is over now may be reaped before they do.
    void before_timers();
    /// Pools, rules or blocks changed: addresses may be paired anew.
    void pools_changed() { era_++; }
    /// So did what rests, and for how long.
    void rests_changed() {
        used_.clear();
        block_used_.clear();
    }
    /// Prefixes, addresses or static bindings that are no more in the policy.
    void after_policy();
    /// What a clearing closes; how much that is.
    void clear(const ClearOrder& order, Range& bindings, Range& sessions);
    /// Every entry was visited since `then`: what was over then is gone.
    void settled(Now then);

    [[nodiscard]] Range count_bindings() const;
    [[nodiscard]] Range count_sessions() const;
    [[nodiscard]] const std::map<Key, ModelBinding>& bindings() const { return bindings_; }
    [[nodiscard]] Alive alive(const Key& key, const ModelSession& s, Now now) const;
    void syn_stored() { stored_syns_ = true; }

private:
    [[nodiscard]] const Policy& policy() const { return *box_.policy; }
    /// Where the tables are full there may be no room for what the operator bound.
    [[nodiscard]] Alive fixed_alive() const {
        return box_.engine->sizes().bindings < 200 ? Alive::maybe : Alive::yes;
    }
    [[nodiscard]] Alive exists(const Key& key, const ModelBinding& b) const;
    [[nodiscard]] Ipv6Addr subscriber(const Ipv6Addr& x) const {
        return masked(x, policy().subscriber_bits);
    }
    [[nodiscard]] Range sessions_of(const Ipv6Addr& subscriber) const;
    [[nodiscard]] Range ports_of(const Ipv6Addr& subscriber, Proto proto) const;
    [[nodiscard]] bool may_refuse(const Key& key, Drop why, Alive binding) const;
    [[nodiscard]] const StaticEntry* static_of(const Key& key) const;
    ModelBinding& renew(const Key& key, const Outbound& got);
    void check_choice(const Key& key, const Port& port) const;
    void check_pairing(const Key& key, const Port& port) const;
    void check_rest(const Key& key, const Port& port) const;
    void check_block(const Key& key, const Port& port) const;
    void note_use(const Key& key, const ModelBinding& b);
    /// The port block that a dynamic binding lies in; -1: in none.
    [[nodiscard]] int block_of(const Key& key, const Port& port) const;
    [[nodiscard]] unsigned most_blocks() const {
        return policy().deterministic.on ? policy().deterministic.most_blocks
                                         : policy().blocks.most;
    }
    /// Blocks of a subscriber: those that surely serve beside `slot`, and all there may be.
    using Blocks = std::set<std::pair<unsigned, int>>;
    void blocks_of(const Ipv6Addr& subscriber, unsigned slot, Blocks& serving, Blocks& all) const;
    [[nodiscard]] ModelSession new_session(const Key& key, const Remote& z, std::uint8_t prefix,
                                           bool from_v6) const;
    struct Passed {  // a packet, as far as its session is concerned
        std::uint8_t prefix = 0;
        bool from_v6 = false;
        TcpFlags flags;
    };
    void packet(const Key& key, ModelBinding& b, const Remote& z, const Passed& p);
    void forget(const Key& key);
    [[noreturn]] static void wrong(const std::string& what) { throw Wrong(what); }

    box::Box& box_;
    std::map<Key, ModelBinding> bindings_;
    std::map<Port, Key> back_;
    std::map<std::array<std::uint8_t, 16>, std::set<Key>> of_subscriber_;
    struct PortUse {
        Tick last;
    };
    struct BlockUse {
        Tick last;
        Ipv6Addr subscriber;
    };
    std::map<Port, PortUse> used_;  // by dynamic bindings
    std::map<std::pair<unsigned, int>, BlockUse> block_used_;
    unsigned era_ = 0;
    bool stored_syns_ = false;  // a SYN was stored once: states of new TCP sessions are not known
};

/// RFC 6146 s3.5.2.2 as a list of sentences; independent of the engine's own.
struct NextState {
    TcpState state;
    bool sets_timer;
};
[[nodiscard]] NextState next_state(TcpState s, bool from_v6, TcpFlags f, bool rst_in_fin);

}  // namespace property
