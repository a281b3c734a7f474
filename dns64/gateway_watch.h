// SPDX-License-Identifier: Apache-2.0
// Are the gateways well? dns64.gateways says which prefixes are whose, and where each tells its
// state: on isthmus-control's socket, or its HTTP port. One thread asks, once a second, and may
// wait; queries never do: what it finds goes to the main thread, which makes another policy of it.
//
// A gateway that says that its dataplane does not run is not well. One that says nothing keeps its
// last state for dns64.gateway_patience, then counts as if nobody had asked.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/expected.h"
#include "common/config/dns64.h"

namespace isthmus::dns64 {

/// What a gateway says of itself; an error: nothing that could be understood. May take two seconds.
[[nodiscard]] Expected<bool> ask_gateway(const std::string& status);

class GatewayWatch {
public:
    /// Called in the thread of this object when they change.
    using Avoid = std::function<void(const std::vector<Pref64>&)>;
    explicit GatewayWatch(Avoid avoid) : avoid_(std::move(avoid)) {}
    ~GatewayWatch();
    GatewayWatch(const GatewayWatch&) = delete;
    GatewayWatch& operator=(const GatewayWatch&) = delete;

    /// The first one that names gateways starts the thread.
    void configure(const std::vector<config::Dns64Gateway>& gateways, std::uint32_t patience_s);

private:
    struct Gateway {
        config::Dns64Gateway config;
        std::optional<bool> well;  // none: not known
        std::int64_t heard_ms = 0;
        std::string trouble;  // said already
    };
    void run();
    void look(Gateway& g, std::uint32_t patience_s);
    bool is_stopping();
    void tell();

    Avoid avoid_;
    std::mutex lock_;  // of what stands here, up to `thread_`
    std::condition_variable changed_;
    std::optional<std::vector<config::Dns64Gateway>> next_;
    std::uint32_t patience_s_ = 0;
    bool stopping_ = false;
    std::thread thread_;
    // The thread's own.
    std::vector<Gateway> gateways_;
    std::vector<Pref64> avoided_;
};

}  // namespace isthmus::dns64
