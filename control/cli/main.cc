// SPDX-License-Identifier: Apache-2.0
// isthmusctl: arguments -> request -> table or JSON. Exit statuses: ask.h.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "control/cli/ask.h"
#include "control/cli/changes.h"
#include "control/cli/dns64.h"
#include "control/cli/explain.h"
#include "control/cli/flow_words.h"
#include "control/cli/live.h"
#include "control/cli/logs.h"
#include "control/cli/reference.h"
#include "control/cli/show.h"
#include "control/cli/top.h"
#include "control/cli/trace.h"

namespace {

/// "show", "show sesions", "pool add", "--nonsense": what is wrong, and what there is instead.
std::string no_such_command(const CLI::App& app, const CLI::RequiredError& e) {
    const CLI::App* at = &app;
    std::string path = app.get_name();
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        path += " " + at->get_name();
    }
    std::string word;
    for (const std::string& s : app.remaining(true)) {
        if (s.starts_with("-"))
            return path + " has no flag \"" + s + "\"; see " + path + " --help\n";
        if (word.empty()) word = s;
    }
    std::string names;
    for (const CLI::App* c : at->get_subcommands([](const CLI::App*) { return true; }))
        names += (names.empty() ? "" : ", ") + c->get_name();
    if (names.empty()) return path + ": " + e.what() + "; see " + path + " --help\n";
    return path + (word.empty() ? " needs a command: " : " has no \"" + word + "\"; it has ") +
           names + "\n";
}

}  // namespace

int main(int argc, char** argv) {
    using namespace isthmus::cli;
    Asker ask;
    int rc = kDone;
    CLI::App app{"look at and change a running Isthmus", "isthmusctl"};
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("--socket", ask.socket, "control's socket")->capture_default_str();
    app.add_flag("--json", ask.json, "JSON: one document; one object a line for lists without end");
    app.set_version_flag("--version", std::string("isthmusctl ") + ISTHMUS_VERSION,
                         "print the version and exit");
    CLI::App& show = add_show_commands(app, ask, rc);
    add_top_command(app, ask, rc);
    add_explain_command(app, ask, rc);
    add_trace_commands(app, show, ask, rc);
    add_change_commands(app, show, ask, rc);
    add_live_commands(app, ask, rc);
    add_log_commands(app, show, ask, rc);
    add_dns64_commands(app, ask, rc);
    add_reference_commands(app, rc);
    std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    replace_arrows(arguments);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::RequiredError& e) {
        std::cerr << no_such_command(app, e);
        return kUsage;
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? kDone : kUsage;
    }
    return rc;
}
