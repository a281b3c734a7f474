// SPDX-License-Identifier: Apache-2.0
// The TCP state machine of RFC 6146 s3.5.2.2 as a pure function: (state, side, flags) -> (state,
// timer).
//
// CLOSED is the absence of a session. Departures, each a documented choice: an RST in the FIN
// states moves to TRANS (`rst_in_fin`, RFC 7857 s2.2), and a SYN of the IPv6 side in TRANS or after
// both FINs begins a new connection.
#pragma once

#include <cstdint>

#include "common/net/tuple.h"

namespace isthmus::nat {

enum class TcpState : std::uint8_t {
    closed,
    v4_init,
    v6_init,
    established,
    v4_fin,
    v6_fin,
    both_fin,
    trans,
    count_
};

[[nodiscard]] constexpr const char* name_of(TcpState s) {
    constexpr const char* kNames[] = {"closed", "v4-init", "v6-init",   "established",
                                      "v4-fin", "v6-fin",  "v4-v6-fin", "trans"};
    return kNames[static_cast<unsigned>(s)];
}

/// The lifetime that a state waits out.
enum class TcpTimer : std::uint8_t { transitory, established };

[[nodiscard]] constexpr TcpTimer timer_of(TcpState s) noexcept {
    return s == TcpState::established || s == TcpState::v4_fin || s == TcpState::v6_fin
               ? TcpTimer::established
               : TcpTimer::transitory;
}

struct TcpStep {
    TcpState state;
    bool rearm;  // start the state's timer anew
    friend constexpr bool operator==(TcpStep, TcpStep) = default;
};

namespace detail {

[[nodiscard]] constexpr TcpStep step_established(bool from_v6, TcpFlags f) noexcept {
    if (f.rst()) return {TcpState::trans, true};
    if (f.fin()) return {from_v6 ? TcpState::v6_fin : TcpState::v4_fin, false};
    return {TcpState::established, true};
}

[[nodiscard]] constexpr TcpStep step_fin(TcpState s, bool from_v6, TcpFlags f,
                                         bool rst_in_fin) noexcept {
    const bool other_side = from_v6 == (s == TcpState::v4_fin);
    if (f.rst() && rst_in_fin) return {TcpState::trans, true};
    if (f.fin() && other_side) return {TcpState::both_fin, true};
    return {s, true};
}

}  // namespace detail

[[nodiscard]] constexpr TcpStep step(TcpState s, bool from_v6, TcpFlags f,
                                     bool rst_in_fin) noexcept {
    const bool new_connection = from_v6 && f.syn() && !f.ack() && !f.rst();
    switch (s) {
        case TcpState::closed:
            return {from_v6 ? TcpState::v6_init : TcpState::v4_init, true};
        case TcpState::v4_init:
            return from_v6 && f.syn() ? TcpStep{TcpState::established, true} : TcpStep{s, false};
        case TcpState::v6_init:
            if (!from_v6 && f.syn()) return {TcpState::established, true};
            return {s, from_v6 && f.syn()};
        case TcpState::established:
            return detail::step_established(from_v6, f);
        case TcpState::v4_fin:
        case TcpState::v6_fin:
            return detail::step_fin(s, from_v6, f, rst_in_fin);
        case TcpState::both_fin:
            return new_connection ? TcpStep{TcpState::v6_init, true} : TcpStep{s, false};
        case TcpState::trans:
            if (new_connection) return {TcpState::v6_init, true};
            return f.rst() ? TcpStep{s, false} : TcpStep{TcpState::established, true};
        case TcpState::count_:
            break;
    }
    return {s, false};
}

static_assert(step(TcpState::v6_init, false, TcpFlags{0x12}, true) ==
              TcpStep{TcpState::established, true});

}  // namespace isthmus::nat
