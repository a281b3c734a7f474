// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/explain.h"

#include <algorithm>
#include <cstring>

#include "common/net/headers.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/forward.h"
#include "dataplane/pipeline/l2.h"

namespace isthmus::pipeline {

namespace {

constexpr std::uint32_t kIcmpBytes = 8;  // of an echo request

std::uint32_t transport_bytes(Proto p) noexcept {
    return p == Proto::tcp ? kTcpBytes : p == Proto::udp ? kUdpBytes : kIcmpBytes;
}

void write_transport(const ExplainQuery& q, std::uint8_t* l4, std::uint32_t bytes) noexcept {
    if (q.proto == Proto::icmp) {
        l4[0] = q.v6 ? 128 : 8;
        store(l4 + 4, q.src_id);
        return;
    }
    store(l4, q.src_id);
    store(l4 + 2, q.dst_id);
    if (q.proto == Proto::tcp) {
        l4[tcp_at::kDataOffset] = 5 << 4;
        l4[tcp_at::kFlags] = q.flags.bits;
        return;
    }
    store(l4 + udp_at::kLength, Be16{static_cast<std::uint16_t>(bytes)});
    store(l4 + udp_at::kChecksum, Be16{0xffff});  // there is one; nobody verifies it
}

void write_v6(const ExplainQuery& q, std::uint8_t* h, std::uint32_t bytes) noexcept {
    constexpr std::uint8_t kNumber[] = {ip_proto::kUdp, ip_proto::kTcp, ip_proto::kIcmp6};
    h[0] = 0x60;
    store(h + ipv6_at::kPayloadLength, Be16{static_cast<std::uint16_t>(bytes - kIpv6Bytes)});
    h[ipv6_at::kNextHeader] = kNumber[static_cast<unsigned>(q.proto)];
    h[ipv6_at::kHopLimit] = 64;
    store(h + ipv6_at::kSource, q.src6);
    store(h + ipv6_at::kDestination, q.dst6);
    write_transport(q, h + kIpv6Bytes, bytes - kIpv6Bytes);
}

void write_v4(const ExplainQuery& q, std::uint8_t* h, std::uint32_t bytes) noexcept {
    constexpr std::uint8_t kNumber[] = {ip_proto::kUdp, ip_proto::kTcp, ip_proto::kIcmp};
    h[0] = 0x45;
    store(h + ipv4_at::kTotalLength, Be16{static_cast<std::uint16_t>(bytes)});
    store(h + ipv4_at::kFragment, Be16{ipv4_at::kDf});
    h[ipv4_at::kTtl] = 64;
    h[ipv4_at::kProtocol] = kNumber[static_cast<unsigned>(q.proto)];
    store(h + ipv4_at::kSource, q.src4);
    store(h + ipv4_at::kDestination, q.dst4);
    xlat::write_ipv4_checksum(h);
    write_transport(q, h + kIpv4Bytes, bytes - kIpv4Bytes);
}

/// The packet in question, in the worker's scratch, as one that another worker handed over.
Packet packet_of(const ExplainQuery& q, WorkerState& worker) noexcept {
    const std::uint32_t least = (q.v6 ? kIpv6Bytes : kIpv4Bytes) + transport_bytes(q.proto);
    const std::uint32_t bytes = std::clamp(q.bytes, least, std::uint32_t{65535});
    std::uint8_t* const l2 = worker.scratch.data() + kScratchHead;
    std::memset(l2, 0, kEthernetBytes + bytes);
    store_be16(l2 + 12, q.v6 ? kTypeIpv6 : kTypeIpv4);
    if (q.v6) {
        write_v6(q, l2 + kEthernetBytes, bytes);
    } else {
        write_v4(q, l2 + kEthernetBytes, bytes);
    }
    Packet p;
    p.frame = Frame::between(kScratchHead, l2, kEthernetBytes + bytes, 0);
    p.buffer = l2;  // not one that was put together from fragments
    p.handed_over = true;
    p.hairpin = q.hairpin;
    return p;
}

struct Asking {
    const ExplainQuery& query;
    const Snapshot& cfg;
    WorkerState& worker;
    Now now;
    Packet packet;
    Work work;
};

void take_plan(const Plan& plan, Explanation& e) noexcept {
    e.has_way = true;
    e.way = plan.way;
    e.fit = plan.fit;
    e.why = plan.why;
}

/// As forward_64().
void explain_64(Asking& a, Explanation& e) noexcept {
    const Work& w = a.work;
    e.prefix = w.prefix;
    e.z = w.z;
    e.why = check_64(a.cfg, a.packet, w);
    if (e.why != Drop::none) return;
    const Endpoint6 x{a.query.src6, w.parsed.src_id};
    a.work.hash = a.worker.engine.hash_of(x, a.query.proto);  // chooses among next hops
    const Plan plan = plan_64(a.cfg, a.worker, a.packet, w);
    e.is_hairpin = plan.hairpin;
    if (!plan.hairpin || plan.why != Drop::none) take_plan(plan, e);
    if (e.why != Drop::none) return;
    const Endpoint4 z{w.z, a.query.proto == Proto::icmp ? Be16{} : w.parsed.dst_id};
    e.nat = a.worker.engine.forecast_64(a.cfg.nat, x, z, a.query.proto, a.query.flags, a.now);
    e.has_forecast = true;
    e.why = e.nat.why;
}

/// As forward_46().
void explain_46(Asking& a, Explanation& e) noexcept {
    const Work& w = a.work;
    e.slot = w.slot;
    e.why = check_46(a.cfg, a.packet, w);
    if (e.why != Drop::none) return;
    const Proto proto = a.query.proto;
    const Tuple4 tuple{{a.query.src4, proto == Proto::icmp ? Be16{} : w.parsed.src_id},
                       {a.query.dst4, w.parsed.dst_id},
                       proto};
    const nat::Index known =
        a.worker.engine.find_alive(a.cfg.nat, w.slot, tuple.dst.id, proto, a.now);
    if (known != nat::kNone) take_plan(plan_46(a.cfg, a.worker, a.packet, w, known), e);
    if (e.why != Drop::none) return;
    e.why = default_prefix(a.cfg, a.query.src4) < 0 ? Drop::wkp_non_global : Drop::none;
    if (e.why != Drop::none) return;
    e.nat = a.worker.engine.forecast_46(a.cfg.nat, w.slot, tuple, a.query.flags, a.now);
    e.has_forecast = true;
    e.why = e.nat.why;
}

}  // namespace

Explanation explain(const ExplainQuery& query, const Snapshot& cfg, WorkerState& worker,
                    Now now) noexcept {
    Explanation e;
    Asking a{query, cfg, worker, now, packet_of(query, worker), {}};
    e.bytes = a.packet.frame.len_bytes - kEthernetBytes;
    e.worker = worker.id;
    classify(a.packet, a.work, cfg, worker);
    e.path = a.work.path;
    e.why = a.work.why;
    if (e.path == Path::d64) {
        e.why = xlat::parse_v6(a.packet.frame, a.work.parsed);
        if (e.why == Drop::none) explain_64(a, e);
    } else if (e.path == Path::d46) {
        e.why = xlat::parse_v4(a.packet.frame, a.work.parsed);
        if (e.why == Drop::none) explain_46(a, e);
    }
    e.is_answered = e.why != Drop::none && is_answered(cfg, a.packet, a.work, e.why);
    return e;
}

}  // namespace isthmus::pipeline
