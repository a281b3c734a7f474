// SPDX-License-Identifier: Apache-2.0
// Snapshot: the immutable compiled configuration that workers read. Replaced whole, never edited.
//
// The agent compiles one from the policy (config::Nat64Config) and what the kernel says of the
// interfaces, and publishes it; a worker picks it up at its next turn and keeps it for that turn.
// Routes and neighbours are not in here: they change too often (fib.h).
#pragma once

#include <array>
#include <cstdint>

#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "dataplane/nat/policy.h"
#include "dataplane/pipeline/interface.h"
#include "dataplane/xlat/params.h"

namespace isthmus::pipeline {

/// Whether and how fast ICMP errors are sent towards one family (RFC 7915 s4.4, s5.4; RFC 4443
/// s2.4(f)).
struct ErrorPolicy {
    enum class Mode : std::uint8_t { send, rate_limit, off };
    Mode mode = Mode::rate_limit;
    std::uint32_t rate = 1000;           // errors per second, in all
    std::uint32_t burst = 200;           // errors
    std::uint32_t rate_per_source = 10;  // errors per second to one /64, or one IPv4 address
};

/// IPv4 prefixes that must not stand behind the well-known prefix (RFC 6052 s3.1).
struct NonGlobal {
    static constexpr unsigned kMax = 64;
    unsigned n = 0;
    std::array<Prefix4, kMax> prefix;

    [[nodiscard]] bool contains(Ipv4Addr a) const noexcept {
        for (unsigned i = 0; i < n; i++) {
            if (prefix[i].contains(a)) return true;
        }
        return false;
    }
};

struct Snapshot {
    std::uint64_t generation = 0;
    bool has_policy = false;  // false until control has sent one
    unsigned n_workers = 1;
    nat::Policy nat;
    xlat::XlatParams xlat;
    NonGlobal non_global;
    bool wkp_allow_non_global = false;
    bool errors_from_router = true;  // source of translated ICMPv4 errors (T-7915-icmp46-024)
    bool drop_icmpv6_info = false;
    ErrorPolicy to_ipv6, to_ipv4;
    Tick fragment_hold = ticks_of_seconds(2);
    Interfaces interfaces;
};

}  // namespace isthmus::pipeline
