// SPDX-License-Identifier: Apache-2.0
// Header translation in place, both directions (RFC 7915 s4.1, s5.1): the IP header is replaced,
// ids are written, the transport checksum is adjusted incrementally (RFC 1624) for everything that
// changed under it. A wrong checksum stays wrong. ICMP errors have functions of their own
// (icmp_error_xlat.h).
//
// Sizes are decided before, by fit_64() and fit_46(), from the parsed packet and the link's MTU
// alone.
#pragma once

#include "common/net/frame.h"
#include "common/net/tuple.h"
#include "common/stats/drop.h"
#include "dataplane/xlat/params.h"
#include "dataplane/xlat/parse.h"

namespace isthmus::xlat {

/// The result of translation: addresses and ids of the new packet.
struct To4 {
    Ipv4Addr src, dst;
    Be16 src_id, dst_id;
};
struct To6 {
    Ipv6Addr src, dst;
    Be16 src_id, dst_id;
};

/// What to do with a packet on a link of a given MTU.
struct Fit {
    enum class Do : std::uint8_t { send, cut, refuse, drop } what = Do::send;
    std::uint32_t mtu = 0;  // cut: largest piece; refuse: the MTU to report to the sender
};
/// RFC 7915 s5.1, s5.1.1, s1.4. `reassembled`: the frame holds a whole datagram that came in
/// pieces.
[[nodiscard]] Fit fit_64(const Parsed& p, std::uint32_t mtu4, bool reassembled = false) noexcept;
/// RFC 7915 s4.1.
[[nodiscard]] Fit fit_46(const Parsed& p, std::uint32_t mtu6, const XlatParams& params,
                         bool reassembled = false) noexcept;

/// Choices for one packet.
struct Rewrite {
    std::uint16_t ip_id = 0;           // 6->4, packets without a Fragment Header
    bool replace_frag_id = false;      // 6->4: ip_id also for those with one (RFC 7857 s10)
    bool keep_hop_limit = false;       // second half of a hairpin
    bool fragment_header = false;      // 4->6: the result will be cut, so give it one
    bool may_fragment = false;         // 6->4: the result came in pieces: DF stays 0
    std::uint32_t frag_id = 0;         // for the Fragment Header when the packet was none itself
    mutable bool mss_clamped = false;  // result: the MSS option was lowered
};

/// 6->4. The frame stands at the IPv6 header before, at the IPv4 header after. Fails only for UDP
/// without checksum (RFC 8200 s8.1), leaving the frame untouched.
[[nodiscard]] Drop rewrite_64(Frame& frame, const Parsed& p, const To4& to,
                              const XlatParams& params, const Rewrite& how) noexcept;

/// 4->6. Needs 28 bytes of headroom. A UDP checksum of zero is computed when the datagram is whole.
[[nodiscard]] Drop rewrite_46(Frame& frame, const Parsed& p, const To6& to,
                              const XlatParams& params, const Rewrite& how) noexcept;

/// The largest MSS option of a SYN at `tcp` (`bytes` long) is lowered to `mss`, checksum with it
/// (RFC 7915 s1.4, T-7915-4to6-037). True when something was changed.
bool clamp_mss(std::uint8_t* tcp, std::uint32_t bytes, std::uint16_t mss) noexcept;

/// True when the transport checksum of the whole packet at `frame` (either family) is right; UDP
/// over IPv4 without checksum counts as right. For tests, fuzzing, and reassembled messages.
[[nodiscard]] bool transport_checksum_ok(const Frame& frame, const Parsed& p, bool v6) noexcept;

/// Writes the transport checksum of a whole packet anew.
void write_transport_checksum(Frame& frame, const Parsed& p, bool v6) noexcept;

/// Writes the IPv4 header checksum.
void write_ipv4_checksum(std::uint8_t* header) noexcept;

}  // namespace isthmus::xlat
