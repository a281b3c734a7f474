// SPDX-License-Identifier: Apache-2.0
// isthmusctl top: the live view on a terminal.
#pragma once

#include <CLI/CLI.hpp>

#include "control/cli/ask.h"

namespace isthmus::cli {

void add_top_command(CLI::App& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
