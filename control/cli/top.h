// SPDX-License-Identifier: Apache-2.0
// isthmusctl top: the live view on a terminal.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

void add_top_command(args::Command& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
