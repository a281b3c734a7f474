// SPDX-License-Identifier: Apache-2.0
// Commands about the NAT's logs: show logs, whois.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

/// `shows` is the existing "show" command.
void add_log_commands(args::Command& app, args::Command& shows, Asker& ask, int& rc);

}  // namespace isthmus::cli
