// SPDX-License-Identifier: Apache-2.0
// Commands that change live state or look into it: draining, prefixes, static bindings, clearing,
// checking, deterministic NAT.
#pragma once

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

void add_live_commands(args::Command& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
