// SPDX-License-Identifier: Apache-2.0
// isthmusctl explain: what would become of a packet, from words to a question and from the answer
// to lines.
#pragma once

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "control/cli/ask.h"

namespace isthmus::cli {

void add_explain_command(CLI::App& app, Asker& ask, int& rc);

}  // namespace isthmus::cli
