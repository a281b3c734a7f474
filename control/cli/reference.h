// SPDX-License-Identifier: Apache-2.0
// The commands of isthmusctl as a table, and what is made of it: completion for bash and zsh, and
// isthmusctl(8). The table is read from the parser itself, so that they cannot lag behind it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace isthmus::cli {

struct OptionInfo {
    std::string name;  // "--limit", or the name of a positional word
    std::string help;
    std::vector<std::string> values;  // when only these make sense
    std::string otherwise;            // what holds when it is not given
    bool positional = false, required = false, takes_value = false;
};

struct CommandInfo {
    std::vector<std::string> words;  // "show", "sessions"
    std::string help, notes;
    std::vector<OptionInfo> options;
    bool has_commands = false;

    [[nodiscard]] std::string path() const;
};

/// The program itself first, then each command before those below it.
[[nodiscard]] std::vector<CommandInfo> commands_of(const CLI::App& app);

[[nodiscard]] std::string bash_completion(const std::vector<CommandInfo>& table);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandInfo>& table);
[[nodiscard]] std::string manual(const std::vector<CommandInfo>& table);

/// `completion bash|zsh`, and --print-manual.
void add_reference_commands(CLI::App& app, int& rc);

}  // namespace isthmus::cli
