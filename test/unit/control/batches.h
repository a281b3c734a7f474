// SPDX-License-Identifier: Apache-2.0
// Batches of binding records, as a dataplane would tell them now.
#pragma once

#include <string>

#include "control/logs/record.h"

namespace isthmus::test {

inline api::Event binding(std::uint64_t seq) {
    api::Event e;
    e.sequence = seq;
    e.unix_ns = control::unix_now_ns();
    e.x = *Ipv6Addr::parse("2001:db8:7::5");
    e.t = Ipv4Addr::of(203, 0, 113, 9);
    return e;
}

inline control::LogBatch batch(std::uint64_t first, std::uint64_t last,
                               const char* instance = "a1") {
    control::LogBatch out;
    out.instance = instance;
    for (std::uint64_t n = first; n <= last; n++) out.records.emplace_back(binding(n));
    out.upto = {last};
    return out;
}

}  // namespace isthmus::test
