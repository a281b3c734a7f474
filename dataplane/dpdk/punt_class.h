// SPDX-License-Identifier: Apache-2.0
// Which class a frame for the kernel belongs to, and how many of each class may pass.
//
// The kernel is slow and shared: a flood of pings must not cost ARP its turn, nor a scan of the
// subnet (ARP) the BGP session. So each class has its token bucket for each port, and its ring to
// the punt thread. Policing happens at the worker: what is too much never costs the punt thread
// anything.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/base/units.h"

namespace isthmus::dpdk {

enum class PuntClass : std::uint8_t {
    neighbour,  // ARP, Neighbour Discovery, MLD: without them no link works
    routing,    // BGP, BFD, OSPF, IS-IS, RIP, VRRP, LDP, LACP, LLDP
    other,      // ping, ssh, whatever else is for the box itself
    count_
};
inline constexpr unsigned kPuntClasses = static_cast<unsigned>(PuntClass::count_);

/// Reads no more than `frame` holds; what is cut short is `other`.
[[nodiscard]] PuntClass classify_punt(std::span<const std::uint8_t> frame) noexcept;

/// Tokens are packets, kept in nanoseconds of credit: no division on the way.
class TokenBucket {
public:
    constexpr TokenBucket() = default;
    constexpr TokenBucket(std::uint32_t per_second, std::uint32_t burst)
        : cost_ns_(kNanosPerSecond / per_second), credit_max_ns_(cost_ns_ * burst) {
        credit_ns_ = credit_max_ns_;
    }

    [[nodiscard]] constexpr bool take(Nanos now) noexcept {
        if (now.v > last_.v) {
            credit_ns_ += now.v - last_.v;
            if (credit_ns_ > credit_max_ns_) credit_ns_ = credit_max_ns_;
            last_ = now;
        }
        if (credit_ns_ < cost_ns_) return false;
        credit_ns_ -= cost_ns_;
        return true;
    }

private:
    std::uint64_t cost_ns_ = 0, credit_max_ns_ = 0, credit_ns_ = 0;
    Nanos last_;
};

/// Packets per second of one port at one worker, and how many at once. `routing` must carry a full
/// table in BGP updates; `neighbour` a subnet that wakes up; `other` a flood ping.
struct PuntRate {
    std::uint32_t per_second, burst;
};
inline constexpr std::array<PuntRate, kPuntClasses> kPuntRates = {
    {{2000, 1000}, {50'000, 4000}, {10'000, 1000}}};

}  // namespace isthmus::dpdk
