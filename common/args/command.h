// SPDX-License-Identifier: Apache-2.0
// The command line of a program: its commands, their options, and what is said of one that makes no
// sense. The parser is CLI11, which is headers only and costs each file that includes it seconds of
// compile time: command.cc alone does.
//
// Variables that options are read into outlive parse().
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace isthmus::args {

class Option {
public:
    explicit Option(CLI::Option* parser) : parser_(parser) {}
    Option* required();
    /// How many words it takes.
    Option* expected(int least, int most);
    Option* in_range(int from, int to);
    Option* in_range(double from, double to);
    Option* one_of(const std::vector<std::string>& words);
    /// --help tells the value that the variable has now.
    Option* capture_default_str();
    /// Makes no sense without `other`.
    Option* needs(Option* other);
    /// How often it was given.
    [[nodiscard]] std::size_t count() const;

private:
    CLI::Option* parser_;
};

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

class Command {
public:
    /// A program. Its --version says "NAME VERSION".
    Command(const std::string& name, const std::string& help);
    ~Command();
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    Command* add_subcommand(const std::string& name, const std::string& help);
    Command* require_subcommand();
    Command* alias(const std::string& name);
    /// Options of the program may stand behind the command too.
    Command* fallthrough();
    Command* footer(const std::string& text);
    Command* callback(std::function<void()> then);

    /// `names`: "-c,--config", or without dashes a positional word.
    Option* add_option(const std::string& names, std::string& to, const std::string& help);
    Option* add_option(const std::string& names, std::vector<std::string>& to,
                       const std::string& help);
    Option* add_option(const std::string& names, unsigned& to, const std::string& help);
    Option* add_option(const std::string& names, std::int64_t& to, const std::string& help);
    Option* add_option(const std::string& names, std::uint64_t& to, const std::string& help);
    Option* add_option(const std::string& names, double& to, const std::string& help);
    Option* add_flag(const std::string& names, bool& to, const std::string& help);
    /// What --version says besides.
    void add_to_version(const std::string& text);
    /// A flag that does something and ends the program, as --version does.
    void add_action(const std::string& names, std::function<void()> action,
                    const std::string& help);

    /// An exit status when the program ends here: 0 after --help, 2 for a line that makes no sense.
    [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);
    [[nodiscard]] std::optional<int> parse(std::vector<std::string> arguments);

    /// The program itself first, then each command before those below it.
    [[nodiscard]] std::vector<CommandInfo> table() const;

private:
    explicit Command(CLI::App* parser);
    template <typename T>
    Option* take(const std::string& names, T& to, const std::string& help);
    Option* keep(CLI::Option* option);

    std::unique_ptr<CLI::App> whole_;  // of the program
    CLI::App* parser_;
    std::list<Option> options_;
    std::list<std::unique_ptr<Command>> commands_;
};

}  // namespace isthmus::args
