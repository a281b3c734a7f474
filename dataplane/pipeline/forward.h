// SPDX-License-Identifier: Apache-2.0
// The last stage: each packet is finished in order of arrival. One function for each direction, and
// below them what is rare: fragments, ICMP errors of others, hairpinning.
//
// Order of the checks, 6->4: source, protocol, hop limit, route and size, state. What is refused by
// an earlier one touches no state.
#pragma once

#include "common/net/headers.h"
#include "dataplane/pipeline/send.h"
#include "dataplane/xlat/rewrite.h"

namespace isthmus::pipeline {

/// An IPv6 packet to a Pref64, parsed; the frame stands at its IP header.
void forward_64(Context& c, Packet& packet, Work& work) noexcept;
/// An IPv4 packet to a pool address, parsed; the frame stands at its IP header.
void forward_46(Context& c, Packet& packet, Work& work) noexcept;

/// Which of several next hops a flow takes (ECMP): the same for all its packets.
[[nodiscard]] inline std::uint32_t flow_hash_46(nat::Index binding) noexcept {
    return binding * 0x9e3779b1U;
}

/// No host may send from it (RFC 4291 s2.5, s2.7; RFC 4007 s9).
[[nodiscard]] bool illegal_source(const Ipv6Addr& a) noexcept;
/// No host has it, or none that a router may forward for (RFC 3927 s7): neither a packet's source
/// (RFC 1812 s5.3.7) nor where one is translated to.
[[nodiscard]] bool illegal_host(Ipv4Addr a) noexcept;
/// What may be said against a parsed packet before route, size and state are asked.
[[nodiscard]] Drop check_64(const Snapshot& cfg, const Packet& packet, const Work& w) noexcept;
[[nodiscard]] Drop check_46(const Snapshot& cfg, const Packet& packet, const Work& w) noexcept;
/// Route and size of such a packet. Touches no state.
struct Plan {
    Way way;  // of a hairpinned packet: none yet
    xlat::Fit fit;
    bool hairpin = false;
    Drop why = Drop::none;
};
[[nodiscard]] Plan plan_64(const Snapshot& cfg, const WorkerState& worker, const Packet& packet,
                           const Work& w) noexcept;
/// `binding`: what the port's cell names.
[[nodiscard]] Plan plan_46(const Snapshot& cfg, const WorkerState& worker, const Packet& packet,
                           const Work& w, nat::Index binding) noexcept;
/// What may be said against a 6->4 flow by its addresses and port alone.
[[nodiscard]] Drop check_flow_64(const Snapshot& cfg, const nat::SteadyKey& flow) noexcept;
/// A flow of which a packet has just passed the checks of its own direction: when it would pass
/// those of the other one too, its next packets need none (steady.h). The flow's sum_64().
std::uint16_t mark_64(Context& c, nat::Index binding, const nat::SteadyKey& flow) noexcept;
std::uint16_t mark_46(Context& c, nat::Index binding, const nat::SteadyKey& flow) noexcept;

/// An IPv4 packet of our own making to a pool address (RFC 6146 s3.8): handled as an arrival from
/// IPv4, here or at the worker that owns it. The hop limit has been paid.
void hairpin_v4(Context& c, Packet& packet) noexcept;

/// Puts the link header back and gives the packet to the worker that owns it.
void give_to(Context& c, Packet& packet, const Work& work, unsigned owner) noexcept;

/// The same of a whole IPv4 datagram that lies in this worker's scratch: the owner puts it together
/// again (fragments.cc).
void give_in_pieces(Context& c, const Packet& whole, unsigned owner) noexcept;

/// Fragments (fragments.cc): true when the packet was taken (held, dropped, reassembled); false
/// when its ids are known and it can be translated at once.
bool take_fragment(Context& c, Packet& packet, Work& work, bool v6) noexcept;
/// After the first fragment was sent: those that waited for it.
void release_held(Context& c, const nat::FragmentStore::Key& key, const Work& work,
                  bool v6) noexcept;
[[nodiscard]] nat::FragmentStore::Key fragment_key(const Frame& frame, const xlat::Parsed& p,
                                                   bool v6) noexcept;

/// The IPv4 source of an error of our own about a hairpinned packet, on its way back through us: no
/// host's. It leaves from an address of ours (T-7915-gen-007).
inline constexpr Ipv4Addr kOurselves{};
[[nodiscard]] inline bool is_our_own(const Packet& error) noexcept {
    return error.hairpin && load_ipv4(error.frame.data + ipv4_at::kSource) == kOurselves;
}
/// Our address on the interface that `way` leaves by; `none` when it has no IPv6 address.
[[nodiscard]] Ipv6Addr own_source(const Context& c, const Way& way, const Ipv6Addr& none) noexcept;

/// ICMP errors of others (errors.cc).
void forward_error_64(Context& c, Packet& packet, Work& work) noexcept;
void forward_error_46(Context& c, Packet& packet, Work& work) noexcept;

/// The Pref64 for sessions that IPv4 opens to a binding, for a remote Z (T-6146-out-002); -1: none
/// allowed.
[[nodiscard]] int default_prefix(const Snapshot& cfg, Ipv4Addr z) noexcept;
/// True when Z may not stand behind the prefix (RFC 6052 s3.1).
[[nodiscard]] bool forbidden_under(const Snapshot& cfg, unsigned prefix, Ipv4Addr z) noexcept;

}  // namespace isthmus::pipeline
