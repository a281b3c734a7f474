// SPDX-License-Identifier: Apache-2.0
// What an operator asks of a running server: the methods of dns64.socket
// (docs/control-protocol.md), in the main thread.
//
// /metrics is served on dns64.metrics, by threads of its own: they read the workers' counters, and
// what the workers told of their upstreams a second ago.
//
// What only a worker knows is asked of it by a message, and answered by one: its cache and its
// upstreams are read by its own thread alone, and it is never waited for. Work on a cache goes in
// pieces of kPiece entries; between two of them the worker serves clients.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/api/rights.h"
#include "common/api/rpc.h"
#include "common/http/http.h"
#include "dns64/gateway_watch.h"
#include "dns64/mailbox.h"
#include "dns64/metrics.h"
#include "dns64/service.h"

namespace isthmus::dns64 {

class Operator {
public:
    /// Before the service's threads run, and as the user who may open the socket's directory: an
    /// empty dns64.socket means none.
    [[nodiscard]] static Expected<std::unique_ptr<Operator>> create(Service& service);
    /// Serves what is there; waits at most `timeout_ms`, or until one of `also` is ready.
    void poll(int timeout_ms, std::vector<pollfd>& also);
    /// The file anew: rights too.
    [[nodiscard]] Status reload();

private:
    explicit Operator(Service& service);
    using Answers = std::vector<api::Json>;  // of the workers, in their order
    /// `ask` runs in each worker's thread, `done` here when all have answered.
    void ask_workers(const std::function<api::Json(Worker&)>& ask,
                     std::function<void(const Answers&)> done);
    /// Once a second: asks the workers what the metrics tell; opens their port when it is not.
    void observe();
    void listen();
    void watch_gateways();
    [[nodiscard]] std::string metrics_text() const;
    void serve_methods();
    Expected<api::Json> reload_asked(const api::Json& params);
    void serve_cache();
    void status(const api::Reply& reply);
    void explain(const api::Json& params, const api::Reply& reply);
    void cache_show(const api::Json& params, const api::Reply& reply);
    void cache_flush(const api::Json& params, const api::Reply& reply);

    Service& service_;
    Mailbox mailbox_;
    api::Rights rights_;
    std::unique_ptr<api::RpcServer> server_;  // after the mailbox: Replies are called from it
    const std::time_t started_;
    std::time_t next_look_ = 0, next_listen_ = 0;
    bool watching_ = false;
    bool looking_ = false;  // the workers have not all answered yet
    std::string http_trouble_;
    std::atomic<std::uint64_t> reloads_ = 0, refused_reloads_ = 0, n_avoided_ = 0;
    mutable std::mutex seen_lock_;  // taken by the metrics' threads, never by workers
    std::shared_ptr<const api::Json> seen_upstreams_;
    std::unique_ptr<http::HttpServer> http_;  // behind what its threads use
    GatewayWatch gateways_;                   // likewise
};

/// Who may use the socket, by the file; an error names a user or group that there is not.
[[nodiscard]] Expected<api::Rights> operator_rights(const config::Config& c);

}  // namespace isthmus::dns64
