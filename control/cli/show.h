// SPDX-License-Identifier: Apache-2.0
// isthmusctl status and show: what lives, as tables for people or JSON for programs.
#pragma once

#include <CLI/CLI.hpp>

#include "control/cli/ask.h"

namespace isthmus::cli {

/// Adds status and show; the "show" command, for others to add to.
CLI::App& add_show_commands(CLI::App& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
