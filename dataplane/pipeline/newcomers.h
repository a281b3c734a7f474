// SPDX-License-Identifier: Apache-2.0
// Flows of a burst that have no binding, on either way through the stages: found while the burst is
// looked up, and prepared together before the first of them is decided (nat/newcomer.h).
#pragma once

#include "dataplane/pipeline/send.h"

namespace isthmus::pipeline {

/// The flow from `x` will need a binding; it is the burst's newcomer `nth`. `hash`: of x and proto.
void meet_newcomer(const Context& c, const Endpoint6& x, Proto proto, std::uint64_t hash,
                   std::uint16_t nth) noexcept;
/// Asks for what the bindings of newcomers `first` to `last` - 1 will touch.
void prepare_newcomers(const Context& c, unsigned first, unsigned last) noexcept;
/// What stage 2 has found out of a packet.
[[nodiscard]] inline nat::Hint hint_of(const Context& c, nat::Index binding,
                                       std::uint16_t newcomer) noexcept {
    if (newcomer != kNoNewcomer) return nat::Hint{c.worker.newcomer[newcomer]};
    return binding;
}

}  // namespace isthmus::pipeline
