// SPDX-License-Identifier: Apache-2.0
// Logs, metrics, the status page and whois, as one part of control: nothing here can hold up
// control's own thread, and nothing here changes the policy.
#pragma once

#include <atomic>
#include <ctime>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "common/config/config.h"
#include "common/http/http.h"
#include "control/logs/event_log.h"
#include "control/logs/parameters.h"
#include "control/logs/thresholds.h"
#include "control/logs/whois.h"
#include "control/web/monitor.h"
#include "control/web/status.h"

namespace isthmus::control {

class Observer {
public:
    explicit Observer(const config::Config& cfg);
    ~Observer();
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;

    // All of it is for control's thread.
    /// Now and then: listens again when it could not, answers what is done.
    void serve();
    /// What control knows of the policy; `running` is what the dataplane has when `applied`.
    void tell(const config::Nat64Config& running, bool applied, bool waits_for_confirmation);
    /// What a dataplane must be told before it gets its policy: no binding goes unlogged.
    [[nodiscard]] api::Json log_wish() const { return logs_.wish(); }
    /// For `show logs`.
    [[nodiscard]] api::Json logs() const;
    /// Looks through the log on a thread; the reply comes out of serve(). `calculated` is the
    /// dataplane's answer to whois.deterministic.
    void whois(const WhoisQuestion& q, const api::Json& calculated, const api::Reply& reply);
    /// Whether a file says of logs and HTTP what it said when control started.
    [[nodiscard]] bool same(const config::ControlConfig& fresh) const;

private:
    struct Search {
        std::thread thread;
        std::atomic<bool> done{false};
        Expected<api::Json> result = Error{};
        api::Reply reply;
    };
    void listen();
    [[nodiscard]] MetricSource source() const;
    [[nodiscard]] std::string metrics_text();
    void seen(const Sample& sample);

    const config::ControlConfig cfg_;
    EventLog logs_;
    Thresholds thresholds_;  // the monitor's thread asks it
    Monitor monitor_;
    std::unique_ptr<http::HttpServer> http_;
    std::deque<std::unique_ptr<Search>> searches_;
    std::atomic<std::uint64_t> scrapes_{0};
    std::atomic<bool> applied_{false}, waits_{false};
    const std::time_t started_;
    std::time_t next_listen_ = 0;
    std::string http_trouble_;
    ParameterRecord parameters_;
};

}  // namespace isthmus::control
