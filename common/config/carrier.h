// SPDX-License-Identifier: Apache-2.0
// The lists of nat64 that a carrier needs beyond prefixes and pool: rules, static bindings,
// exclusions, UDP timers, the stateless mode. Reading them, writing them back, checking them.
#pragma once

#include <libconfig.h++>
#include <ostream>
#include <string>
#include <vector>

#include "common/config/parse.h"

namespace isthmus::config {

/// Names of these lists: "nat64.rules", ...
[[nodiscard]] const std::vector<std::string>& carrier_lists();
/// Reads the list at `path`; what is wrong goes to `out.errors` with its line.
/// False: it is none of these lists.
[[nodiscard]] bool read_carrier_list(const libconfig::Setting& list, const std::string& path,
                                     Loaded& out, const std::string& file);

[[nodiscard]] std::string ports_text(const PortRange& r);
[[nodiscard]] const char* name_of(StaticEntry::Protocol p);
/// One of them whole: " = ( ... )".
[[nodiscard]] std::string carrier_list_text(const std::string& path, const Nat64Config& nat64);

void validate_carrier(Loaded& loaded, const std::string& file);
void validate_stateless(Loaded& loaded, const std::string& file);

}  // namespace isthmus::config
