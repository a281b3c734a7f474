// SPDX-License-Identifier: Apache-2.0
// What an operator wants translated without state, compiled by the agent; part of the snapshot.
#pragma once

#include <array>
#include <cstdint>

#include "common/base/limits.h"
#include "common/net/addr.h"
#include "common/net/prefix.h"
#include "dataplane/xlat/eam.h"

namespace isthmus::pipeline {

inline constexpr unsigned kStatelessMax = limits::kPrefixes;  // of each family

struct StatelessPrefix {
    Pref64 pref;
    bool well_known = false;
};

struct Stateless {
    enum class Hairpin : std::uint8_t { intrinsic, simple, off };
    bool on = false;
    bool drop_zero_checksum = false;  // IPv4 UDP that has none (RFC 7915 s4.5)
    Hairpin hairpin = Hairpin::intrinsic;
    unsigned n_prefixes = 0;
    std::array<StatelessPrefix, kStatelessMax> prefix;  // the first stands before what has no entry
    unsigned n_ipv4 = 0;
    std::array<Prefix4, kStatelessMax> ipv4;  // destinations that stand for hosts behind it
    unsigned n_error_sources = 0;
    std::array<Ipv4Addr, limits::kErrorSources> error_source;  // RFC 6791
    bool name_routers = false;  // in errors that leave from one of them (RFC 5837)
    xlat::EamTable eam;
};

}  // namespace isthmus::pipeline
