// SPDX-License-Identifier: Apache-2.0
// The clock hand that goes round a table, and what waits for it to have been everywhere.
#pragma once

#include "common/base/units.h"
#include "dataplane/nat/records.h"

namespace isthmus::nat {

struct Hand {
    Index at = 0;
    std::uint64_t ns = 0;  // up to when it has been everywhere that it had to be
    /// A clock that went back is none that went on.
    [[nodiscard]] std::uint64_t since(Now now) const noexcept {
        return now.ns.v > ns ? now.ns.v - ns : 0;
    }
};

/// Whether a hand has been at every record that was there when the sweep began. The table may grow
/// meanwhile: what counts is that the hand comes by where it was, not how many it saw.
class Sweep {
public:
    void begin(Index at, std::uint32_t records) noexcept {
        left_ = records == 0 ? 0 : kToTheEnd;
        from_ = at;
    }
    [[nodiscard]] bool is_on() const noexcept { return left_ != 0; }
    /// The hand has gone on, and is at `at` now.
    void step(Index at) noexcept {
        if (is_likely(left_ == 0)) return;
        if (left_ != kToTheEnd) {
            left_--;
        } else if (at == 0) {
            left_ = from_;
        }
    }

private:
    static constexpr std::uint32_t kToTheEnd = ~std::uint32_t{0};
    std::uint32_t left_ = 0;  // records
    Index from_ = 0;
};

}  // namespace isthmus::nat
