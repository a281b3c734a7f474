// SPDX-License-Identifier: Apache-2.0
// isthmusctl explain: what would become of a packet, from words to a question and from the answer
// to lines.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "common/args/command.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

void add_explain_command(args::Command& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
