// SPDX-License-Identifier: Apache-2.0
// isthmus-dns64: starts the service and waits for signals.
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "common/args/command.h"
#include "common/log/log.h"
#include "common/service/notify.h"
#include "dns64/operator.h"

namespace {

void reload(isthmus::dns64::Service& service) {
    using namespace isthmus;
    service::reloading();
    const auto done = service.desk().reload();
    if (done) {
        log::info("reloaded");
    } else {
        log::error("not reloaded: " + done.error().text());
    }
    service::ready("serving");
}

/// Blocked before there are threads, so that they come to the main thread alone, by a descriptor.
int take_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, s);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// The signals that have come, and the operator's requests, until one ends it all.
void serve(isthmus::dns64::Service& service, int signals) {
    isthmus::service::Watchdog watchdog;
    for (;;) {
        std::vector<pollfd> fds{{signals, POLLIN, 0}};
        service.desk().poll(1000, fds);
        signalfd_siginfo got{};
        if (::read(signals, &got, sizeof got) == static_cast<ssize_t>(sizeof got)) {
            if (got.ssi_signo == SIGUSR1) {
                service.reopen_log();
            } else if (got.ssi_signo == SIGHUP) {
                reload(service);
            } else {
                return;
            }
        }
        if (watchdog.wanted() && service.alive()) watchdog.alive();
    }
}

}  // namespace

int main(int argc, char** argv) {
    using namespace isthmus;
    args::Command app("isthmus-dns64",
                      "Isthmus DNS64: a DNS server for hosts that have IPv6 only (RFC 6147)");
    std::string file = "/etc/isthmus/isthmus.conf";
    bool check_only = false, metrics = false;
    app.add_option("-c,--config", file, "configuration file")->capture_default_str();
    app.add_flag("--check", check_only, "validate the configuration and exit");
    app.add_flag("--print-metrics", metrics, "print the table of metrics and exit");
    if (const auto ends = app.parse(argc, argv)) return *ends;
    if (metrics) {
        std::cout << dns64::metrics_manual();
        return std::cout.flush() ? 0 : 1;
    }
    if (check_only) {
        const auto rules = dns64::load_rules(file);
        if (!rules) std::cerr << rules.error().text() << "\n";
        return rules ? 0 : 1;
    }
    const int signals = take_signals();
    auto service = dns64::Service::create(file);
    if (!service) {
        std::cerr << service.error().text() << "\n";
        return 1;
    }
    (*service)->run();
    log::info("ready");
    service::ready("serving");
    serve(**service, signals);
    service::stopping();
    (*service)->stop();
    return 0;
}
