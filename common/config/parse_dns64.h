// SPDX-License-Identifier: Apache-2.0
// The lists of the dns64 section and the elements of dns64.views.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/config/dns64.h"
#include "common/config/parse_logs.h"

namespace isthmus::config {

/// Paths that read_dns64_list() reads.
[[nodiscard]] const std::set<std::string>& dns64_lists();
void read_dns64_list(const libconfig::Setting& list, const std::string& path, Dns64Config& out,
                     const Complain& complain, const Unknown& unknown);
/// Views copy the section's own lists and switches, so they are read behind all of them.
void read_dns64_views(const libconfig::Setting& list, Dns64Config& out, const Complain& complain,
                      const Unknown& unknown);

/// An address to listen on or to ask; nothing: not one, and `why` says so.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(const std::string& text, std::string& why);

}  // namespace isthmus::config
