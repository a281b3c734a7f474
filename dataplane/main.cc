// SPDX-License-Identifier: Apache-2.0
// isthmus-dataplane: builds everything, starts the workers, runs the agent on the main lcore until
// a signal.
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <csignal>
#include <iostream>

#include "common/args/command.h"
#include "common/base/limits.h"
#include "common/config/parse.h"
#include "common/log/log.h"
#include "common/service/notify.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/privileges.h"
#include "dataplane/dpdk/drivers.h"
#include "dataplane/dpdk/eal.h"
#include "dataplane/dpdk/runtime.h"
#include "dataplane/dpdk/sizing.h"
#include "dataplane/dpdk/variant.h"

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
        agent.run_once(1);  // next hops that workers ask for wait no longer
        runtime.tell_alive();
        if (!watchdog.wanted() || !runtime.passed(ticket)) continue;
        watchdog.alive();
        ticket = runtime.take_ticket();
    }
}

/// What isthmus-setup(8) has to know, a fact a line.
void print_host(const isthmus::config::Config& cfg) {
    const isthmus::config::DataplaneConfig& d = cfg.dataplane;
    static const char* const kPages[] = {"auto", "yes", "no"};
    std::cout << "main_cpu " << d.main_cpu << "\n";
    for (const std::uint16_t cpu : d.workers) std::cout << "worker_cpu " << cpu << "\n";
    std::cout << "hugepages " << kPages[static_cast<unsigned>(d.hugepages)] << "\n";
    const auto size = isthmus::dpdk::size_report(cfg);
    if (size) std::cout << "memory_mib " << (size->bytes >> 20) + 1 << "\n";
    for (const auto& p : d.ports) std::cout << "device " << p.name << " " << p.device << "\n";
}

/// A signal may come in any phase: what was built so far is taken down in reverse.
int run(const isthmus::config::Config& cfg) {
    using namespace isthmus;
    auto runtime = dpdk::Runtime::create(cfg);
    if (!runtime) return fail(runtime.error());
    dpdk::Runtime& r = **runtime;
    if (stop_signal != 0) return 0;
    auto agent = agent::Agent::create(cfg, r, r.fib());
    if (!agent) return fail(agent.error());
    for (const agent::Tap& t : (*agent)->taps()) r.add_punt(t.port, t.vlan, t.fd);
    if (stop_signal != 0) return 0;
    const Status launched = r.launch();
    if (!launched) return fail(launched.error());
    const Status open = (*agent)->open_for_business();
    const auto left = agent::keep_capabilities(r.capabilities_needed());
    if (!open || !left) {
        r.stop();
        return fail(open ? left.error() : open.error());
    }
    log::info("capabilities kept: " + *left);
    log::info("compiled for " + std::string(cpu::name_of(cpu::compiled_for())) + "; this CPU has " +
              std::string(cpu::name_of(cpu::level_of_this_cpu())));
    const auto n_of = [](std::size_t n, const char* what) {
        return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
    };
    const std::string has =
        n_of(cfg.dataplane.ports.size(), "port") + ", " + n_of(r.n_workers(), "worker");
    log::info("ready: " + has + ", socket " + cfg.dataplane.socket);
    service::ready(has);
    serve(**agent, r);
    log::info("stopping");
    service::stopping();
    r.stop();
    return 0;
}

/// "20M", "1.5M", "64k", "1000"; what else there is, and what is not from `least` to `most`, is
/// refused by the flag's name.
isthmus::Expected<std::uint32_t> count_of(const char* flag, const std::string& text, double least,
                                          double most) {
    const std::size_t digits = text.find_first_not_of("0123456789.");
    const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
    const double times = unit.empty()                 ? 1
                         : unit == "k" || unit == "K" ? 1e3
                         : unit == "M" || unit == "m" ? 1e6
                                                      : 0;
    double n = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (times == 0 || error != std::errc{} || text.c_str() + text.size() - unit.size() != end)
        return isthmus::Error{flag, "\"" + text + "\" is not a number such as 20M, 64k or 1024"};
    n = std::round(n * times);
    if (n < least || n > most)
        return isthmus::Error{flag, "\"" + text + "\" is out of range: " +
                                        std::to_string(static_cast<std::uint64_t>(least)) + " to " +
                                        std::to_string(static_cast<std::uint64_t>(most))};
    return static_cast<std::uint32_t>(n);
}

struct SizeOptions {
    bool wanted = false;
    std::string sessions, pool, workers;
};

/// Takes what the flags say in place of the file's values; the answer is what start would say.
int size(isthmus::config::Config cfg, const SizeOptions& o) {
    using namespace isthmus;
    config::DataplaneConfig& d = cfg.dataplane;
    auto n_workers = static_cast<std::uint32_t>(d.workers.size());
    struct Flag {
        const char* name;
        const std::string& text;
        std::uint32_t& value;
        double least, most;
    };
    // As the configuration's own keys allow.
    for (const Flag& f : {Flag{"--sessions", o.sessions, d.max_sessions, 64, 200e6},
                          Flag{"--pool", o.pool, d.max_pool_addresses, 1, limits::kPoolAddresses},
                          Flag{"--workers", o.workers, n_workers, 1, nat::kWorkersMax}}) {
        if (f.text.empty()) continue;
        const auto n = count_of(f.name, f.text, f.least, f.most);
        if (!n) {
            std::cerr << "isthmus-dataplane: " << n.error().text() << "\n";
            return 2;
        }
        f.value = *n;
    }
    if (!o.workers.empty()) {
        d.workers.clear();
        for (std::uint32_t w = 0; w < n_workers; w++)
            d.workers.push_back(static_cast<std::uint16_t>(w));
    }
    const auto answer = dpdk::size_report(cfg);
    if (!answer) {
        std::cerr << answer.error().text() << "\n";
        return 1;
    }
    std::cout << answer->text;
    if (answer->fits) {
        std::cout << "  fits into what is free now\n";
    } else {
        std::cerr << answer->fits.error().text() << "\n";
    }
    return answer->fits ? 0 : 1;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): a missing value would throw; size() asks first
int main(int argc, char** argv) {
    if (const isthmus::Status best = isthmus::dpdk::become_best_variant(argv, ISTHMUS_LIBEXEC);
        !best)
        return fail(best.error());
    isthmus::args::Command app("isthmus-dataplane",
                               "Isthmus dataplane: the DPDK process that translates");
    app.add_to_version(", compiled for " +
                       std::string(isthmus::cpu::name_of(isthmus::cpu::compiled_for())));
    std::string file = "/etc/isthmus/isthmus.conf";
    bool check = false, host = false;
    const auto* config_flag =
        app.add_option("-c,--config", file, "configuration file")->capture_default_str();
    app.add_flag("--check", check, "validate the configuration and exit");
    app.add_flag("--print-host", host, "what isthmus-setup prepares for this configuration");
    SizeOptions sizing;
    auto* size_flag = app.add_flag("--size", sizing.wanted,
                                   "say what memory a configuration takes, and whether it fits");
    app.add_option("--sessions", sizing.sessions, "with --size: of all workers, e.g. 20M")
        ->needs(size_flag);
    app.add_option("--pool", sizing.pool, "with --size: pool addresses")->needs(size_flag);
    app.add_option("--workers", sizing.workers, "with --size: number of workers")->needs(size_flag);
    if (const auto ends = app.parse(argc, argv)) return *ends;
    if (sizing.wanted && config_flag->count() == 0 && access(file.c_str(), R_OK) != 0)
        return size({}, sizing);
    auto loaded = isthmus::config::load_file(file);
    // What another host will have is asked for too: its devices need not be here.
    if (loaded.ok() && !host && !sizing.wanted) {
        for (const auto& [line, e] : isthmus::dpdk::Runtime::check(loaded.config))
            loaded.errors.push_back({file + ":" + std::to_string(line), e.text()});
    }
    // A dataplane starts without a policy and waits for control, which would refuse this one.
    if (loaded.ok() && check) {
        for (const auto& [line, e] : isthmus::dpdk::missing_drivers(loaded.config))
            loaded.errors.push_back({file + ":" + std::to_string(line), e.text()});
        if (const auto cpus = isthmus::dpdk::worker_cpus(loaded.config.dataplane); !cpus)
            loaded.errors.push_back({loaded.place(file, cpus.error().where), cpus.error().text()});
        if (const std::string why = isthmus::config::why_unusable(loaded.config.nat64);
            !why.empty())
            loaded.errors.push_back({file, why});
    }
    if (!loaded.ok()) {
        std::cerr << loaded.error_text() << "\n";
        return 1;
    }
    for (const auto& w : loaded.warnings) std::cerr << "warning: " << w.text() << "\n";
    if (host) print_host(loaded.config);
    if (check || host) return 0;
    if (sizing.wanted) return size(loaded.config, sizing);
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
