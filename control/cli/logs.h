// SPDX-License-Identifier: Apache-2.0
// Commands about the NAT's logs: show logs, whois.
#pragma once

#include <CLI/CLI.hpp>

#include "control/cli/ask.h"

namespace isthmus::cli {

/// `shows` is the existing "show" command.
void add_log_commands(CLI::App& app, CLI::App& shows, Asker& ask, int& rc);

}  // namespace isthmus::cli
