// SPDX-License-Identifier: Apache-2.0
// Snapshot: the immutable compiled configuration that workers read. Replaced whole, never edited.
//
// The agent compiles one from the policy (config::Nat64Config) and what the kernel says of the
// interfaces, and publishes it; a worker picks it up at its next turn and keeps it for that turn.
// Routes and neighbours are not in here: they change too often (fib.h).
#pragma once

#include <array>
#include <cstdint>

#include "common/base/limits.h"
#include "common/base/units.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "dataplane/nat/policy.h"
#include "dataplane/pipeline/interface.h"
#include "dataplane/pipeline/stateless_policy.h"
#include "dataplane/xlat/params.h"

namespace isthmus::pipeline {

/// Whether and how fast ICMP errors are sent towards one family (RFC 7915 s4.4, s5.4; RFC 4443
/// s2.4(f)).
struct ErrorPolicy {
    enum class Mode : std::uint8_t { send, rate_limit, off };
    Mode mode = Mode::rate_limit;
    std::uint32_t rate = 1000;            // errors per second, in all
    std::uint32_t burst = 200;            // errors
    std::uint32_t rate_per_source = 10;   // errors per second to one /64, or one IPv4 address
    std::uint32_t burst_per_source = 50;  // errors
};

/// IPv4 prefixes that must not stand behind the well-known prefix (RFC 6052 s3.1).
class NonGlobal {
public:
    static constexpr unsigned kMax = limits::kNonGlobal;

    void add(const Prefix4& p) noexcept {
        if (n_ == kMax) return;
        prefix_[n_++] = p;
        const unsigned first = p.addr.host() >> 24;
        const unsigned last = (p.addr.host() | ~p.mask()) >> 24;
        for (unsigned o = first; o <= last; o++) octets_[o / 64] |= std::uint64_t{1} << (o % 64);
    }
    [[nodiscard]] bool contains(Ipv4Addr a) const noexcept {
        const unsigned o = a.host() >> 24;
        if (((octets_[o / 64] >> (o % 64)) & 1) == 0) return false;
        for (unsigned i = 0; i < n_; i++) {
            if (prefix_[i].contains(a)) return true;
        }
        return false;
    }

private:
    unsigned n_ = 0;
    std::array<Prefix4, kMax> prefix_;
    std::array<std::uint64_t, 4> octets_{};  // first octets of addresses in any prefix, a bit each
};

struct Snapshot {
    std::uint64_t generation = 0;
    bool has_policy = false;  // false until control has sent one
    unsigned n_workers = 1;
    bool short_way = true;  // steady.h; false: the long way for every packet (tests compare)
    nat::Policy nat;
    Stateless stateless;
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
