// SPDX-License-Identifier: Apache-2.0
// isthmusctl: arguments -> request -> table or JSON. Exit statuses: ask.h.
#include <algorithm>

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

int main(int argc, char** argv) {
    using namespace isthmus::cli;
    Asker ask;
    int rc = kDone;
    isthmus::args::Command app("isthmusctl", "look at and change a running Isthmus");
    app.require_subcommand();
    app.fallthrough();
    app.add_option("--socket", ask.socket, "control's socket")->capture_default_str();
    app.add_flag("--json", ask.json, "JSON: one document; one object a line for lists without end");
    isthmus::args::Command& show = add_show_commands(app, ask, rc);
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
    if (const auto ends = app.parse(std::move(arguments))) return *ends;
    return rc;
}
