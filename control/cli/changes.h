// SPDX-License-Identifier: Apache-2.0
// Commands that change the policy, and what they say of it: reload, confirm, rollback, history,
// the configuration and what differs.
#pragma once

#include <ostream>

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

/// What a change did, or would do: keys with both values, and what it closes.
void print_change(std::ostream& out, const Json& answer);
/// Asks for a change and prints what came of it; the exit status. `live`: the configuration file
/// does not have it, which is said.
int change(Asker& ask, const std::string& method, const Json& params, bool live);

void add_change_commands(args::Command& app, args::Command& show, Asker& ask, int& rc);

}  // namespace isthmus::cli
