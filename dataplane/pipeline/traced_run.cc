// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/traced_run.h"

#include <algorithm>
#include <cstring>

#include "common/net/headers.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/stateless_map.h"

namespace isthmus::pipeline {

namespace {

using xlat::Kind;

/// What the stages' own functions say of a packet before it runs. They change neither it nor any
/// table. Its bytes (`ip`) are good until then only.
struct Look {
    Work work;
    Frame ip;      // from the IP header on
    Endpoint6 x6;  // of an IPv6 packet: its source
    std::uint8_t version = 0;
    bool parsed = false;
    Drop refused = Drop::none;
    nat::Index found = nat::kNone;
};

nat::Index find_binding(const Context& c, const Look& k) noexcept {
    const nat::Engine& e = c.worker.engine;
    if (!k.parsed || !k.work.parsed.has_ids()) return nat::kNone;
    if (k.work.path != Path::d64 && k.work.path != Path::d46) return nat::kNone;
    const Proto proto = proto_of(k.work.parsed.kind);
    if (k.version == 4) return e.find(k.work.slot, k.work.parsed.dst_id, proto);
    return e.find(e.hash_of(k.x6, proto), k.x6, proto);
}

Look look_at(const Context& c, const Packet& packet) noexcept {
    Look k;
    Packet copy = packet;
    classify(copy, k.work, c.cfg, c.worker);
    L2 l2;
    if (!read_l2(packet, l2)) {
        k.refused = k.work.why;
        return k;
    }
    k.ip = packet.frame;
    k.ip.pull_front(l2.bytes);
    const bool v6 = l2.type == kTypeIpv6 && k.ip.len_bytes >= kIpv6Bytes;
    const bool v4 = l2.type == kTypeIpv4 && k.ip.len_bytes >= kIpv4Bytes;
    k.version = v6 ? 6 : v4 ? 4 : 0;
    if (k.work.path == Path::drop) k.refused = k.work.why;
    if (k.work.path < Path::d64) return k;
    k.refused = v6 ? xlat::parse_v6(k.ip, k.work.parsed) : xlat::parse_v4(k.ip, k.work.parsed);
    k.parsed = k.refused == Drop::none;
    if (v6) k.x6 = {load_ipv6(k.ip.data + ipv6_at::kSource), k.work.parsed.src_id};
    k.found = find_binding(c, k);
    return k;
}

/// `perhaps`: the subscriber shows only when the packet has run. Of the drop reason that always
/// holds.
enum class Match : std::uint8_t { no, yes, perhaps };

/// The packet that an ICMP error quotes, as far as addresses and protocol go; empty: none.
std::span<const std::uint8_t> quoted(const Look& k) noexcept {
    constexpr std::uint32_t kErrorHeader = 8;
    if (!k.parsed || k.work.parsed.kind != Kind::icmp_error) return {};
    const std::uint32_t at = k.work.parsed.l4_at + kErrorHeader;
    const std::uint32_t need = k.version == 6 ? kIpv6Bytes : kIpv4Bytes;
    if (k.ip.len_bytes < at + need) return {};
    return {k.ip.data + at, need};
}

bool is_proto(std::uint8_t number, Proto p) noexcept {
    switch (p) {
        case Proto::tcp:
            return number == ip_proto::kTcp;
        case Proto::udp:
            return number == ip_proto::kUdp;
        default:
            return number == ip_proto::kIcmp || number == ip_proto::kIcmp6;
    }
}

bool matches_proto(const Look& k, Proto p) noexcept {
    const unsigned at = k.version == 6 ? ipv6_at::kNextHeader : ipv4_at::kProtocol;
    if (is_proto(k.parsed ? k.work.parsed.protocol : k.ip.data[at], p)) return true;
    const auto inner = quoted(k);
    return !inner.empty() && is_proto(inner[at], p);
}

bool matches_remote(const Context& c, const Look& k, Ipv4Addr remote) noexcept {
    const auto inner = quoted(k);
    if (k.version == 4) {
        if (load_ipv4(k.ip.data + ipv4_at::kSource) == remote) return true;
        return !inner.empty() && load_ipv4(inner.data() + ipv4_at::kDestination) == remote;
    }
    const Ipv6Addr dst = load_ipv6(k.ip.data + ipv6_at::kDestination);
    const In4 z = to4(c.cfg, dst, Behind::any_prefix);
    return z.how != Mapped::none && z.addr == remote;
}

Match match_subscriber(const Context& c, const Look& k, const Prefix6& subscriber) noexcept {
    if (k.version == 6) {
        const bool hit = subscriber.contains(load_ipv6(k.ip.data + ipv6_at::kSource)) ||
                         subscriber.contains(load_ipv6(k.ip.data + ipv6_at::kDestination));
        return hit ? Match::yes : Match::no;
    }
    if (k.work.path == Path::s46) {
        const Ipv4Addr dst = load_ipv4(k.ip.data + ipv4_at::kDestination);
        const bool hit = subscriber.contains(to6(c.cfg, dst, UseEam::yes).addr);
        return hit ? Match::yes : Match::no;
    }
    if (k.work.path != Path::d46) return Match::no;
    if (k.found == nat::kNone) return Match::perhaps;  // an error, a fragment: seen when it leaves
    return subscriber.contains(c.worker.engine.binding(k.found).x_addr) ? Match::yes : Match::no;
}

Match match(const Context& c, const Look& k) noexcept {
    const TraceFilter& f = c.worker.trace.filter();
    const bool any = f.subscriber.len_bits == 0 && !f.has_remote && f.proto < 0;
    if (any) return Match::yes;
    if (k.version == 0) return Match::no;
    if (f.proto >= 0 && !matches_proto(k, static_cast<Proto>(f.proto))) return Match::no;
    if (f.has_remote && !matches_remote(c, k, f.remote)) return Match::no;
    return f.subscriber.len_bits == 0 ? Match::yes : match_subscriber(c, k, f.subscriber);
}

bool goes_to(const Packet& p, const Prefix6& subscriber) noexcept {
    L2 l2;
    if (!read_l2(p, l2) || l2.type != kTypeIpv6) return false;
    if (p.frame.len_bytes < l2.bytes + kIpv6Bytes) return false;
    return subscriber.contains(load_ipv6(p.frame.data + l2.bytes + ipv6_at::kDestination));
}

struct Lists {
    unsigned tx, punt, handover;
};
Lists sizes_of(const Burst& b) noexcept { return {b.tx.n, b.punt.n, b.handover.n}; }

/// Of a list that grew from `before` to `now`; a flush in between empties it.
unsigned first_new(unsigned before, unsigned now) noexcept { return now < before ? 0 : before; }

struct Tally {
    std::array<std::uint64_t, kCounterCount> counter;
    std::array<std::uint64_t, kDropCount> drop;
};
void take_tally(const Counters& c, Tally& t) noexcept {
    for (std::size_t i = 0; i < kCounterCount; i++) t.counter[i] = c.of(static_cast<Counter>(i));
    for (std::size_t i = 0; i < kDropCount; i++) t.drop[i] = c.of(static_cast<Drop>(i));
}

void copy_bytes(const Context& c, const Packet& p, TraceRecord& r) noexcept {
    r.len_bytes = p.frame.len_bytes;
    r.kept_bytes = std::min({p.frame.len_bytes, c.worker.trace.filter().keep_bytes, kTraceKept});
    std::memcpy(r.bytes.data(), p.frame.data, r.kept_bytes);
    r.port = p.port;
    r.vlan = p.vlan;
    r.at_ns = c.now.ns.v;
}

/// By xlat::Kind.
constexpr std::array<const char*, 6> kPayload{"udp",        "tcp",        "echo",
                                              "icmp error", "icmp other", "other protocol"};

TraceWay way_of(Path p) noexcept {
    switch (p) {
        case Path::punt:
            return TraceWay::punted;
        case Path::handover:
            return TraceWay::handed_over;
        case Path::d64:
            return TraceWay::six_to_four;
        case Path::d46:
            return TraceWay::four_to_six;
        case Path::s64:
            return TraceWay::stateless_64;
        case Path::s46:
            return TraceWay::stateless_46;
        default:
            return TraceWay::dropped;
    }
}

void record_look(const Packet& p, const Look& k, TraceRecord& r) noexcept {
    const xlat::Parsed& q = k.work.parsed;
    r.kind = TraceRecord::Kind::arrived;
    r.way = way_of(k.work.path);
    r.refused_by_stage = k.refused;
    r.handed_in = p.handed_over;
    r.hairpin = p.hairpin;
    r.to_worker = 0;
    r.parsed = k.parsed;
    r.payload = kPayload[static_cast<std::size_t>(q.kind)];
    r.is_icmp = q.kind == Kind::echo || q.kind == Kind::icmp_error || q.kind == Kind::icmp_other;
    r.has_ids = k.parsed && q.has_ids();
    r.protocol = q.protocol;
    r.hop_limit = q.hop_limit;
    r.icmp_type = q.icmp_type;
    r.icmp_code = q.icmp_code;
    r.fragment = q.fragment;
    r.more = q.more;
    r.frag_offset = q.frag_offset;
    r.prefix = k.work.prefix;
    r.slot = k.work.slot;
    r.src_id = q.src_id;
    r.dst_id = q.dst_id;
    r.found = k.found;
}

void record_moved(const Counters& now, const Tally& before, TraceRecord& r) noexcept {
    r.why = Drop::none;
    for (std::size_t i = 0; i < kDropCount && r.why == Drop::none; i++) {
        if (now.of(static_cast<Drop>(i)) != before.drop[i]) r.why = static_cast<Drop>(i);
    }
    r.n_moved = 0;
    for (std::size_t i = 0; i < kCounterCount && r.n_moved < kTraceMoved; i++) {
        const auto id = static_cast<Counter>(i);
        if (now.of(id) == before.counter[i]) continue;
        r.moved[r.n_moved++] = {id, static_cast<std::uint32_t>(now.of(id) - before.counter[i])};
    }
}

void record_binding(const Context& c, const Look& k, TraceRecord& r) noexcept {
    r.used = find_binding(c, k);
    if (r.used == nat::kNone) return;
    const nat::Binding& b = c.worker.engine.binding(r.used);
    r.x = {b.x_addr, b.x_id};
    r.t = {b.t_addr, b.t_id};
}

TraceEnd end_of(const TraceRecord& r, const Lists& first, const Lists& now) noexcept {
    if (r.why != Drop::none) return TraceEnd::dropped;
    if (now.tx > first.tx) return TraceEnd::sent;
    if (now.handover > first.handover) return TraceEnd::handed_over;
    return now.punt > first.punt ? TraceEnd::punted : TraceEnd::kept;
}

template <typename List>
void record_outputs(Context& c, const List& list, unsigned first, TraceEnd end,
                    TraceRecord& arrival) noexcept {
    for (unsigned i = first; i < list.n; i++) {
        arrival.n_outputs++;
        if (arrival.n_shown == kTraceOutputs) continue;
        TraceRecord* r = c.worker.trace.slot(arrival.n_shown + 1U);
        if (r == nullptr) continue;
        copy_bytes(c, list.item[i], *r);
        r->kind = TraceRecord::Kind::left;
        r->end = end;
        r->to_worker = list.item[i].to_worker;
        r->n_outputs = r->n_shown = 0;
        arrival.n_shown++;
    }
}

/// Whether a packet matched, now that it has run.
bool matched(const Context& c, Match before, const TraceRecord& r, unsigned first_tx) noexcept {
    const TraceFilter& f = c.worker.trace.filter();
    if (f.only_drops && (r.why == Drop::none || (f.why != Drop::none && f.why != r.why)))
        return false;
    if (before == Match::yes) return true;
    if (r.used != nat::kNone && f.subscriber.contains(r.x.addr)) return true;
    for (unsigned i = first_tx; i < c.burst.tx.n; i++) {
        if (goes_to(c.burst.tx.item[i], f.subscriber)) return true;
    }
    return false;
}

/// Makes room in the output lists, so that what one packet becomes can be seen in them.
void make_room(Context& c) noexcept {
    const auto half = [](const auto& list) { return list.n > kOutMax / 2; };
    const Burst& b = c.burst;
    if (half(b.tx) || half(b.punt) || half(b.handover) || half(b.done))
        b.edge.flush(b.edge.context, c.burst);
}

/// The packet at in[0], alone.
void run_one(Context& c, Stages stages, const Look& k) noexcept {
    Trace& trace = c.worker.trace;
    TraceRecord* const r = trace.slot(0);
    if (r == nullptr) {
        trace.lose();
        return stages(c);
    }
    make_room(c);
    const Match before_run = match(c, k);
    copy_bytes(c, c.burst.in[0], *r);
    record_look(c.burst.in[0], k, *r);
    const Lists was = sizes_of(c.burst);
    Tally before;
    take_tally(c.worker.counters, before);
    stages(c);
    const Lists now = sizes_of(c.burst);
    const Lists first{first_new(was.tx, now.tx), first_new(was.punt, now.punt),
                      first_new(was.handover, now.handover)};
    record_moved(c.worker.counters, before, *r);
    record_binding(c, k, *r);
    r->end = end_of(*r, first, now);
    if (now.handover > first.handover)
        r->to_worker = c.burst.handover.item[first.handover].to_worker;
    if (!matched(c, before_run, *r, first.tx)) return;
    r->n_outputs = r->n_shown = 0;
    record_outputs(c, c.burst.tx, first.tx, TraceEnd::sent, *r);
    record_outputs(c, c.burst.punt, first.punt, TraceEnd::punted, *r);
    record_outputs(c, c.burst.handover, first.handover, TraceEnd::handed_over, *r);
    r->serial = trace.next_serial();
    trace.commit(1U + r->n_shown, 1);
}

void run_waiting(Context& c, Stages stages) noexcept {
    if (c.burst.n != 0) stages(c);
    c.burst.n = 0;
}

/// Whether what leaves late belongs to the trace: all that can be told from its addresses.
bool matches_late(const TraceFilter& f, const Packet& p) noexcept {
    if (f.only_drops) return false;
    if (f.subscriber.len_bits != 0 && !goes_to(p, f.subscriber)) return false;
    if (!f.has_remote) return true;
    L2 l2;
    if (!read_l2(p, l2) || l2.type != kTypeIpv4) return false;
    if (p.frame.len_bytes < l2.bytes + kIpv4Bytes) return false;
    return load_ipv4(p.frame.data + l2.bytes + ipv4_at::kDestination) == f.remote;
}

}  // namespace

void run_traced(Context& c, Stages stages) noexcept {
    Trace& trace = c.worker.trace;
    if (!trace.goes_on() || !trace.wants_more()) return run_waiting(c, stages);
    auto& waiting = trace.waiting();
    const unsigned n = c.burst.n;
    std::copy_n(c.burst.in.begin(), n, waiting.begin());
    c.burst.n = 0;
    for (unsigned i = 0; i < n; i++) {
        const Look look = look_at(c, waiting[i]);
        if (!trace.wants_more() || match(c, look) == Match::no) {
            c.burst.in[c.burst.n++] = waiting[i];
            continue;
        }
        run_waiting(c, stages);
        c.burst.in[0] = waiting[i];
        c.burst.n = 1;
        // Looked at again: those before it may have made its binding.
        run_one(c, stages, look_at(c, waiting[i]));
        c.burst.n = 0;
    }
    run_waiting(c, stages);
}

void end_turn_traced(Context& c, unsigned first) noexcept {
    Trace& trace = c.worker.trace;
    if (!trace.goes_on() || !trace.wants_more()) return;
    for (unsigned i = first; i < c.burst.tx.n; i++) {
        const Packet& p = c.burst.tx.item[i];
        if (!matches_late(trace.filter(), p)) continue;
        TraceRecord* const r = trace.slot(0);
        if (r == nullptr) return trace.lose();
        copy_bytes(c, p, *r);
        r->kind = TraceRecord::Kind::left;
        r->end = TraceEnd::sent;
        r->serial = trace.next_serial();
        r->n_outputs = r->n_shown = 0;
        trace.commit(1, 0);
    }
}

}  // namespace isthmus::pipeline
