// SPDX-License-Identifier: Apache-2.0
// isthmusctl status and show: what lives, as tables for people or JSON for programs.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

/// Adds status and show; the "show" command, for others to add to.
args::Command& add_show_commands(args::Command& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
