// SPDX-License-Identifier: Apache-2.0
// An outlet as the configuration has it.
#pragma once

#include "common/config/log_config.h"
#include "control/logs/outlet.h"

namespace isthmus::control {

/// What an outlet's spool and place are known by, whatever else is in the list: its type, and where
/// it goes.
[[nodiscard]] std::string outlet_key(const config::LogOutlet& w);
[[nodiscard]] std::shared_ptr<Outlet> make_outlet(const config::LogOutlet& w,
                                                  const std::string& spool_dir,
                                                  const std::shared_ptr<LogQueue>& queue,
                                                  std::size_t i);
/// Says which spools no log of these will send any more.
void warn_of_left_spools(const std::string& state_dir, const std::vector<std::string>& keys);

}  // namespace isthmus::control
