// SPDX-License-Identifier: Apache-2.0
// The ICMP errors that the gateway itself sends: which drop is told to the sender and how, who may
// be answered, and the message, built in place of the packet that caused it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/units.h"
#include "common/net/frame.h"
#include "common/stats/drop.h"
#include "dataplane/xlat/icmp_tables.h"
#include "dataplane/xlat/parse.h"

namespace isthmus::xlat {

/// The error for a drop, towards the family of the packet that was dropped; nothing: silence.
[[nodiscard]] std::optional<IcmpKind> error_for(Drop why, bool v6) noexcept;

/// RFC 4443 s2.4(e), RFC 1812 s4.3.2.7: no error about an ICMP error or redirect, to other than one
/// unicast host, or about later fragments of IPv4. `link_multicast`: it came as a link-layer
/// multicast.
[[nodiscard]] bool may_answer(const Frame& offender, const Parsed& p, bool v6,
                              bool link_multicast) noexcept;

inline constexpr std::uint32_t kMostIcmp4 = 576;   // RFC 1812 s4.3.2.3
inline constexpr std::uint32_t kMostIcmp6 = 1280;  // RFC 4443 s2.4(c)

/// What fills the second word of the message, and how long an ICMPv4 one may be.
struct ErrorRest {
    std::uint32_t mtu = 0;      // ICMPv6 2/0, ICMPv4 3/4
    std::uint32_t pointer = 0;  // ICMPv6 4/x
    std::uint16_t ip_id = 0;    // of the IPv4 header (RFC 6864 s4.3)
    std::uint32_t most = kMostIcmp4;
};

/// Turns the offender in `frame` (at its IP header, as received) into the error: addressed to its
/// source, from `source`, quoting as much of it as fits 1,280 bytes. False when the frame has no
/// room.
bool build_error_v6(Frame& frame, IcmpKind kind, ErrorRest rest, const Ipv6Addr& source) noexcept;
/// Likewise, up to `rest.most` bytes.
bool build_error_v4(Frame& frame, IcmpKind kind, ErrorRest rest, Ipv4Addr source) noexcept;

/// Rate limit of the errors to one family (RFC 4443 s2.4(f)): one bucket for all and one for each
/// source, in a fixed table of small buckets that sources share by hash (a collision only limits
/// sooner).
class ErrorLimiter {
public:
    struct Rates {
        std::uint32_t rate = 1000, burst = 200;                     // per second; errors
        std::uint32_t rate_per_source = 10, burst_per_source = 50;  // likewise
    };
    /// True when one more error may be sent to the source whose hash is `source_hash`.
    bool allow(const Rates& rates, std::uint64_t source_hash, Nanos now) noexcept;

private:
    struct Bucket {
        std::uint64_t last_ns = 0;
        std::uint64_t credit_ns = 0;  // time saved up; one error costs 1/rate seconds
    };
    static constexpr unsigned kSources = 1024;
    static bool take(Bucket& b, std::uint32_t rate, std::uint32_t burst, Nanos now) noexcept;
    static bool has(const Bucket& b, std::uint32_t rate, std::uint32_t burst, Nanos now) noexcept;
    Bucket all_;
    std::array<Bucket, kSources> source_{};
};

}  // namespace isthmus::xlat
