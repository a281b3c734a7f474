// SPDX-License-Identifier: Apache-2.0
#include "dataplane/pipeline/classify.h"

#include <cstring>

#include "common/net/rfc6052.h"
#include "dataplane/pipeline/l2.h"
#include "dataplane/pipeline/stateless_map.h"

namespace isthmus::pipeline {

namespace {

constexpr std::uint32_t kIpv4Bytes = 20;
constexpr std::uint32_t kIpv6Bytes = 40;

void drop(Work& work, Drop why) noexcept {
    work.path = Path::drop;
    work.why = why;
}

/// Where a local or multicast destination goes: up. Anything that is nobody's: dropped.
Path path_of_untranslated(bool multicast, Fib::Kind kind) noexcept {
    return multicast || kind == Fib::Kind::local ? Path::punt : Path::drop;
}

void classify_v6(Packet& packet, Work& work, const Snapshot& cfg,
                 const WorkerState& worker) noexcept {
    if (packet.frame.len_bytes < work.l2.bytes + kIpv6Bytes) return drop(work, Drop::l3_truncated);
    Ipv6Addr src, dst;
    std::memcpy(src.octet.data(), packet.frame.data + work.l2.bytes + 8, 16);
    std::memcpy(dst.octet.data(), packet.frame.data + work.l2.bytes + 24, 16);
    const int prefix = cfg.nat.match_prefix(dst);
    // Link-local and multicast are the kernel's business: ND, MLD, routing protocols.
    const bool link =
        dst.octet[0] == 0xff || (dst.octet[0] == 0xfe && (dst.octet[1] & 0xc0) == 0x80);
    if (is_unlikely(cfg.stateless.on) && !link && !work.link_multicast &&
        goes_without_state(cfg, src, dst, prefix) && worker.fib->kind_of(dst) != Fib::Kind::local) {
        work.path = Path::s64;
        packet.frame.pull_front(work.l2.bytes);
        return;
    }
    if (prefix < 0) {
        work.path = path_of_untranslated(link, worker.fib->kind_of(dst));
        work.why = cfg.has_policy ? Drop::not_translated : Drop::no_policy;
        return;
    }
    const unsigned owner = nat::owner_of_subscriber(cfg.nat, src);
    if (owner != worker.id && !packet.handed_over) {
        packet.to_worker = static_cast<std::uint16_t>(owner);
        work.path = Path::handover;
        return;
    }
    work.prefix = static_cast<std::uint16_t>(prefix);
    work.z = extract(dst, cfg.nat.prefix[work.prefix].pref.len_bits);
    work.path = Path::d64;
    packet.frame.pull_front(work.l2.bytes);
}

void classify_v4(Packet& packet, Work& work, const Snapshot& cfg,
                 const WorkerState& worker) noexcept {
    if (packet.frame.len_bytes < work.l2.bytes + kIpv4Bytes) return drop(work, Drop::l3_truncated);
    std::uint32_t raw;
    std::memcpy(&raw, packet.frame.data + work.l2.bytes + 16, 4);
    const Ipv4Addr dst{Be32::from_wire(raw)};
    const int slot = cfg.nat.slot_of(dst);
    if (slot < 0) {
        const bool multicast = (dst.host() >> 28) == 0xe || dst.host() == 0xffffffff;
        if (is_unlikely(cfg.stateless.on) && !multicast && !work.link_multicast &&
            has_host(cfg, dst) && worker.fib->kind_of(dst) != Fib::Kind::local) {
            work.path = Path::s46;
            packet.frame.pull_front(work.l2.bytes);
            return;
        }
        work.path = path_of_untranslated(multicast, worker.fib->kind_of(dst));
        work.why = cfg.has_policy ? Drop::not_translated : Drop::no_policy;
        return;
    }
    work.slot = static_cast<std::uint16_t>(slot);
    work.path = Path::d46;
    packet.frame.pull_front(work.l2.bytes);
}

}  // namespace

void classify(Packet& packet, Work& work, const Snapshot& cfg, const WorkerState& worker) noexcept {
    if (!read_l2(packet, work.l2)) return drop(work, Drop::frame_malformed);
    MacAddr dst;
    std::memcpy(dst.octet.data(), packet.frame.data, 6);
    const bool from_worker = packet.hairpin || packet.handed_over;
    const Port& port = cfg.interfaces.port[packet.port];
    if (!dst.is_multicast() && !from_worker && !port.is_mine(dst.octet.data()))
        return drop(work, Drop::foreign_mac);
    // A VLAN that nobody configured is not ours: the kernel may know it (and drops it if not).
    if (work.l2.vlan != 0 && !from_worker &&
        cfg.interfaces.find(packet.port, work.l2.vlan) == nullptr) {
        work.path = Path::punt;
        return;
    }
    work.link_multicast = dst.is_multicast();  // what a worker made itself is to nobody: 0
    if (work.l2.type == kTypeIpv6) return classify_v6(packet, work, cfg, worker);
    if (work.l2.type == kTypeIpv4) return classify_v4(packet, work, cfg, worker);
    work.path = Path::punt;
}

}  // namespace isthmus::pipeline
