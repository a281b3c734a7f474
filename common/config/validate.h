// SPDX-License-Identifier: Apache-2.0
// Checks across keys, after all of them were read: contradictions, overlaps, things that cannot
// work.
#pragma once

#include "common/config/parse.h"

namespace isthmus::config {

void validate(Loaded& loaded, const std::string& name);
/// The part of it for dataplane.ports (validate_ports.cc).
void validate_ports(Loaded& loaded, const std::string& name);
/// The part of it for names and paths (validate_texts.cc).
void validate_texts(Loaded& loaded, const std::string& name);

/// The IPv4 prefixes that must not stand behind the well-known prefix (RFC 6052 s3.1; IANA
/// special-purpose registry).
[[nodiscard]] const std::vector<Prefix4>& built_in_non_global();

/// Pool addresses that are addresses of the host too; one sentence each.
[[nodiscard]] std::vector<Problem> pool_against_host(const Nat64Config& nat64,
                                                     const std::vector<Ipv4Addr>& host,
                                                     const std::string& name);

}  // namespace isthmus::config
