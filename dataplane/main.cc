// SPDX-License-Identifier: Apache-2.0
// isthmus-dataplane: builds everything, starts the workers, runs the agent on the main lcore until
// a signal.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "common/config/parse.h"
#include "common/log/log.h"
#include "common/service/notify.h"
#include "dataplane/agent/agent.h"
#include "dataplane/dpdk/runtime.h"

namespace {

volatile std::sig_atomic_t stop_signal = 0;

void on_signal(int signal) { stop_signal = signal; }

int fail(const isthmus::Error& e) {
    isthmus::log::error(e.text());
    return 1;
}

/// Alive means: every worker has finished a turn since the last time. One that stands still is a
/// reason to start again, although the agent answers.
void serve(isthmus::agent::Agent& agent, isthmus::dpdk::Runtime& runtime) {
    isthmus::service::Watchdog watchdog;
    std::uint64_t ticket = runtime.take_ticket();
    while (stop_signal == 0) {
        agent.run_once(5);
        if (!watchdog.wanted() || !runtime.passed(ticket)) continue;
        watchdog.alive();
        ticket = runtime.take_ticket();
    }
}

/// What isthmus-setup(8) has to know, a fact a line.
void print_host(const isthmus::config::DataplaneConfig& d) {
    static const char* const kPages[] = {"auto", "yes", "no"};
    std::cout << "main_cpu " << d.main_cpu << "\n";
    for (const std::uint16_t cpu : d.workers) std::cout << "worker_cpu " << cpu << "\n";
    std::cout << "hugepages " << kPages[static_cast<unsigned>(d.hugepages)] << "\n";
    for (const auto& p : d.ports) std::cout << "device " << p.name << " " << p.device << "\n";
}

int run(const isthmus::config::Config& cfg) {
    using namespace isthmus;
    auto runtime = dpdk::Runtime::create(cfg);
    if (!runtime) return fail(runtime.error());
    dpdk::Runtime& r = **runtime;
    auto agent = agent::Agent::create(cfg, r, r.fib());
    if (!agent) return fail(agent.error());
    for (const agent::Tap& t : (*agent)->taps()) r.add_punt(t.port, t.vlan, t.fd);
    const Status launched = r.launch();
    if (!launched) return fail(launched.error());
    const Status open = (*agent)->open_for_business();
    if (!open) {
        r.stop();
        return fail(open.error());
    }
    log::info("ready: " + std::to_string(cfg.dataplane.ports.size()) + " ports, " +
              std::to_string(r.n_workers()) + " workers, socket " + cfg.dataplane.socket);
    service::ready(std::to_string(cfg.dataplane.ports.size()) + " ports, " +
                   std::to_string(r.n_workers()) + " workers");
    serve(**agent, r);
    log::info("stopping");
    service::stopping();
    r.stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Isthmus dataplane: the DPDK process that translates"};
    std::string file = "/etc/isthmus/isthmus.conf";
    bool check = false, host = false;
    app.add_option("-c,--config", file, "configuration file")->capture_default_str();
    app.add_flag("--check", check, "validate the configuration and exit");
    app.add_flag("--print-host", host, "what isthmus-setup prepares for this configuration");
    app.set_version_flag("--version", std::string("isthmus-dataplane ") + ISTHMUS_VERSION);
    CLI11_PARSE(app, argc, argv);
    const auto loaded = isthmus::config::load_file(file);
    for (const auto& w : loaded.warnings) std::cerr << w.text() << "\n";
    if (!loaded.ok()) {
        std::cerr << loaded.error_text() << "\n";
        return 1;
    }
    if (host) print_host(loaded.config.dataplane);
    if (check || host) return 0;
    if (geteuid() != 0) {
        std::cerr << "isthmus-dataplane needs root to open devices and interfaces\n";
        return 1;
    }
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return run(loaded.config);
}
