// SPDX-License-Identifier: Apache-2.0
// One element of control.logs; its keys depend on its type.
#pragma once

#include <functional>
#include <libconfig.h++>
#include <optional>
#include <set>
#include <string>

#include "common/config/log_config.h"

namespace isthmus::config {

/// Says what is wrong with a setting.
using Complain = std::function<void(const libconfig::Setting&, const std::string&)>;
/// Says that a key is unknown, and which ones there are.
using Unknown = std::function<void(const libconfig::Setting&, const std::string& name,
                                   const std::set<std::string>& known)>;

/// Nothing: something was wrong, and was said.
[[nodiscard]] std::optional<LogOutlet> read_log(const libconfig::Setting& group,
                                                const Complain& complain, const Unknown& unknown);

}  // namespace isthmus::config
