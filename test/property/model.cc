// SPDX-License-Identifier: Apache-2.0
#include "test/property/model.h"

namespace property {

namespace {

bool opens(Proto proto, TcpFlags f, bool from_v6) {
    if (proto != Proto::tcp) return true;
    return f.syn() && (from_v6 || !f.ack());
}

std::string name_of_drop(Drop d) { return std::string(kDrops[static_cast<std::size_t>(d)].name); }

}  // namespace

NextState next_state(TcpState s, bool from_v6, TcpFlags f, bool rst_in_fin) {
    const bool syn6 = from_v6 && f.syn(), syn4 = !from_v6 && f.syn();
    const bool reopens = syn6 && !f.ack() && !f.rst();
    if (s == TcpState::v4_init)
        return syn6 ? NextState{TcpState::established, true} : NextState{s, false};
    if (s == TcpState::v6_init) {
        if (syn4) return {TcpState::established, true};
        return {s, syn6};
    }
    if (s == TcpState::established) {
        if (f.rst()) return {TcpState::trans, true};
        if (f.fin()) return {from_v6 ? TcpState::v6_fin : TcpState::v4_fin, false};
        return {s, true};
    }
    if (s == TcpState::v4_fin || s == TcpState::v6_fin) {
        if (f.rst() && rst_in_fin) return {TcpState::trans, true};
        if (f.fin() && from_v6 == (s == TcpState::v4_fin)) return {TcpState::both_fin, true};
        return {s, true};
    }
    if (reopens) return {TcpState::v6_init, true};
    if (s == TcpState::both_fin) return {s, false};
    return f.rst() ? NextState{TcpState::trans, false} : NextState{TcpState::established, true};
}

/// What a port must be, whoever chose it: of an active address, in its range, nobody else's, in the
/// subscriber's own block or range.
void Model::check_choice(const Key& key, const Port& port) const {
    const Policy& p = policy();
    const PoolSlot& s = p.slot[port.slot];
    if (s.state != PoolSlot::State::active) wrong("a port of an address that is not active");
    if (port.id == 0 || port.id < s.first_port || port.id > s.last_port)
        wrong("a port outside the address's range");
    for (unsigned i = 0; i < p.n_static; i++) {
        const StaticEntry& e = p.fixed[i];
        if (e.slot == port.slot && e.t.id.host() == port.id && e.proto == port.proto)
            wrong("a port that is reserved statically");
    }
    const Ipv6Addr own = subscriber(key.x);
    const auto range = deterministic_range(p, key.x);
    if (range && port.slot == range->slot && port.id >= range->first && port.id <= range->last)
        return;
    if (range && port.id < dynamic_from(p.deterministic)) wrong("a port of another's range");
    if (!range && p.slot[port.slot].group != p.group_of(key.x)) wrong("an address of another pool");
    if (!p.blocks.on()) return;
    for (const auto& [k, b] : bindings_) {
        if (b.fixed || b.port.slot != port.slot || subscriber(k.x) == own) continue;
        if (block_of(k, b.port) != block_of(key, port)) continue;
        if (exists(k, b) == Alive::yes) wrong("a port in another subscriber's block");
    }
    check_block(key, port);
}

void Model::check_pairing(const Key& key, const Port& port) const {
    if (policy().pooling_soft || deterministic_range(policy(), key.x)) return;
    const auto of = of_subscriber_.find(subscriber(key.x).octet);
    if (of == of_subscriber_.end()) return;
    for (const Key& k : of->second) {
        const ModelBinding& b = bindings_.at(k);
        if (b.fixed || b.made_under != era_ || exists(k, b) != Alive::yes) continue;
        if (b.port.slot != port.slot) wrong("a subscriber on two addresses");
    }
}

/// The engine says that `key` is at (T,t): it was, or it is new there.
ModelBinding& Model::renew(const Key& key, const Outbound& got) {
    const int slot = policy().slot_of(got.t_addr);
    if (slot < 0) wrong("an address that is not in the pool");
    const Port port{key.proto, static_cast<unsigned>(slot), got.t_id.host()};
    const auto known = bindings_.find(key);
    const StaticEntry* fixed = static_of(key);
    if (known != bindings_.end()) {
        if (known->second.port == port && exists(key, known->second) != Alive::no)
            return known->second;
        if (exists(key, known->second) == Alive::yes) wrong("a mapping changed");
        forget(key);
    }
    if (fixed != nullptr) {
        if (fixed->slot != port.slot || fixed->t.id.host() != port.id)
            wrong("a static binding is not used");
    } else {
        check_choice(key, port);
        check_pairing(key, port);
        check_rest(key, port);
        if (ports_of(subscriber(key.x), key.proto).lo >= policy().limits.ports_per_subscriber)
            wrong("more ports than a subscriber may have");
    }
    if (const auto other = back_.find(port); other != back_.end()) {
        if (exists(other->second, bindings_.at(other->second)) == Alive::yes && fixed == nullptr)
            wrong("two bindings share (T,t)");
        forget(Key(other->second));
    }
    ModelBinding& b = bindings_[key];
    b.port = port;
    b.fixed = fixed != nullptr;
    b.made_under = era_;
    back_[port] = key;
    of_subscriber_[subscriber(key.x).octet].insert(key);
    return b;
}

ModelSession Model::new_session(const Key& key, const Remote& z, std::uint8_t prefix,
                                bool from_v6) const {
    ModelSession s;
    s.seen_lo = s.seen_hi = box_.now.tick;
    s.prefix = prefix;
    s.z_port = z.second;
    s.state = key.proto != Proto::tcp ? TcpState::closed
              : from_v6               ? TcpState::v6_init
                                      : TcpState::v4_init;
    s.state_known = key.proto != Proto::tcp || !from_v6 || !stored_syns_;
    return s;
}

/// A packet of a session has passed: made, or its timer set, as RFC 6146 says.
void Model::packet(const Key& key, ModelBinding& b, const Remote& z, const Passed& p) {
    const auto [prefix, from_v6, flags] = p;
    const Tick now = box_.now.tick;
    const auto known = b.sessions.find(z);
    const Alive was = known == b.sessions.end() ? Alive::no : alive(key, known->second, box_.now);
    const bool can_open = opens(key.proto, flags, from_v6);
    if (was == Alive::no) {
        if (known != b.sessions.end()) b.sessions.erase(known);
        if (!can_open) {
            if (policy().drop_tcp_strays) wrong("a segment without session passed");
            return;
        }
        const Limits& l = policy().limits;
        if (sessions_of(subscriber(key.x)).lo >= l.sessions_per_subscriber)
            wrong("more sessions than a subscriber may have");
        if (b.sessions.size() >= l.sessions_per_binding) {
            Range n;
            for (const auto& [r, s] : b.sessions) n.lo += alive(key, s, box_.now) == Alive::yes;
            if (n.lo >= l.sessions_per_binding) wrong("more sessions than a binding may have");
        }
        b.sessions[z] = new_session(key, z, prefix, from_v6);
        b.had_several = b.had_several || b.sessions.size() > 1;
        return;
    }
    ModelSession& s = known->second;
    if (from_v6 || was == Alive::maybe) s.prefix = prefix;  // old or new
    const bool counts = from_v6 || policy().v4_refresh;
    if (key.proto != Proto::tcp) {
        if (counts || (was == Alive::maybe && can_open)) s.seen_hi = now;
        if (counts) s.seen_lo = now, s.doubt = false;
        return;
    }
    const bool idle = s.state == TcpState::established &&
                      now.v - s.seen_lo.v > policy().lifetimes.tcp_established.v;
    if (was == Alive::maybe || idle || !s.state_known) {
        s.state_known = false;
        s.seen_hi = now;
        // Whatever it was, a SYN alone from IPv6 sets the timer of what it is now.
        if (from_v6 && flags.bits == 0x02) s.doubt = false, s.seen_lo = now;
        return;
    }
    const NextState next = next_state(s.state, from_v6, flags, policy().rst_in_fin);
    const auto is_long = [](TcpState t) {
        return t == TcpState::established || t == TcpState::v4_fin || t == TcpState::v6_fin;
    };
    const bool shorter = is_long(s.state) && !is_long(next.state);
    s.state = next.state;
    if (next.sets_timer && (counts || shorter)) s.seen_lo = s.seen_hi = now;
}

bool Model::may_refuse(const Key& key, Drop why, Alive binding) const {
    const Policy& p = policy();
    const Ipv6Addr own = subscriber(key.x);
    const bool may_make = binding != Alive::yes;
    const Sizes& sizes = box_.engine->sizes();
    switch (why) {
        case Drop::subscriber_ports:
            return may_make && (ports_of(own, key.proto).hi >= p.limits.ports_per_subscriber ||
                                p.deterministic.on);
        case Drop::subscriber_sessions:
            return sessions_of(own).hi >= p.limits.sessions_per_subscriber;
        case Drop::subscriber_rate:
            return p.limits.new_sessions_per_second != 0;
        case Drop::binding_sessions:
            return bindings_.count(key) == 0
                       ? p.limits.sessions_per_binding == 0
                       : bindings_.at(key).sessions.size() >= p.limits.sessions_per_binding;
        case Drop::subscriber_blocks: {
            Blocks serving, all;
            blocks_of(own, 0, serving, all);
            return may_make && p.blocks.on() && all.size() >= most_blocks();
        }
        case Drop::pool4_exhausted:
            return may_make;  // judged by the driver, which knows how full the pool is
        case Drop::binding_table_full:
            return may_make && count_bindings().hi >= sizes.bindings;
        case Drop::session_table_full:
            return count_sessions().hi > sizes.sessions / 2;
        case Drop::subscriber_table_full:
            return may_make && of_subscriber_.size() >= sizes.subscribers;
        default:
            return false;
    }
}

void Model::outbound(const Key& key, const Endpoint4& z, std::uint8_t prefix, TcpFlags flags,
                     const Outbound& got) {
    const auto known = bindings_.find(key);
    const Alive was = static_of(key) != nullptr  ? fixed_alive()
                      : known == bindings_.end() ? Alive::no
                                                 : exists(key, known->second);
    const Remote remote{z.addr.host(), z.id.host()};
    if (got.why == Drop::none) {
        if (was == Alive::no && !opens(key.proto, flags, true))
            wrong("a segment without SYN made a binding");
        ModelBinding& b = renew(key, got);
        packet(key, b, remote, {prefix, true, flags});
        return note_use(key, b);
    }
    Alive session = Alive::no;
    if (known != bindings_.end()) {
        const auto s = known->second.sessions.find(remote);
        if (s != known->second.sessions.end()) session = alive(key, s->second, box_.now);
    }
    if (session == Alive::yes && was == Alive::yes) wrong("a packet of a live session was refused");
    if (got.why == Drop::tcp_not_syn) {
        if (key.proto != Proto::tcp || flags.syn()) wrong("no TCP segment without SYN");
        if (was == Alive::yes && !policy().drop_tcp_strays)
            wrong("a segment with a binding was refused");
        return;
    }
    if (!may_refuse(key, got.why, was)) wrong("refused without a reason: " + name_of_drop(got.why));
}

void Model::inbound(const Port& port, const Endpoint4& z, TcpFlags flags, const Inbound& got) {
    const auto at = back_.find(port);
    const Alive was = at == back_.end() ? Alive::no : exists(at->second, bindings_.at(at->second));
    const Remote remote{z.addr.host(), z.id.host()};
    const Policy& p = policy();
    const bool syn = flags.syn() && !flags.ack(), tcp = port.proto == Proto::tcp;
    Alive session = Alive::no, address = Alive::no;
    if (at != back_.end()) {
        for (const auto& [r, s] : bindings_.at(at->second).sessions) {
            const Alive a = alive(at->second, s, box_.now);
            if (r == remote) session = a;
            // A session that is over but not reaped may still let its address in.
            if (r.first == remote.first) address = std::max(address, std::max(a, Alive::maybe));
        }
    }
    if (got.why == Drop::none) {
        if (was == Alive::no) wrong("a packet to nobody's port passed");
        const Key key = at->second;
        if (got.x_addr != key.x || got.x_id.host() != key.id) wrong("a packet for a wrong host");
        if (p.address_dependent_filtering && address == Alive::no && session == Alive::no)
            wrong("a stranger passed the filter");
        if (session == Alive::yes && bindings_.at(key).sessions.at(remote).prefix != got.prefix)
            wrong("a session has another prefix");
        if (session == Alive::no && p.drop_external_tcp && tcp && syn)
            wrong("a connection from outside was let in");
        packet(key, bindings_.at(key), remote, {got.prefix, false, flags});
        return note_use(key, bindings_.at(key));
    }
    if (was == Alive::yes && session == Alive::yes) wrong("a packet to a live session was refused");
    switch (got.why) {
        case Drop::no_binding:
            if (was == Alive::yes || tcp) wrong("a binding was not found");
            return;
        case Drop::tcp_not_syn:
            if (!tcp || syn || (was == Alive::yes && !p.drop_tcp_strays)) wrong("tcp_not_syn");
            return;
        case Drop::tcp_syn_stored:
            if (!tcp || !syn || p.drop_external_tcp) wrong("tcp_syn_stored");
            if (was == Alive::yes && (!p.address_dependent_filtering || address == Alive::yes))
                wrong("a SYN was stored in vain");
            return;
        case Drop::tcp_external_refused:
            if (!tcp || !syn || !p.drop_external_tcp) wrong("tcp_external_refused");
            return;
        case Drop::filtered:
            if (!p.address_dependent_filtering) wrong("filtered");
            if (address == Alive::yes) wrong("a known address was filtered");
            return;
        default:
            if (was == Alive::no || !may_refuse(at->second, got.why, Alive::yes))
                wrong("refused without a reason: " + name_of_drop(got.why));
    }
}

void Model::peeked(const Key& key, const Endpoint4& z, const Outbound& got) const {
    const auto b = bindings_.find(key);
    Alive session = Alive::no;
    if (b != bindings_.end()) {
        const auto s = b->second.sessions.find({z.addr.host(), z.id.host()});
        if (s != b->second.sessions.end()) session = alive(key, s->second, box_.now);
    }
    if (got.why == Drop::none && session == Alive::no) wrong("an error passed without a session");
    if (got.why != Drop::none && session == Alive::yes && exists(key, b->second) == Alive::yes)
        wrong("an error about a live session was refused");
}

void Model::before_timers() {
    for (auto& [k, b] : bindings_) {
        for (auto& [z, s] : b.sessions) {
            const Alive a = alive(k, s, box_.now);
            if (a == Alive::yes) continue;
            s.doubt = true;
            if (a == Alive::no || k.proto != Proto::tcp) continue;
            // It may have passed into TRANS, with a timer of its own, at any time until now.
            s.state_known = false;
            s.seen_hi = box_.now.tick;
        }
    }
}

void Model::after_policy() {
    std::set<Key> over;
    for (auto& [k, b] : bindings_) {
        const bool lost = policy().slot[b.port.slot].state == PoolSlot::State::unused;
        const bool unbound = b.fixed && static_of(k) == nullptr;
        for (auto& [z, s] : b.sessions)
            s.gone = s.gone || lost || unbound || !policy().prefix[s.prefix].live;
        if (lost || unbound) over.insert(k);
    }
    // What stands where a static binding is now goes with it.
    for (unsigned i = 0; i < policy().n_static; i++) {
        const StaticEntry& e = policy().fixed[i];
        const Key key{e.proto, e.x.addr, e.x.id.host()};
        const Port port{e.proto, e.slot, e.t.id.host()};
        const auto at = back_.find(port);
        if (at != back_.end() && !(at->second == key && bindings_.at(key).fixed))
            over.insert(at->second);
        const auto by = bindings_.find(key);
        if (by != bindings_.end() && by->second.port != port) over.insert(key);
        if (by != bindings_.end() && by->second.port == port && !by->second.fixed) over.insert(key);
    }
    for (const Key& k : over) forget(k);
    for (unsigned i = 0; i < policy().n_static; i++) {
        const StaticEntry& e = policy().fixed[i];
        const Key key{e.proto, e.x.addr, e.x.id.host()};
        if (bindings_.count(key) != 0) continue;
        ModelBinding& b = bindings_[key];
        b.port = {e.proto, e.slot, e.t.id.host()};
        b.fixed = true;
        back_[b.port] = key;
        of_subscriber_[subscriber(key.x).octet].insert(key);
    }
}

void Model::clear(const ClearOrder& o, Range& n_bindings, Range& n_sessions) {
    for (auto& [k, b] : bindings_) {
        if (o.slot >= 0 && b.port.slot != static_cast<unsigned>(o.slot)) continue;
        if (o.proto >= 0 && k.proto != static_cast<Proto>(o.proto)) continue;
        if (o.x_id >= 0 && k.id != o.x_id) continue;
        if (o.t_id >= 0 && b.port.id != o.t_id) continue;
        if (!o.subscriber.contains(k.x)) continue;
        const bool lives = exists(k, b) == Alive::yes;
        bool any = false, left = false, sure = false;
        for (auto& [z, s] : b.sessions) {
            const Alive a = alive(k, s, box_.now);
            const bool named =
                !o.has_remote || (z.first == o.z_addr.host() && (o.z_id < 0 || z.second == o.z_id));
            if (!named) {
                left = left || a == Alive::yes;
                continue;
            }
            any = any || !s.gone;
            sure = sure || a == Alive::yes;
            n_sessions.lo += a == Alive::yes ? 1 : 0;
            n_sessions.hi += s.gone ? 0 : 1;
            s.gone = true;
        }
        if (!o.has_remote && !b.fixed) {
            b.closed = true;
            n_bindings.lo += lives ? 1 : 0;
            n_bindings.hi++;
        }
        if (!o.has_remote || b.fixed || left) continue;
        bool others = false;  // that may live
        for (auto& [z, s] : b.sessions) others = others || !s.gone;
        n_bindings.lo += sure && !others ? 1 : 0;
        n_bindings.hi += any ? 1 : 0;
    }
}

void Model::settled(Now then) {
    std::set<Key> over;
    for (auto& [k, b] : bindings_) {
        for (auto s = b.sessions.begin(); s != b.sessions.end();)
            s = alive(k, s->second, then) == Alive::no ? b.sessions.erase(s) : std::next(s);
        if (b.sessions.empty() && !b.fixed) over.insert(k);
    }
    for (const Key& k : over) forget(k);
}

}  // namespace property
