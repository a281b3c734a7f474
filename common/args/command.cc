// SPDX-License-Identifier: Apache-2.0
#include "common/args/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <regex>

namespace isthmus::args {

namespace {

constexpr int kDone = 0, kUsage = 2;

/// "0.200000" as "0.2".
std::string short_numbers(const std::string& text) {
    static const std::regex kZeros(R"((\d+)(?:\.0+|(\.\d*?[1-9])0+)\b)");
    return std::regex_replace(text, kZeros, "$1$2");
}

/// CLI11's sentences are of programmers: "--limit: Value 0 not in range 1 to 9".
std::string plain_words(const std::string& what) {
    std::smatch m;
    const auto is = [&](const char* pattern) {
        return std::regex_match(what, m, std::regex(pattern));
    };
    if (is(R"((.*): (.*) not in \{(.*)\})"))
        return m.str(1) + ": " + m.str(2) + " is none of " +
               std::regex_replace(m.str(3), std::regex(","), ", ");
    if (is(R"((.*): Value (.*) not in range (.*))"))
        return m.str(1) + ": \"" + m.str(2) + "\" is no number from " + short_numbers(m.str(3));
    if (is(R"(Could not convert: (.*) = (.*))"))
        return m.str(1) + ": \"" + m.str(2) + "\" is no number";
    if (is(R"((.*): \d+ required .* missing)")) return m.str(1) + " needs a value";
    if (is(R"((.*): At [Ll]east (\d+) required but received (\d+))"))
        return m.str(1) + " needs " + m.str(2) + " words and has " + m.str(3);
    if (is(R"((--.*): At [Mm]ost 1 required but received \d+)"))
        return m.str(1) + " is given more than once";
    if (is(R"((.*): At [Mm]ost (\d+) required but received (\d+))"))
        return m.str(1) + ": at most " + m.str(2) + " words, and there are " + m.str(3);
    return what;
}

/// What is wrong with a command line, in one line that names the command and the way to its help;
/// CLI11's own texts name neither.
std::string complaint(const CLI::App& app, const CLI::ParseError& e) {
    const CLI::App* at = &app;
    std::string path = app.get_name();
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        path += " " + at->get_name();
    }
    const std::string help = "; see " + path + " --help";
    std::string word;
    for (const std::string& s : app.remaining(true)) {
        if (s.size() > 1 && s[0] == '-') return path + " has no flag \"" + s + "\"" + help;
        if (word.empty()) word = s;
    }
    // A flag that lacks its value says so, whatever else is missing.
    const bool of_a_flag = e.get_name() == "ArgumentMismatch" ||
                           e.get_name() == "ConversionError" || e.get_name() == "ValidationError";
    if (of_a_flag && word.empty()) return path + ": " + plain_words(e.what()) + help;
    std::string names;
    for (const CLI::App* c : at->get_subcommands([](const CLI::App*) { return true; }))
        names += (names.empty() ? "" : ", ") + c->get_name();
    if (!names.empty())
        return path + (word.empty() ? " needs a command: " : " has no \"" + word + "\"; it has ") +
               names;
    if (!word.empty()) return path + ": \"" + word + "\" is one word too many" + help;
    return path + ": " + plain_words(e.what()) + help;
}

/// CLI11 tells the words of IsMember in braces: "TEXT:{tcp,udp,icmp}".
std::vector<std::string> values_of(const std::string& type) {
    const auto open = type.find('{'), close = type.find('}');
    std::vector<std::string> out;
    if (open == std::string::npos || close == std::string::npos) return out;
    std::string word;
    for (std::size_t i = open + 1; i <= close; i++) {
        if (type[i] != ',' && type[i] != '}') {
            word += type[i];
            continue;
        }
        if (!word.empty()) out.push_back(word);
        word.clear();
    }
    return out;
}

OptionInfo info_of(const CLI::Option& o) {
    OptionInfo i;
    i.positional = !o.nonpositional();
    const auto& longs = o.get_lnames();
    i.name = i.positional     ? o.get_name(true)
             : !longs.empty() ? "--" + longs.front()
                              : "-" + o.get_snames().front();
    i.help = o.get_description();
    i.values = values_of(o.get_type_name());
    i.otherwise = o.get_default_str();
    i.required = o.get_required();
    i.takes_value = o.get_items_expected_max() > 0;
    return i;
}

void collect(const CLI::App& app, const std::vector<std::string>& words,
             std::vector<CommandInfo>& out) {
    CommandInfo c;
    c.words = words;
    c.help = app.get_description();
    c.notes = app.get_footer();
    for (const CLI::Option* o : app.get_options()) {
        if (o->get_name() != "--help") c.options.push_back(info_of(*o));
    }
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    c.has_commands = !below.empty();
    out.push_back(std::move(c));
    for (const CLI::App* b : below) {
        auto longer = words;
        longer.push_back(b->get_name());
        collect(*b, longer, out);
    }
}

}  // namespace

Option* Option::required() {
    parser_->required();
    return this;
}

Option* Option::expected(int least, int most) {
    parser_->expected(least, most);
    return this;
}

Option* Option::in_range(int from, int to) {
    parser_->check(CLI::Range(from, to));
    return this;
}

Option* Option::in_range(double from, double to) {
    parser_->check(CLI::Range(from, to));
    return this;
}

Option* Option::one_of(const std::vector<std::string>& words) {
    parser_->check(CLI::IsMember(words));
    return this;
}

Option* Option::capture_default_str() {
    parser_->capture_default_str();
    return this;
}

Option* Option::needs(Option* other) {
    parser_->needs(other->parser_);
    return this;
}

std::size_t Option::count() const { return parser_->count(); }

std::string CommandInfo::path() const {
    std::string out;
    for (const std::string& w : words) out += (out.empty() ? "" : "/") + w;
    return out;
}

Command::Command(const std::string& name, const std::string& help)
    : whole_(std::make_unique<CLI::App>(help, name)), parser_(whole_.get()) {
    parser_->set_version_flag("--version", name + " " + ISTHMUS_VERSION,
                              "print the version and exit");
}

void Command::add_to_version(const std::string& text) {
    parser_->set_version_flag("--version", parser_->get_name() + " " + ISTHMUS_VERSION + text,
                              "print the version and exit");
}

Command::Command(CLI::App* parser) : parser_(parser) {}

Command::~Command() = default;

Command* Command::add_subcommand(const std::string& name, const std::string& help) {
    commands_.emplace_back(new Command(parser_->add_subcommand(name, help)));
    return commands_.back().get();
}

Command* Command::require_subcommand() {
    parser_->require_subcommand(1);
    return this;
}

Command* Command::alias(const std::string& name) {
    parser_->alias(name);
    return this;
}

Command* Command::fallthrough() {
    parser_->fallthrough();
    return this;
}

Command* Command::footer(const std::string& text) {
    parser_->footer(text);
    return this;
}

Command* Command::callback(std::function<void()> then) {
    parser_->callback(std::move(then));
    return this;
}

Option* Command::keep(CLI::Option* option) { return &options_.emplace_back(option); }

template <typename T>
Option* Command::take(const std::string& names, T& to, const std::string& help) {
    return keep(parser_->add_option(names, to, help));
}

Option* Command::add_option(const std::string& names, std::string& to, const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_option(const std::string& names, std::vector<std::string>& to,
                            const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_option(const std::string& names, unsigned& to, const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_option(const std::string& names, std::int64_t& to, const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_option(const std::string& names, std::uint64_t& to, const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_option(const std::string& names, double& to, const std::string& help) {
    return take(names, to, help);
}

Option* Command::add_flag(const std::string& names, bool& to, const std::string& help) {
    return keep(parser_->add_flag(names, to, help));
}

void Command::add_action(const std::string& names, std::function<void()> action,
                         const std::string& help) {
    parser_->add_flag_callback(
        names,
        [action = std::move(action)] {
            action();
            throw CLI::Success();
        },
        help);
}

std::optional<int> Command::parse(int argc, const char* const* argv) {
    return parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

std::optional<int> Command::parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
        parser_->parse(std::move(arguments));
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) return parser_->exit(e) == 0 ? kDone : kUsage;
        std::cerr << complaint(*parser_, e) << "\n";
        return kUsage;
    }
    return std::nullopt;
}

std::vector<CommandInfo> Command::table() const {
    std::vector<CommandInfo> out;
    collect(*parser_, {}, out);
    return out;
}

}  // namespace isthmus::args
