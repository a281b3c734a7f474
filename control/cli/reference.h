// SPDX-License-Identifier: Apache-2.0
// The commands of isthmusctl as a table, and what is made of it: completion for bash and zsh, and
// isthmusctl(8). The table is read from the parser itself, so that they cannot lag behind it.
#pragma once

#include <string>
#include <vector>

#include "common/args/command.h"

namespace isthmus::cli {

[[nodiscard]] std::string bash_completion(const std::vector<args::CommandInfo>& table);
[[nodiscard]] std::string zsh_completion(const std::vector<args::CommandInfo>& table);
[[nodiscard]] std::string manual(const std::vector<args::CommandInfo>& table);

/// isthmus-drops(7), in roff.
[[nodiscard]] std::string drops_manual();

/// `completion bash|zsh`, --print-manual and --print-drops.
void add_reference_commands(args::Command& app, int& rc);

}  // namespace isthmus::cli
