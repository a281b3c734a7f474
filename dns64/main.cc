// SPDX-License-Identifier: Apache-2.0
// isthmus-dns64: starts the service and waits for signals.
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "common/log/log.h"
#include "common/service/notify.h"
#include "dns64/service.h"

namespace {

void reload(isthmus::dns64::Service& service) {
    using namespace isthmus;
    service::reloading();
    const auto done = service.reload();
    if (done) {
        log::info("reloaded");
    } else {
        log::error("not reloaded: " + done.error().text());
    }
    service::ready("serving");
}

/// Blocked before there are threads, so that they come to the main thread alone.
sigset_t take_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return set;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace isthmus;
    CLI::App app{"Isthmus DNS64: a DNS server for hosts that have IPv6 only (RFC 6147)"};
    std::string file = "/etc/isthmus/isthmus.conf";
    bool check_only = false;
    app.add_option("-c,--config", file, "configuration file")->capture_default_str();
    app.add_flag("--check", check_only, "validate the configuration and exit");
    app.set_version_flag("--version", std::string("isthmus-dns64 ") + ISTHMUS_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    if (check_only) {
        const auto rules = dns64::load_rules(file);
        if (!rules) std::cerr << rules.error().text() << "\n";
        return rules ? 0 : 1;
    }
    const sigset_t signals = take_signals();
    auto service = dns64::Service::create(file);
    if (!service) {
        std::cerr << service.error().text() << "\n";
        return 1;
    }
    (*service)->run();
    log::info("ready");
    service::ready("serving");
    service::Watchdog watchdog;
    for (int got = 0;;) {
        const timespec wait{1, 0};
        got = sigtimedwait(&signals, nullptr, &wait);
        if (got < 0) {
            if (watchdog.wanted() && (*service)->alive()) watchdog.alive();
            continue;
        }
        if (got != SIGHUP) break;
        reload(**service);
    }
    service::stopping();
    (*service)->stop();
    return 0;
}
