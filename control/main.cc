// SPDX-License-Identifier: Apache-2.0
// isthmus-control: wires the parts and runs until a signal.
#include <csignal>
#include <iostream>

#include "common/args/command.h"
#include "common/config/manual.h"
#include "common/config/parse.h"
#include "common/log/log.h"
#include "common/service/notify.h"
#include "control/control.h"
#include "control/web/metrics.h"

namespace {

volatile std::sig_atomic_t stop_signal = 0, reload_signal = 0;

void on_signal(int signal) { (signal == SIGHUP ? reload_signal : stop_signal) = signal; }

void serve(isthmus::control::Control& control) {
    using namespace isthmus;
    service::Watchdog watchdog;
    while (stop_signal == 0) {
        control.run_once(200);
        watchdog.alive();
        if (reload_signal == 0) continue;
        reload_signal = 0;
        service::reloading();
        // What comes of it is in the log and in show history; the service goes on in either case.
        control.reload_by_signal();
        service::ready("serving");
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace isthmus;
    args::Command app("isthmus-control", "Isthmus control: owns the policy and serves isthmusctl");
    std::string file = "/etc/isthmus/isthmus.conf";
    bool check = false, metrics = false, manual = false, sample = false;
    app.add_option("-c,--config", file, "configuration file")->capture_default_str();
    app.add_flag("--check", check, "validate the configuration and exit");
    app.add_flag("--print-manual", manual, "print isthmus.conf(5) and exit");
    app.add_flag("--print-sample", sample, "print a commented file with every key and exit");
    app.add_flag("--print-metrics", metrics, "print the table of metrics and exit");
    if (const auto ends = app.parse(argc, argv)) return *ends;
    if (metrics) {
        std::cout << control::metrics_manual();
        return std::cout.flush() ? 0 : 1;
    }
    if (manual || sample) {
        std::cout << (manual ? config::manual() : config::sample());
        return std::cout.flush() ? 0 : 1;
    }
    if (check) {
        const auto loaded = config::load_file(file);
        if (!loaded.ok()) {
            std::cerr << loaded.error_text() << "\n";
            return 1;
        }
        for (const auto& w : loaded.warnings) std::cerr << "warning: " << w.text() << "\n";
        // A host that has only DNS64 needs no pool.
        const std::string why =
            loaded.config.has_dataplane ? config::why_unusable(loaded.config.nat64) : "";
        if (!why.empty()) std::cerr << file << ": " << why << "\n";
        const auto rights = control::rights_of(loaded.config.control);
        if (!rights) std::cerr << file << ": " << rights.error().text() << "\n";
        return why.empty() && rights ? 0 : 1;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGHUP, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    auto control = control::Control::create(file);
    if (!control) {
        std::cerr << control.error().text() << "\n";
        return 1;
    }
    log::info("ready");
    service::ready("serving");
    serve(**control);
    service::stopping();
    (*control)->stop();
    return 0;
}
