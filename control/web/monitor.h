// SPDX-License-Identifier: Apache-2.0
// Looks at the dataplane once a second, on a thread and a connection of its own, and keeps what it
// saw, with the rates of the last ten minutes: scrapes and pages are served from it, so that asking
// often costs the dataplane nothing.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/api/rpc.h"

namespace isthmus::control {

/// What happened between two looks, a second of it.
struct Rates {
    std::uint64_t unix_ns = 0;
    double to_ipv4_packets = 0, to_ipv6_packets = 0;  // translated
    double received_bits = 0, sent_bits = 0;
    double drops = 0, new_sessions = 0, log_records = 0;
    double sessions = 0, bindings = 0, subscribers = 0;    // now
    std::vector<double> busy;                              // by worker, 0 to 1
    std::vector<std::pair<std::string, double>> drops_of;  // by reason, those that occurred
};

/// One look: the dataplane's `metrics`, or why there is none.
struct Sample {
    std::uint64_t unix_ns = 0;
    std::uint64_t seen_unix_ns = 0;  // when the dataplane answered last
    bool up = false;
    std::string trouble;
    api::Json metrics = api::Json::object();  // the last that was seen, also when it is away now
    Rates rates;
};

/// What an operator wants to have seen: newest last.
struct Happening {
    std::uint64_t unix_ns = 0;
    bool bad = false;
    std::string text;
};

class Monitor {
public:
    /// `seen` is called with each look, on the monitor's thread.
    explicit Monitor(std::string socket, std::function<void(const Sample&)> seen = {});
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    // Any thread.
    [[nodiscard]] std::shared_ptr<const Sample> latest() const;
    [[nodiscard]] std::vector<Rates> history() const;
    [[nodiscard]] std::vector<Happening> happenings() const;
    void tell(bool bad, std::string text);

private:
    void run();
    void look();
    void compare(const Sample& before, const Sample& now);

    const std::string socket_;
    const std::function<void(const Sample&)> seen_;
    std::optional<api::RpcClient> dataplane_;
    mutable std::mutex mutex_;  // what follows
    std::condition_variable wake_;
    bool stop_ = false;
    std::shared_ptr<const Sample> latest_ = std::make_shared<Sample>();
    std::deque<Rates> history_;
    std::deque<Happening> happenings_;
    std::thread thread_;
};

/// The rates between two looks at one dataplane; `now`'s states.
[[nodiscard]] Rates rates_between(const Sample& before, const Sample& now);

}  // namespace isthmus::control
