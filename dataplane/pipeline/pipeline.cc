// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/pipeline.h"

#include <algorithm>

#include "common/net/headers.h"
#include "common/net/rfc6052.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/explain.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/newcomers.h"
#include "dataplane/pipeline/stateless.h"
#include "dataplane/pipeline/steady.h"
#include "dataplane/pipeline/traced_run.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

namespace {

constexpr unsigned kAhead = 4;  // frames asked for
/// Packets that go through a stage together. A core waits for about 18 lines of memory at a time,
/// and of what is asked for beyond that some is not brought at all.
constexpr unsigned kSlice = 8;
/// Newcomers that are prepared together, when there are as many: each step of theirs waits for
/// memory that the one before it asked for.
constexpr unsigned kMeetTogether = 32;

Proto proto_of(xlat::Kind k) noexcept {
    return k == xlat::Kind::tcp ? Proto::tcp : k == xlat::Kind::udp ? Proto::udp : Proto::icmp;
}

bool has_ids(const xlat::Parsed& p) noexcept {
    return p.first() &&
           (p.kind == xlat::Kind::tcp || p.kind == xlat::Kind::udp || p.kind == xlat::Kind::echo);
}

/// The long way's first half: what the packet is to us, and its headers. Ends by asking for the
/// bucket or the port's cell.
[[gnu::noinline]] void read_long(Context& c, unsigned i) noexcept {
    Packet& packet = c.burst.in[i];
    Work& w = c.worker.work[i];
    w = Work{};
    classify(packet, w, c.cfg, c.worker);
    if (packet.l3_checksum_bad && (w.path == Path::d46 || w.path == Path::s46)) {
        w.why = Drop::ipv4_bad_checksum;
        return;
    }
    Frame& f = packet.frame;
    if (w.path == Path::d64) {
        w.why = xlat::parse_v6(f, w.parsed);
        if (w.why != Drop::none || !has_ids(w.parsed)) return;
        w.hash = c.worker.engine.hash_of({load_ipv6(f.data + ipv6_at::kSource), w.parsed.src_id},
                                         proto_of(w.parsed.kind));
        c.worker.engine.prefetch_bucket(w.hash);
    } else if (w.path == Path::d46) {
        w.why = xlat::parse_v4(f, w.parsed);
        if (w.why != Drop::none || !has_ids(w.parsed)) return;
        c.worker.engine.prefetch_port(w.slot, w.parsed.dst_id, proto_of(w.parsed.kind));
    } else if (w.path == Path::s64) {
        w.why = xlat::parse_v6(f, w.parsed);
    } else if (w.path == Path::s46) {
        w.why = xlat::parse_v4(f, w.parsed);
    }
}

/// The candidate for the binding of a packet on the long way; asks for its line. True: a flow that
/// needs a binding; it is the burst's newcomer `nth`.
[[gnu::noinline]] bool lookup_long(Context& c, unsigned i, std::uint16_t nth) noexcept {
    Work& w = c.worker.work[i];
    if (w.why != Drop::none || !has_ids(w.parsed)) return false;
    const Proto proto = proto_of(w.parsed.kind);
    if (w.path == Path::d46) {
        w.hint = c.worker.engine.find(w.slot, w.parsed.dst_id, proto);
        c.worker.engine.prefetch_binding(w.hint);
        return false;
    }
    if (w.path != Path::d64) return false;
    w.hint = c.worker.engine.candidate(w.hash);
    c.worker.engine.prefetch_binding(w.hint);
    if (w.hint != nat::kNone || (proto == Proto::tcp && !w.parsed.flags.syn())) return false;
    w.newcomer = nth;
    const std::uint8_t* const source = c.burst.in[i].frame.data + ipv6_at::kSource;
    meet_newcomer(c, {load_ipv6(source), w.parsed.src_id}, proto, w.hash, nth);
    return true;
}

/// Packets [first, last) of the burst.
struct Slice {
    unsigned first, last;
};

/// Stage 1: read. In: frame. Out: steady[], or work[] for the long way.
[[gnu::noinline]] void stage_read(Context& shared, Slice of) noexcept {
    const Inner c{shared};
    const Packet* const in = c.burst.in.data();
    const Packet* const last_ahead = in + c.burst.n - std::min(c.burst.n, kAhead);
    for (unsigned i = of.first; i < of.last; i++) {
        const Packet* const p = in + i;
        if (p < last_ahead) prefetch(p[kAhead].frame.data);
        if (is_unlikely(!read_steady(c, i))) read_long(shared, i);
    }
}

/// Stage 2: look up. In: what stage 1 asked for. Out: hint; asks for the binding's line, or for
/// what a new flow will touch. `known`: newcomers of the burst before; returned: with these.
[[gnu::noinline]] std::uint16_t stage_lookup(Context& shared, Slice of,
                                             std::uint16_t known) noexcept {
    const Inner c{shared};
    std::uint16_t n_new = known;
    for (unsigned i = of.first; i < of.last; i++) {
        if (is_likely(c.worker.steady[i].way != Steady::Way::none)) {
            if (is_unlikely(lookup_steady(c, i, n_new))) n_new++;
        } else if (lookup_long(shared, i, n_new)) {
            n_new++;
        }
    }
    return n_new;
}

void finish_untranslated(Context& c, Packet& packet, const Work& w) noexcept {
    switch (w.path) {
        case Path::punt:
            if (c.burst.punt.full()) c.burst.edge.flush(c.burst.edge.context, c.burst);
            c.worker.counters.add(Counter::punted);
            c.burst.punt.push(packet);
            return;
        case Path::handover:
            if (c.burst.handover.full()) c.burst.edge.flush(c.burst.edge.context, c.burst);
            c.worker.counters.add(Counter::handed_over_subscriber);
            c.burst.handover.push(packet);
            return;
        default:
            return drop_frame(c, packet, w.why);
    }
}

/// The long way's second half: decide, rewrite, send or refuse.
[[gnu::noinline]] void finish_long(Context& c, unsigned i) noexcept {
    Packet& packet = c.burst.in[i];
    Work& w = c.worker.work[i];
    if (w.path < Path::d64) return finish_untranslated(c, packet, w);
    if (is_unlikely(w.why != Drop::none)) return refuse(c, packet, w, w.why);
    switch (w.path) {
        case Path::d64:
            return forward_64(c, packet, w);
        case Path::s64:
            return stateless_64(c, packet, w);
        case Path::s46:
            return stateless_46(c, packet, w);
        default:
            return forward_46(c, packet, w);
    }
}

/// Not steady after all: it goes the long way now.
[[gnu::noinline]] void send_after_all(Context& c, unsigned i, Sent sent) noexcept {
    read_long(c, i);
    if (sent == Sent::refused) c.worker.work[i].why = c.worker.steady[i].why;
    finish_long(c, i);
}

/// Stage 3: send, in order of arrival.
[[gnu::noinline]] void stage_send(Context& shared, Slice of) noexcept {
    const Inner c{shared};
    std::array<unsigned, Steady::kWays> n_sent{};
    unsigned n_decided = 0;
    for (unsigned i = of.first; i < of.last; i++) {
        const Steady::Way way = c.worker.steady[i].way;
        if (is_unlikely(way == Steady::Way::none)) {
            finish_long(shared, i);
            continue;
        }
        n_sent[static_cast<unsigned>(way)]++;
        const Sent sent = send_steady(c, i);
        if (is_likely(sent == Sent::steady)) continue;
        if (sent == Sent::decided) {
            n_decided++;
        } else {
            n_sent[static_cast<unsigned>(way)]--;
            send_after_all(shared, i, sent);
        }
    }
    const auto n_of = [&](Steady::Way w) { return n_sent[static_cast<unsigned>(w)]; };
    const unsigned n_64 = n_of(Steady::Way::d64) + n_of(Steady::Way::s64);
    const unsigned n_46 = n_of(Steady::Way::d46) + n_of(Steady::Way::s46);
    c.worker.counters.add(Counter::translated_64, n_64);
    c.worker.counters.add(Counter::translated_46, n_46);
    c.worker.counters.add(Counter::steady, n_64 + n_46 - n_decided);
}

/// RFC 6146 s3.5.2.2: an ACK without data, sequence and acknowledgment 0, from Y',y to X',x.
void send_probe(Context& c, const nat::Probe& probe) noexcept {
    constexpr std::uint32_t kBytes = kIpv6Bytes + kTcpBytes;
    const Way way = way_to(c.worker, probe.x.addr, 0);
    if (way.why != Drop::none || !c.cfg.nat.prefix[probe.prefix].live) return;
    Packet packet;
    if (!c.burst.edge.alloc(c.burst.edge.context, kBytes, packet))
        return c.worker.counters.drop(Drop::no_buffer);
    packet.frame.set_length(kBytes);
    std::uint8_t* const h = packet.frame.data;
    for (std::uint32_t i = 0; i < kBytes; i++) h[i] = 0;
    store(h, Be32{6U << 28});
    store(h + ipv6_at::kPayloadLength, Be16{kTcpBytes});
    h[ipv6_at::kNextHeader] = ip_proto::kTcp;
    h[ipv6_at::kHopLimit] = 255;
    store(h + ipv6_at::kSource, embed(c.cfg.nat.prefix[probe.prefix].pref, probe.z.addr));
    store(h + ipv6_at::kDestination, probe.x.addr);
    std::uint8_t* const tcp = h + kIpv6Bytes;
    store(tcp + tcp_at::kSource, probe.z.id);
    store(tcp + tcp_at::kDestination, probe.x.id);
    tcp[tcp_at::kDataOffset] = 5 << 4;
    tcp[tcp_at::kFlags] = 0x10;
    xlat::Parsed parsed;
    if (xlat::parse_v6(packet.frame, parsed) == Drop::none)
        xlat::write_transport_checksum(packet.frame, parsed, true);
    c.worker.counters.add(Counter::tcp_probes_sent);
    send_ip(c, packet, way);
}

[[gnu::noinline]] void apply_snapshot(Context& c) noexcept {
    c.worker.seen_generation = c.cfg.generation;
    c.worker.engine.apply(c.cfg.nat, c.now);
    c.worker.fragments.configure(c.cfg.fragment_hold, c.cfg.nat.subscriber_bits);
}

void take_snapshot(Context& c) noexcept {
    if (is_unlikely(c.worker.seen_generation != c.cfg.generation)) apply_snapshot(c);
}

/// Slice by slice, so that memory is asked for evenly: before one is sent, the next has been looked
/// up, and the one after that has been read.
void run_stages(Context& c) noexcept {
    StageClock& clock = c.worker.stages;
    const unsigned n = c.burst.n;
    const auto slice = [n](unsigned first) { return Slice{first, std::min(first + kSlice, n)}; };
    std::uint16_t n_new = 0;
    if (n <= kSlice) {
        stage_read(c, slice(0));
        clock.end(Stage::read);
        n_new = stage_lookup(c, slice(0), n_new);
        clock.end(Stage::lookup);
        if (is_unlikely(n_new != 0)) prepare_newcomers(c, 0, n_new);
        stage_send(c, slice(0));
        clock.end(Stage::send);
        return clock.count({Stage::read, Stage::lookup, Stage::send}, n);
    }
    unsigned read = 0, looked_up = 0;
    for (unsigned at = 0; at < n; at += kSlice) {
        const std::uint16_t prepared = n_new;
        unsigned until = std::min(at + 2 * kSlice, n);
        for (; looked_up < until; looked_up += kSlice) {
            for (; read < std::min(looked_up + 2 * kSlice, n); read += kSlice)
                stage_read(c, slice(read));  // frame -> what it is to us, tuple, why it is refused
            clock.end(Stage::read);
            const std::uint16_t known = n_new;
            n_new = stage_lookup(c, slice(looked_up), known);  // tuple -> binding, probably
            clock.end(Stage::lookup);
            if (is_unlikely(n_new >= known + kSlice / 2)) until = std::min(at + kMeetTogether, n);
        }
        if (is_unlikely(n_new != prepared)) prepare_newcomers(c, prepared, n_new);
        stage_send(c, slice(at));  // decide, rewrite, send; in order of arrival
        clock.end(Stage::send);
    }
    clock.count({Stage::read, Stage::lookup, Stage::send}, n);
}

[[gnu::noinline]] void reap(Context& c) noexcept {
    c.worker.engine.do_housework(c.cfg.nat, c.now, [&](const nat::Probe& p) { send_probe(c, p); });
}

[[gnu::noinline]] void answer_stored_syns(Context& c) noexcept {
    c.worker.engine.expire_syns(c.now, [&](const auto& syn) { answer_stored_syn(c, syn); });
}

[[gnu::noinline]] void expire_fragments(Context& c) noexcept {
    c.worker.fragments.expire(c.now, [&](Drop why) { c.worker.counters.drop(why); });
}

/// What waits for its next hop, and who looks on.
[[gnu::noinline]] void end_rare(Context& c) noexcept {
    const unsigned sent = c.burst.tx.n;
    if (!c.worker.pending.empty()) release_pending(c);
    if (c.worker.trace.is_on()) end_turn_traced(c, sent);
    if (c.worker.explain.is_asked()) {
        c.worker.explain.reply(
            [&](const ExplainQuery& q) { return explain(q, c.cfg, c.worker, c.now); });
    }
}

}  // namespace

void run_pipeline(Burst& burst, const Snapshot& cfg, WorkerState& worker, Now now) noexcept {
    Context c{burst, cfg, worker, now, worker.fib->epoch()};
    take_snapshot(c);
    if (is_unlikely(worker.trace.is_on())) {
        run_traced(c, run_stages);
    } else {
        run_stages(c);
    }
    burst.n = 0;
}

void end_turn(Burst& burst, const Snapshot& cfg, WorkerState& worker, Now now) noexcept {
    Context c{burst, cfg, worker, now, worker.fib->epoch()};
    take_snapshot(c);
    if (is_unlikely(worker.engine.has_housework(cfg.nat, now))) reap(c);
    if (is_unlikely(worker.engine.has_waiting_syns())) answer_stored_syns(c);
    if (is_unlikely(!worker.fragments.is_idle())) expire_fragments(c);
    if (is_unlikely(!worker.pending.empty() || worker.trace.is_on() || worker.explain.is_asked()))
        end_rare(c);
}

}  // namespace isthmus::pipeline
