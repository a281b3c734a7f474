// SPDX-License-Identifier: Apache-2.0
#include "control/cli/logs.h"

#include <iostream>

#include "control/cli/table.h"

namespace isthmus::cli {

namespace {

int show_logs(Asker& ask) {
    Json out;
    if (const int rc = ask.request("show.logs", Json::object(), out); rc != 0) return rc;
    if (ask.json) {
        print_json(out);
        return kDone;
    }
    if (!api::truth_of(out, "on")) {
        std::cout << "no logs: control.logs in the configuration file is empty\n";
        return kDone;
    }
    print_table(std::cout, out.value("outlets", Json::array()), true,
                {{"name", "log"},
                 {"state", "state"},
                 {"delivered", "delivered"},
                 {"lost", "lost"},
                 {"to", "to"},
                 {"error", "error"}});
    const auto n = [&](const char* name) {
        return static_cast<std::uint64_t>(api::number_of(out, name, 0));
    };
    std::cout << count_text(n("records"), "record") << " from the dataplane since control started, "
              << n("waiting") << " waiting; newest: " << cell_text(out.value("newest", Json()))
              << "\n"
              << count_text(n("gaps"), "gap") << " with " << count_text(n("lost"), "lost record")
              << " on the way from the dataplane"
              << (api::truth_of(out, "connected") ? "" : "; the dataplane is away") << "\n";
    return kDone;
}

}  // namespace

void add_log_commands(CLI::App& shows, Asker& ask, int& rc) {
    shows.add_subcommand("logs", "the NAT's logs: what they took, what was lost")
        ->fallthrough()
        ->callback([&ask, &rc] { rc = show_logs(ask); });
}

}  // namespace isthmus::cli
